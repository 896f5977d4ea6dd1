package operations

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestConfirmTwiceSendsOnce(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	require.Equal(t, Proposed, preview.Operation.State)
	require.Regexp(t, `^order PLESK_12_WEB_HOST for 12 months \[[0-9A-Z]{4}-[0-9A-Z]{4}\]$`, preview.Confirm)
	require.Regexp(t, `^op_[0-9A-Z]{26}$`, preview.Operation.ID)
	require.Empty(t, f.api.requests, "a preview sends nothing")

	ctx := WithActor(t.Context(), Actor{ClientName: "host", Transport: "stdio"})
	first, err := f.ConfirmOrder(ctx, orderOf("shop"), preview.Confirm)
	require.NoError(t, err)
	require.False(t, first.Replayed)
	require.Equal(t, Succeeded, first.Operation.State)
	require.Equal(t, Exact, first.Operation.Certainty)
	require.Equal(t, "PLSK.02980004", first.Operation.KeyNumber)
	require.Equal(t, "shop", first.License.Title)
	require.Equal(t, "host", first.Operation.ConfirmedBy.ClientName)
	require.Equal(t, []string{"LIST plesk", "POST plesk", "GET PLSK.02980004"}, f.api.requests)

	for range 3 {
		again, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		require.NoError(t, err)
		require.True(t, again.Replayed)
		require.Equal(t, first.Operation, again.Operation)
	}
	require.Len(t, f.api.sent("POST"), 1)
}

func TestTerminationEndsWhatThePersonSaw(t *testing.T) {
	f := newFixture(t)
	preview, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	require.Equal(t, "old 0", preview.License.Title)
	require.Equal(t, "old 0", preview.Operation.Previous.Title)
	require.True(t, strings.HasPrefix(preview.Confirm, "terminate PLSK.02980001 ["))
	result, err := f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
	require.NoError(t, err)
	require.Equal(t, Succeeded, result.Operation.State)
	require.Equal(t, []string{"GET PLSK.02980001", "GET PLSK.02980001", "DELETE PLSK.02980001"}, f.api.requests)
	again, err := f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Len(t, f.api.sent("DELETE"), 1)
}

func TestManyConfirmOnePhraseAndOneSends(t *testing.T) {
	real := func(c *Config) { c.Sleep = nil }
	f := newFixture(t, real)
	services := []*Service{f.Service, f.service(real), f.service(real), f.service(real)}
	for round := range 3 {
		request := orderOf("round " + string(rune('a'+round)))
		preview := f.proposed(request)
		before := len(f.api.sent("POST"))
		var (
			group   sync.WaitGroup
			mu      sync.Mutex
			results []*Result
		)
		for _, s := range services {
			for range 6 {
				group.Go(func() {
					result, err := s.ConfirmOrder(t.Context(), request, preview.Confirm)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
						return
					}
					results = append(results, result)
				})
			}
		}
		group.Wait()
		require.Len(t, f.api.sent("POST"), before+1)
		fresh := 0
		for _, r := range results {
			require.Equal(t, results[0].Operation.KeyNumber, r.Operation.KeyNumber)
			if !r.Replayed {
				fresh++
			}
		}
		require.Equal(t, 1, fresh, "one caller sent it")
	}
}

func TestPhraseThatIsNoneConfirmsNothing(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	code := preview.Confirm[strings.Index(preview.Confirm, "["):]
	other := newFixture(t)
	foreign := other.proposed(orderOf("shop")).Confirm
	for name, phrase := range map[string]string{
		"made up":          "order PLESK_12_WEB_HOST for 12 months [AAAA-AAAA]",
		"yes":              "yes",
		"only the code":    code,
		"bare code":        strings.Trim(code, "[]"),
		"other words":      "order PLESK_12_WEB_HOST for 1 month " + code,
		"words in capital": strings.ToUpper(preview.Confirm),
		"of other ledger":  foreign,
		"operation id":     preview.Operation.ID,
	} {
		_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), phrase)
		r := refused(t, err, CodeConfirmUnknown, "nothing was ordered")
		require.Equal(t, websoftsolus.NotDone, r.Outcome, name)
	}
	require.Empty(t, f.api.requests)
	for _, phrase := range []string{
		" " + preview.Confirm + "\n",
		strings.Replace(preview.Confirm, code, strings.ToLower(code), 1),
		strings.Replace(preview.Confirm, code, strings.ReplaceAll(code, "-", ""), 1),
		strings.NewReplacer(code, strings.NewReplacer("0", "o", "1", "l").Replace(code)).Replace(preview.Confirm),
	} {
		_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), phrase)
		require.NoError(t, err, phrase)
	}
	require.Len(t, f.api.sent("POST"), 1)
}

