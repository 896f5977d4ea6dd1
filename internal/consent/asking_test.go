package consent_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// each runs a test in both eras.
func each(t *testing.T, test func(t *testing.T, era string)) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) { test(t, era) })
	}
}

func TestTheRightTextConfirmsInTheSameCall(t *testing.T) {
	each(t, func(t *testing.T, era string) {
		for _, mode := range []consent.Mode{consent.Auto, consent.Human} {
			b := newBench(t, mode)
			var asked []*mcp.ElicitParams
			key := b.target().KeyNumber
			typed := " " + product + "\n" // spaces around it are forgiven
			c := b.connect(era, func(_ context.Context, q *mcp.ElicitParams) (*mcp.ElicitResult, error) {
				asked = append(asked, q)
				return &mcp.ElicitResult{Action: "accept", Content: object{"typed": typed}}, nil
			})
			result, failure := c.call("order_plesk12_license", order("shop"))
			require.Nil(t, failure)
			require.Equal(t, "done", result["outcome"])
			require.Equal(t, false, result["replayed"])
			require.Equal(t, []string{"POST /license/plesk/order"}, b.sent())
			o := b.newest()
			require.Equal(t, operations.Succeeded, o.State)
			require.Equal(t, operations.ByElicitation, o.Confirmed)

			typed = key
			result, failure = c.call("terminate_license", terminate(key))
			require.Nil(t, failure)
			require.Equal(t, "done", result["outcome"])
			require.Equal(t, []string{"POST /license/plesk/order", "DELETE /license/plesk/" + key}, b.sent())

			require.Len(t, asked, 2, "each is asked for once")
			require.Contains(t, asked[0].Message, "    product: "+product+"\n")
			require.Contains(t, asked[0].Message, "    period: 12 months\n")
			require.Contains(t, asked[0].Message, "    environment: live\n")
			require.Contains(t, asked[1].Message, "    key number: "+key+"\n")
			for _, q := range asked {
				schema := q.RequestedSchema.(object)
				require.Equal(t, []any{"typed"}, schema["required"])
				field := schema["properties"].(object)["typed"].(object)
				require.Equal(t, "string", field["type"])
				require.EqualValues(t, 1, field["minLength"])
			}
		}
	})
}

func TestAnythingElseDeclines(t *testing.T) {
	each(t, func(t *testing.T, era string) {
		for name, p := range map[string]person{
			"wrong text":         typing("PLESK_12_WEB_HOST_2"),
			"other letter case":  typing("plesk_12_web_host"),
			"yes":                typing("yes"),
			"decline":            answering("decline"),
			"cancel":             answering("cancel"),
			"accept, empty form": answering("accept"),
			"error": func(context.Context, *mcp.ElicitParams) (*mcp.ElicitResult, error) {
				if era == eras[1] {
					return answering("cancel")(nil, nil) // there the SDK ends the call by itself
				}
				return nil, errors.New("no person here")
			},
		} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, consent.Auto)
				c := b.connect(era, p)
				result, failure := c.call("order_plesk12_license", order("shop"))
				require.Equal(t, "declined", failure["code"], "%v", failure)
				require.Equal(t, "not_done", failure["outcome"])
				require.Contains(t, failure["message"], "nothing was ordered: declined or unavailable")
				require.Contains(t, failure["next"], "--confirm code")
				require.Equal(t, "declined", result["state"])
				require.Equal(t, operations.Declined, b.state(result["operationId"]))
				require.Empty(t, b.sent())
			})
		}
	})
}

// TestACallThatWaitsEndsByItself: an older client declared the capability and
// never answers. The clock is the test's.
func TestACallThatWaitsEndsByItself(t *testing.T) {
	b := newBench(t, consent.Auto)
	var bound time.Duration
	asked := make(chan struct{})
	b.consent.WithTimeout = func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		bound = d
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			<-asked
			cancel()
		}()
		return ctx, cancel
	}
	never := make(chan struct{})
	c := b.connect(eras[0], func(ctx context.Context, _ *mcp.ElicitParams) (*mcp.ElicitResult, error) {
		close(asked)
		<-never
		return nil, errors.New("too late")
	})
	result, failure := c.call("order_plesk12_license", order("shop"))
	require.Equal(t, "declined", failure["code"])
	require.Contains(t, failure["message"], "no answer came in time")
	require.Equal(t, operations.Declined, b.state(result["operationId"]))
	require.Equal(t, 2*time.Minute, bound)
	require.Empty(t, b.sent())
	close(never)

	// It never outlasts the proposal.
	b = newBench(t, consent.Auto)
	b.consent.AnswerWithin = time.Hour
	b.consent.WithTimeout = func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		bound = d
		return context.WithCancel(ctx)
	}
	b.connect(eras[0], answering("decline")).call("order_plesk12_license", order("shop"))
	require.Equal(t, 10*time.Minute, bound)
}

