package operations

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
)

func by(way Way) Choose {
	return func(context.Context, *Operation, bool) Way { return way }
}

// orderBy is an order that is confirmed in the given way.
func orderBy(way Way, title string) OrderRequest {
	r := orderOf(title)
	r.Choose = by(way)
	return r
}

// TestAnOperationIsClaimedInItsOwnWayAlone, whoever asks the ledger.
func TestAnOperationIsClaimedInItsOwnWayAlone(t *testing.T) {
	f := newFixture(t)
	store, err := f.ledger(t.Context())
	require.NoError(t, err)
	claim := func(o *Operation, way Way) error {
		_, err := store.Claim(t.Context(), Claim{ID: o.ID, At: f.now(), Deadline: f.now().Add(time.Minute), Confirmed: way, Limits: f.limits})
		return err
	}
	ways := []Way{"", ByPhrase, ByElicitation, ByApproval}
	for _, own := range ways[1:] {
		preview := f.proposed(orderBy(own, "order by "+string(own)))
		require.Equal(t, own == ByPhrase, preview.Confirm != "")
		o := &preview.Operation
		for _, way := range ways {
			if way.orPhrase() != own || own == ByApproval {
				require.ErrorIs(t, claim(o, way), errNotApproved, "%s by %q", own, way)
			}
		}
		if own == ByApproval {
			_, err := f.Approve(t.Context(), o.ID, o.Typed())
			require.NoError(t, err)
		} else {
			_, err := f.Approve(t.Context(), o.ID, o.Typed())
			refused(t, err, CodeOperationNotFound)
			_, err = store.Approve(t.Context(), Approval{ID: o.ID, At: f.now()})
			require.ErrorIs(t, err, errNotApprovable)
		}
		require.NoError(t, claim(o, own))
	}
}

func TestOnlyTheRightWayPerforms(t *testing.T) {
	f := newFixture(t)
	asked := f.proposed(orderBy(ByElicitation, "asked")).Operation
	waiting := f.proposed(orderBy(ByApproval, "waiting")).Operation
	phrase := f.proposed(orderOf("phrase"))
	for _, id := range []string{asked.ID, phrase.Operation.ID, "op_none"} {
		_, err := f.ConfirmApproved(t.Context(), id)
		refused(t, err, CodeOperationNotFound)
	}
	for _, id := range []string{waiting.ID, phrase.Operation.ID, "op_none"} {
		_, err := f.ConfirmByPerson(t.Context(), Order, id, asked.Typed())
		refused(t, err, CodeOperationNotFound)
	}
	_, err := f.ConfirmByPerson(t.Context(), Terminate, asked.ID, asked.Typed())
	refused(t, err, CodeOperationNotFound)
	_, err = f.ConfirmApproved(t.Context(), waiting.ID)
	refused(t, err, CodeApprovalRequired)
	r := orderOf("phrase")
	r.Choose = by(ByApproval)
	_, err = f.ConfirmOrder(t.Context(), r, phrase.Confirm)
	refused(t, err, CodeConfirmNotAccepted)
	require.Empty(t, f.api.sent("POST"))

	result, err := f.ConfirmByPerson(t.Context(), Order, asked.ID, asked.Typed())
	require.NoError(t, err)
	require.Equal(t, ByElicitation, result.Operation.Confirmed)
	_, err = f.ConfirmByPerson(t.Context(), Order, asked.ID, asked.Typed())
	require.ErrorContains(t, err, "used before")
	require.Len(t, f.api.sent("POST"), 1)
}