func TestOtherArgumentsThanPreviewedAreRefused(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	duplicate := orderOf("shop")
	duplicate.DuplicateOf = preview.Operation.ID
	family := orderOf("shop")
	family.Family = websoftsolus.CPanel
	virus := orderOf("shop")
	virus.Form[4].Value = "PREMIUM_ANTIVIRUS"
	for field, request := range map[string]OrderRequest{"title": orderOf("shop 2"), "duplicateOf": duplicate, "family": family, "antivirus": virus} {
		_, err := f.ConfirmOrder(t.Context(), request, preview.Confirm)
		refused(t, err, CodeConfirmMismatch, "nothing was ordered", field+" differs")
	}
	_, err := f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
	refused(t, err, CodeConfirmMismatch, "the licence was not terminated", "tool")

	ending, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(2), ending.Confirm)
	refused(t, err, CodeConfirmMismatch, "keyNumber")
	require.Empty(t, f.api.sent("POST"))
	require.Empty(t, f.api.sent("DELETE"))
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	require.NoError(t, err, "a mismatch does not use the phrase up")
}

func TestPhraseExpires(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	require.Equal(t, 10*time.Minute, preview.Operation.ExpiresAt.Sub(preview.Operation.ProposedAt))
	f.clock.advance(10 * time.Minute)
	for range 2 {
		_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		refused(t, err, CodeConfirmExpired, "nothing was ordered")
	}
	require.Equal(t, Expired, f.state(preview.Operation.ID))
	require.Empty(t, f.api.requests)
}

func TestDeclinedIsNotConfirmed(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	declined, err := f.Decline(t.Context(), preview.Operation.ID)
	require.NoError(t, err)
	require.Equal(t, Declined, declined.State)
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	refused(t, err, CodeDeclined, "nothing was ordered")
	_, err = f.Decline(t.Context(), preview.Operation.ID)
	refused(t, err, CodeNotOpen)
	_, err = f.Decline(t.Context(), "op_none")
	refused(t, err, CodeOperationNotFound)
	require.Empty(t, f.api.requests)
}

func TestLicenceThatChangedIsNotTerminated(t *testing.T) {
	first := func(s *stub) *websoftsolus.License { return s.licenses[websoftsolus.Plesk][0] }
	for name, change := range map[string]func(l *websoftsolus.License){
		"title":     func(l *websoftsolus.License) { l.Title = "now production" },
		"comment":   func(l *websoftsolus.License) { l.Comment = "do not touch" },
		"status":    func(l *websoftsolus.License) { l.Status = "suspended" },
		"serverIP":  func(l *websoftsolus.License) { l.ServerIP = "192.0.2.1" },
		"expiresAt": func(l *websoftsolus.License) { l.ExpiresAt = "2027-01-01" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			preview, err := f.ProposeTermination(t.Context(), termination(1))
			require.NoError(t, err)
			before := *first(f.api)
			f.api.change(func() { change(first(f.api)) })
			_, err = f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
			refused(t, err, CodeLicenceChanged, "the licence was not terminated", name)
			f.api.change(func() { *first(f.api) = before })
			_, err = f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
			refused(t, err, CodeLicenceChanged, "the licence was not terminated", name)
			require.Empty(t, f.api.sent("DELETE"))
		})
	}
}

func TestDateMadeUpAnewWithEachReadIsNoChange(t *testing.T) {
	f := newFixture(t)
	reads := 0
	f.api.on("GET", func(context.Context) error {
		f.api.change(func() { reads++; f.api.licenses[websoftsolus.Plesk][0].ExpiresAt = strings.Repeat("x", reads) })
		return nil
	}, nil)
	preview, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
	require.NoError(t, err)
}

