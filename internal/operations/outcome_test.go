package operations

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestProcessThatWasStoppedTooLongSendsNothing(t *testing.T) {
	f := newFixture(t)
	f.crash = func(at crashPoint) {
		if at == crashAfterClaim {
			f.clock.advance(10 * time.Minute) // its machine slept
		}
	}
	preview := f.proposed(orderOf("shop"))
	_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	refused(t, err, CodeRejected, "nothing was ordered", "nothing was sent")
	require.Empty(t, f.api.sent("POST"))
}

// TestAnswerAfterItWasGivenUpStillCounts lets another process give an operation
// up as overdue while its own is still waiting for the answer.
func TestAnswerAfterItWasGivenUpStillCounts(t *testing.T) {
	for name, row := range map[string]struct {
		answer error
		state  State
	}{"yes": {nil, Succeeded}, "no": {errNo, NotApplied}, "lost": {errLost, Unknown}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			other := f.service()
			f.api.on("POST", func(context.Context) error {
				f.clock.advance(2 * time.Minute)
				require.NoError(t, other.Recover(t.Context()))
				return row.answer
			}, nil)
			preview := f.proposed(orderOf("shop"))
			result, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
			if row.state == Succeeded {
				require.NoError(t, err)
				require.Equal(t, "PLSK.02980004", result.Operation.KeyNumber)
			} else {
				require.Error(t, err)
			}
			require.Equal(t, row.state, f.state(preview.Operation.ID))
		})
	}
}

// namesTaken is an API that answers every order with the same key.
type namesTaken struct{ *stub }

func (a namesTaken) Order(ctx context.Context, family websoftsolus.Family, form url.Values) (*websoftsolus.Receipt, error) {
	receipt, err := a.stub.Order(ctx, family, form)
	if err == nil {
		receipt.KeyNumber = "PLSK.02980004"
	}
	return receipt, err
}

func TestKeyOfAnotherOrderIsNotGivenAgain(t *testing.T) {
	f := newFixture(t)
	first := f.ordered(orderOf("first"))
	odd := f.service(func(c *Config) { c.API = namesTaken{f.api} })
	preview := f.proposed(orderOf("second"))
	result, err := odd.ConfirmOrder(t.Context(), orderOf("second"), preview.Confirm)
	require.NoError(t, err, "the API said yes")
	require.Equal(t, Succeeded, result.Operation.State)
	require.Equal(t, Exact, result.Operation.Certainty)
	require.NotEqual(t, first.Operation.KeyNumber, result.Operation.KeyNumber)
	require.Equal(t, "PLSK.02980005", result.Operation.KeyNumber, "found by looking")
}

func TestErrorsOfUnknownKindAreUnknown(t *testing.T) {
	state, _ := failed(errors.New("anything"))
	require.Equal(t, Unknown, state)
	state, _ = failed(&websoftsolus.Error{Kind: websoftsolus.Rejected})
	require.Equal(t, Unknown, state, "only an error that says so had no effect")
	state, found := failed(&websoftsolus.Error{Op: "order", Outcome: websoftsolus.NotDone, Fields: map[string][]string{"title": {"too long"}, "os": {"missing"}}, Message: strings.Repeat("é", 2000)})
	require.Equal(t, Rejected, state)
	require.LessOrEqual(t, len([]rune(found.Message)), maxMessage+1)
}

func TestPendingOrderIsDoneAndSaysSo(t *testing.T) {
	found := accepted(Order, &websoftsolus.Receipt{Status: 202, Pending: true, OrderID: "77", Message: "awaiting payment"})
	require.Equal(t, Finding{Certainty: Exact, Status: 202, OrderID: "77", Pending: true,
		Message: "the API took the order and calls it pending, so the licence may not be active yet; the API says «awaiting payment»"}, found)
}