// TestApprovedHerePerformedThere: an approval on one process is seen by others,
// and many of them perform it once.
func TestApprovedHerePerformedThere(t *testing.T) {
	f := newFixture(t)
	others := []*Service{f.service(), f.service(), f.service()}
	ids := make(chan string, 12)
	var group sync.WaitGroup
	for range 4 {
		for _, s := range others {
			group.Go(func() {
				preview, err := s.ProposeOrder(t.Context(), orderBy(ByApproval, "x"))
				if err != nil {
					t.Error(err)
					return
				}
				ids <- preview.Operation.ID
			})
		}
	}
	group.Wait()
	close(ids)
	id := <-ids
	for other := range ids {
		require.Equal(t, id, other, "the same call waits once")
	}
	waiting, err := others[0].Waiting(t.Context())
	require.NoError(t, err)
	require.Len(t, waiting, 1)

	person := Actor{Transport: "cli", Principal: "alice@host"}
	_, err = others[1].Approve(WithActor(t.Context(), person), id, " PLESK_12_WEB_HOST\n")
	require.NoError(t, err)
	for _, s := range append(others, f.Service) {
		for range 4 {
			group.Go(func() {
				// The clock runs fast here, so one who waits for another may not see the end.
				var refusal *Refusal
				if _, err := s.ConfirmApproved(t.Context(), id); err != nil && !(errors.As(err, &refusal) && refusal.Code == CodeOutcomeUnknown) {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	require.Len(t, f.api.sent("POST"), 1)
	o, err := f.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, person, o.ApprovedBy)
	require.Equal(t, person, o.ConfirmedBy)
	require.Equal(t, ByApproval, o.Confirmed)
	v, err := f.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)
}

func TestApprovalsEnd(t *testing.T) {
	f := newFixture(t)
	id := f.proposed(orderBy(ByApproval, "x")).Operation.ID
	_, err := f.Approve(t.Context(), id, "plesk_12_web_host")
	refused(t, err, CodeConfirmMismatch, "not the product name")
	_, err = f.Approve(t.Context(), id, "")
	refused(t, err, CodeConfirmMismatch)
	f.clock.advance(phraseLife)
	_, err = f.Approve(t.Context(), id, "PLESK_12_WEB_HOST")
	refused(t, err, CodeConfirmExpired)
	require.Equal(t, Expired, f.state(id))
	next := f.proposed(orderBy(ByApproval, "x")).Operation.ID
	require.NotEqual(t, id, next, "its time is over, so the same call is a new one")

	_, err = f.Approve(t.Context(), next, "PLESK_12_WEB_HOST")
	require.NoError(t, err)
	_, err = f.Decline(t.Context(), next)
	require.NoError(t, err, "as long as it is not performed, a person may think again")
	_, err = f.ConfirmApproved(t.Context(), next)
	refused(t, err, CodeDeclined)
	require.Equal(t, next, f.proposed(orderBy(ByApproval, "x")).Operation.ID, "a no is not asked again at once")
	require.Empty(t, f.api.sent("POST"))

	// The API's no is an outcome; a person may want another try at once.
	f.api.on("POST", fails(errNo), nil)
	third := f.proposed(orderBy(ByApproval, "y")).Operation.ID
	_, err = f.Approve(t.Context(), third, "PLESK_12_WEB_HOST")
	require.NoError(t, err)
	_, err = f.ConfirmApproved(t.Context(), third)
	refused(t, err, CodeRejected)
	require.NotEqual(t, third, f.proposed(orderBy(ByApproval, "y")).Operation.ID)
}

func TestEachCallerHasItsOwn(t *testing.T) {
	f := newFixture(t)
	as := func(name string) context.Context {
		return callers.With(t.Context(), &callers.Caller{Name: name, Scopes: callers.Scopes})
	}
	alice, err := f.ProposeOrder(as("alice"), orderBy(ByApproval, "x"))
	require.NoError(t, err)
	bob, err := f.ProposeOrder(as("bob"), orderBy(ByApproval, "x"))
	require.NoError(t, err)
	require.NotEqual(t, alice.Operation.ID, bob.Operation.ID)
	require.Equal(t, "alice", alice.Operation.Actor.Principal)
	o, err := f.Approve(t.Context(), alice.Operation.ID, "PLESK_12_WEB_HOST")
	require.NoError(t, err)
	require.True(t, f.MayConfirm(as("alice"), o))
	require.False(t, f.MayConfirm(as("bob"), o))
	require.False(t, f.MayConfirm(t.Context(), o))

	phrase, err := f.ProposeOrder(as("alice"), orderOf("z"))
	require.NoError(t, err)
	_, err = f.ConfirmOrder(as("bob"), orderOf("z"), phrase.Confirm)
	refused(t, err, CodeConfirmUnknown)
	asked, err := f.ProposeOrder(as("alice"), orderBy(ByElicitation, "w"))
	require.NoError(t, err)
	_, err = f.ConfirmByPerson(as("bob"), Order, asked.Operation.ID, "PLESK_12_WEB_HOST")
	refused(t, err, CodeOperationNotFound)
	refused(t, f.Unanswered(as("bob"), Order, asked.Operation.ID, "no"), CodeOperationNotFound)
	require.Equal(t, Proposed, f.state(asked.Operation.ID))
	require.Empty(t, f.api.sent("POST"))
}

func TestALinkIsSpentOnce(t *testing.T) {
	f := newFixture(t)
	id := f.proposed(orderBy(ByApproval, "x")).Operation.ID
	services := []*Service{f.Service, f.service(), f.service()}
	spent := make(chan bool, 3*len(services))
	var group sync.WaitGroup
	for range 3 {
		for _, s := range services {
			group.Go(func() { spent <- s.UseLink(t.Context(), id, 1) == nil })
		}
	}
	group.Wait()
	close(spent)
	count := 0
	for ok := range spent {
		if ok {
			count++
		}
	}
	require.Equal(t, 1, count)
	refused(t, f.UseLink(t.Context(), id, 3), CodeNotOpen)
	require.NoError(t, f.UseLink(t.Context(), id, 2))
	f.clock.advance(phraseLife)
	refused(t, f.UseLink(t.Context(), id, 3), CodeNotOpen)
	refused(t, f.UseLink(t.Context(), "op_none", 1), CodeOperationNotFound)
}

// TestAwaitPerformsWhatWasApprovedMeanwhile, and tells how long it has waited.
func TestAwaitPerformsWhatWasApprovedMeanwhile(t *testing.T) {
	f := newFixture(t)
	id := f.proposed(orderBy(ByApproval, "x")).Operation.ID
	var told []time.Duration
	o, err := f.Await(t.Context(), id, 5*time.Second, func(o *Operation, waited time.Duration) { told = append(told, waited) })
	require.NoError(t, err)
	require.Equal(t, Proposed, o.State)
	require.Equal(t, []time.Duration{0, 1e9, 2e9, 3e9, 4e9}, told)

	o, err = f.Await(t.Context(), id, time.Minute, func(o *Operation, waited time.Duration) {
		if waited == 3*time.Second {
			_, err := f.Approve(t.Context(), id, o.Typed())
			require.NoError(t, err)
		}
	})
	require.NoError(t, err)
	require.Equal(t, Succeeded, o.State)
	require.Len(t, f.api.sent("POST"), 1)

	late := f.proposed(orderBy(ByApproval, "late")).Operation.ID
	f.clock.advance(phraseLife - 2*time.Second)
	o, err = f.Await(t.Context(), late, time.Minute, func(*Operation, time.Duration) {})
	require.NoError(t, err)
	require.Equal(t, Expired, o.State, "it does not wait for what cannot come any more")
	_, err = f.Await(t.Context(), "op_none", time.Minute, nil)
	refused(t, err, CodeOperationNotFound)
}