// TestAClientOf2026MayNeverComeBack: nothing waits for it, and when its time is
// over no answer is a no.
func TestAClientOf2026MayNeverComeBack(t *testing.T) {
	b := newBench(t, consent.Auto)
	answer := b.raw(order("shop"), nil)
	require.NotEmpty(t, answer.RequestState)
	o := b.newest()
	require.Equal(t, operations.Proposed, o.State)
	b.clock.advance(10 * time.Minute)
	require.Equal(t, operations.Declined, b.state(o.ID))
	require.Empty(t, b.sent())

	// So it is for who looks at the ledger later.
	b.raw(order("mail"), nil)
	b.clock.advance(10 * time.Minute)
	require.NoError(t, b.service.Recover(t.Context()))
	o = b.newest()
	require.Equal(t, operations.Declined, o.State)
	require.Equal(t, "declined or unavailable: no answer came in time", o.Message)
	require.Empty(t, b.sent())
}

func TestWithoutTheCapabilityNobodyIsAsked(t *testing.T) {
	each(t, func(t *testing.T, era string) {
		none := person(func(context.Context, *mcp.ElicitParams) (*mcp.ElicitResult, error) {
			t.Error("asked")
			return nil, errors.New("asked")
		})
		urlOnly := func(o *mcp.ClientOptions) {
			o.Capabilities = &mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapabilities{URL: &mcp.URLElicitationCapabilities{}}}
		}
		for name, connect := range map[string]func(*bench) *session{
			"absent":   func(b *bench) *session { return b.connect(era, nil) },
			"url only": func(b *bench) *session { return b.connect(era, none, urlOnly) },
		} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, consent.Auto)
				c := connect(b)
				preview, failure := c.call("order_plesk12_license", order("shop"))
				require.Nil(t, failure)
				require.Equal(t, "preview", preview["outcome"])
				confirmed := order("shop")
				confirmed["confirm"] = preview["confirm"]
				done, failure := c.call("order_plesk12_license", confirmed)
				require.Nil(t, failure)
				require.Equal(t, "done", done["outcome"])

				b = newBench(t, consent.Human)
				result, failure := connect(b).call("order_plesk12_license", order("shop"))
				require.Equal(t, "approval_required", failure["code"])
				require.NotContains(t, result, "confirm")
				require.Empty(t, b.sent())
			})
		}
	})
}

// TestWithoutASessionNobodyIsAsked: an older client over stateless HTTP left no
// trace of what it can do, and there is no way to reach it.
func TestWithoutASessionNobodyIsAsked(t *testing.T) {
	b := newBench(t, consent.Auto)
	message, err := json.Marshal(object{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": object{
		"name": "order_plesk12_license", "arguments": order("shop"),
	}})
	require.NoError(t, err)
	encoded, err := json.Marshal(b.server().HandleMessage(t.Context(), message))
	require.NoError(t, err)
	var response struct{ Result rawAnswer }
	require.NoError(t, json.Unmarshal(encoded, &response))
	require.NotEmpty(t, response.Result.StructuredContent["confirm"])
}

func TestTheModeCodeAsksNobody(t *testing.T) {
	each(t, func(t *testing.T, era string) {
		b := newBench(t, consent.Code)
		preview, failure := b.connect(era, answering("decline")).call("order_plesk12_license", order("shop"))
		require.Nil(t, failure)
		require.NotEmpty(t, preview["confirm"])
	})
}

func TestPhrasesAreNotAcceptedWhereAPersonIsAsked(t *testing.T) {
	each(t, func(t *testing.T, era string) {
		b := newBench(t, consent.Auto)
		// A client that cannot ask is given a phrase; one that can does not get it through.
		preview, _ := b.connect(era, nil).call("order_plesk12_license", order("shop"))
		confirmed := order("shop")
		confirmed["confirm"] = preview["confirm"]
		_, failure := b.connect(era, typing(product)).call("order_plesk12_license", confirmed)
		require.Equal(t, "confirm_not_accepted", failure["code"])
		require.Empty(t, b.sent())
	})
}

// TestLeavingWhileThePersonIsAsked: the call is cancelled, and the answer that
// comes later confirms nothing.
func TestLeavingWhileThePersonIsAsked(t *testing.T) {
	b := newBench(t, consent.Auto)
	asked, answer := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(answer) })
	c := b.connect(eras[0], func(context.Context, *mcp.ElicitParams) (*mcp.ElicitResult, error) {
		close(asked)
		<-answer
		return typing(product)(nil, nil)
	})
	t.Cleanup(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := c.CallTool(ctx, &mcp.CallToolParams{Name: "order_plesk12_license", Arguments: order("shop")})
	require.Error(t, err)
	id := b.newest().ID
	require.Eventually(t, func() bool { return b.state(id) == operations.Declined }, 5*time.Second, time.Millisecond)
	release()
	_, failure := c.call("get_operation", object{"operationId": id})
	require.Nil(t, failure)
	require.Equal(t, operations.Declined, b.state(id))
	require.Empty(t, b.sent())
}