func TestFailedReadBeforeSendingLeavesThePhraseUsable(t *testing.T) {
	f := newFixture(t)
	order := f.proposed(orderOf("shop"))
	ending, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	f.api.change(func() { f.api.before = func(context.Context, string) error { return errReads } })

	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), order.Confirm)
	r := refused(t, err, CodeNotListed, "nothing was ordered")
	require.ErrorIs(t, r, errReads)
	_, err = f.ConfirmTermination(t.Context(), termination(1), ending.Confirm)
	require.ErrorIs(t, err, errReads)
	_, err = f.ProposeTermination(t.Context(), termination(1))
	require.ErrorIs(t, err, errReads)
	_, err = f.Edit(t.Context(), EditRequest{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001", Title: new(string)})
	require.ErrorIs(t, err, errReads)

	f.api.change(func() { f.api.before = nil })
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), order.Confirm)
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(1), ending.Confirm)
	require.NoError(t, err)
}

func TestClearNoIsRejected(t *testing.T) {
	f := newFixture(t)
	f.api.on("POST", fails(errNo), nil)
	preview := f.proposed(orderOf("shop"))
	for range 2 {
		_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		r := refused(t, err, CodeRejected, "nothing was ordered", "not enough credit")
		require.Equal(t, websoftsolus.NotDone, r.Outcome)
		require.Equal(t, Rejected, r.Operation.State)
		require.Equal(t, 422, r.Operation.Status)
		require.Equal(t, "d2", r.Operation.Digest)
	}
	require.Len(t, f.api.sent("POST"), 1)
	_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
	require.NoError(t, err, "a rejected order stands in nobody's way")
}

func TestCallerWhoLeavesStopsNothing(t *testing.T) {
	f := newFixture(t)
	arrived, leave, answer := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.api.on("POST", func(ctx context.Context) error {
		close(arrived)
		<-answer
		return ctx.Err()
	}, nil)
	preview := f.proposed(orderOf("shop"))
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := f.ConfirmOrder(ctx, orderOf("shop"), preview.Confirm)
		left <- err
		close(leave)
	}()
	<-arrived
	cancel()
	<-leave
	r := refused(t, <-left, CodeOutcomeUnknown, "it is not known")
	require.Equal(t, websoftsolus.Unknown, r.Outcome)
	require.Contains(t, r.Next, "get_operation with "+preview.Operation.ID)
	require.Equal(t, Sending, f.state(preview.Operation.ID))

	waiting := make(chan *Result, 1)
	go func() {
		result, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		if err != nil {
			t.Error(err)
		}
		waiting <- result
	}()
	closed := make(chan error, 1)
	close(answer)
	result := <-waiting
	require.True(t, result.Replayed)
	go func() { closed <- f.Close(t.Context()) }()
	require.NoError(t, <-closed)
	require.Len(t, f.api.sent("POST"), 1)
}

func TestCallerWhoLeavesBeforeTheClaimSendsNothing(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	ctx, cancel := context.WithCancel(t.Context())
	f.api.on("LIST", nil, func(context.Context) error { cancel(); return nil })
	_, err := f.ConfirmOrder(ctx, orderOf("shop"), preview.Confirm)
	refused(t, err, CodeRejected, "nothing was ordered")
	require.Equal(t, Proposed, f.state(preview.Operation.ID))
	require.Empty(t, f.api.sent("POST"))
}

func TestCloseWaitsForTheOutcome(t *testing.T) {
	f := newFixture(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	f.api.on("POST", func(context.Context) error { close(arrived); <-answer; return nil }, nil)
	preview := f.proposed(orderOf("shop"))
	done := make(chan error, 1)
	go func() {
		_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		done <- err
	}()
	<-arrived
	short, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, f.Close(short), "in flight")
	_, err := f.ProposeOrder(t.Context(), orderOf("other"))
	refused(t, err, CodeShuttingDown, "nothing was ordered")
	close(answer)
	require.NoError(t, <-done)
	require.NoError(t, f.Close(t.Context()))

	reopened := f.service()
	o, err := reopened.Get(t.Context(), preview.Operation.ID)
	require.NoError(t, err)
	require.Equal(t, Succeeded, o.State)
}

func TestReadOnlyWritesNothing(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.ReadOnly = true })
	_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
	refused(t, err, CodeReadOnly, "nothing was ordered")
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), "x")
	refused(t, err, CodeReadOnly, "nothing was ordered")
	_, err = f.ProposeTermination(t.Context(), termination(1))
	refused(t, err, CodeReadOnly, "the licence was not terminated")
	_, err = f.ConfirmTermination(t.Context(), termination(1), "x")
	refused(t, err, CodeReadOnly, "the licence was not terminated")
	_, err = f.Edit(t.Context(), EditRequest{Title: new(string)})
	refused(t, err, CodeReadOnly, "the licence was not changed")
	require.Empty(t, f.api.requests)
}
