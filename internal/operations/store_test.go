package operations

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// The contract of every Store. open returns a store on one ledger, the same each
// time it is called, as a process of its own would have it.

func TestSQLiteStore(t *testing.T) {
	testStore(t, func(t *testing.T) func() Store {
		path := filepath.Join(t.TempDir(), "ledger.db")
		return func() Store {
			store, err := OpenSQLite(path)
			require.NoError(t, err)
			t.Cleanup(func() { store.Close() })
			return store
		}
	})
}

func TestMemoryStore(t *testing.T) {
	testStore(t, func(t *testing.T) func() Store {
		store, err := OpenSQLite(":memory:")
		require.NoError(t, err)
		t.Cleanup(func() { store.Close() })
		return func() Store { return store }
	})
}

func TestPostgresStore(t *testing.T) {
	testStore(t, func(t *testing.T) func() Store {
		url := postgrestest.Schema(t)
		return func() Store {
			store, err := OpenPostgres(t.Context(), url)
			require.NoError(t, err)
			t.Cleanup(func() { store.Close() })
			return store
		}
	})
}

func testStore(t *testing.T, ledger func(*testing.T) (open func() Store)) {
	for name, test := range map[string]func(*testing.T, func() Store){
		"keeps every field":           storeKeepsEveryField,
		"claims once":                 storeClaimsOnce,
		"takes no impossible step":    storeTakesNoImpossibleStep,
		"gives a key to one order":    storeGivesAKeyToOneOrder,
		"frees the key of what ended": storeFreesTheKeyOfWhatEnded,
		"checks guards at the claim":  storeChecksGuardsAtTheClaim,
		"pages are stable":            storePagesAreStable,
		"expires what is over":        storeExpiresWhatIsOver,
		"writes of a licence in turn": storeWritesOfALicenceInTurn,
		"history holds every step":    storeHistoryHoldsEveryStep,
		"counts by state":             storeCountsByState,
		"shares one key":              storeSharesOneKey,
		"ended sessions stay dead":    storeEndedSessionsStayDead,
		"takes any text":              storeTakesAnyText,
	} {
		t.Run(name, func(t *testing.T) { test(t, ledger(t)) })
	}
}

var (
	storeStart  = time.Date(2026, 5, 1, 8, 0, 0, 123456000, time.UTC)
	storeLimits = Limits{Orders: 20, Terminations: 20}
	storeIDs    = 0
)

// storeOrder is a proposed order of a title, that expires in ten minutes.
func storeOrder(title string) Operation {
	storeIDs++
	form := []Field{{"product", "P"}, {"title", title}}
	return Operation{
		ID: fmt.Sprintf("op_%026d", storeIDs), Kind: Order, Family: websoftsolus.Plesk, State: Proposed, Environment: "live", BaseURL: "https://a/",
		Request: form, Fingerprint: fingerprint(Order, websoftsolus.Plesk, "", form), ProposedAt: storeStart, ExpiresAt: storeStart.Add(phraseLife),
	}
}

func storeEnd(key string) Operation {
	o := storeOrder("")
	o.Kind, o.KeyNumber, o.Request = Terminate, key, nil
	o.Fingerprint = fingerprint(Terminate, o.Family, key, nil)
	return o
}

func propose(t *testing.T, s Store, o Operation) Operation {
	t.Helper()
	require.NoError(t, s.Propose(t.Context(), Proposal{Operation: o, Phrase: "phrase of " + o.ID, Limits: storeLimits}))
	return o
}

func claim(s Store, o Operation, at time.Time) (*Operation, error) {
	return s.Claim(context.Background(), Claim{
		ID: o.ID, At: at, Deadline: at.Add(time.Minute), By: Actor{ClientName: "c"}, Confirmed: "phrase", Baseline: []string{"K1"}, Limits: storeLimits,
	})
}

func claimedBy(t *testing.T, s Store, o Operation) Operation {
	t.Helper()
	c, err := claim(s, propose(t, s, o), storeStart)
	require.NoError(t, err)
	return *c
}

func step(s Store, o Operation, to State, f Finding) (*Operation, error) {
	return s.Step(context.Background(), Step{ID: o.ID, From: o.State, To: to, At: storeStart.Add(time.Second), Finding: f})
}

func storeKeepsEveryField(t *testing.T, open func() Store) {
	s := open()
	o := storeOrder("a")
	o.KeyNumber, o.Asked, o.DuplicateOf = "", "x", ""
	o.Warnings = []string{"careful", "é\u2028\x01"}
	o.Previous = &Snapshot{KeyNumber: "K", Title: "t", Digest: "d"}
	o.Actor = Actor{ClientName: "n", ClientVersion: "v", Transport: "stdio", Principal: "p"}
	propose(t, s, o)
	got, err := s.Get(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, o, *got)
	got, err = s.ByPhrase(t.Context(), "phrase of "+o.ID)
	require.NoError(t, err)
	require.Equal(t, o, *got)
	_, err = s.Baseline(t.Context(), o.ID)
	require.ErrorIs(t, err, ErrNotFound)

	c, err := claim(s, o, storeStart)
	require.NoError(t, err)
	require.Equal(t, Sending, c.State)
	baseline, err := s.Baseline(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"K1"}, baseline)
	found := Finding{Certainty: Exact, KeyNumber: "K2", KeyCertainty: Exact, Status: 201, Digest: "d", OrderID: "7", Pending: true, Message: "m"}
	done, err := step(s, *c, Succeeded, found)
	require.NoError(t, err)
	require.Equal(t, found, Finding{done.Certainty, done.KeyNumber, done.KeyCertainty, done.Candidates, done.Status, done.Digest, done.OrderID, done.Pending, done.Message})
	got, err = open().Get(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, *done, *got)
	_, err = s.Get(t.Context(), "op_none")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.ByPhrase(t.Context(), "none")
	require.ErrorIs(t, err, ErrNotFound)
}

func storeClaimsOnce(t *testing.T, open func() Store) {
	o := propose(t, open(), storeOrder("a"))
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		won   int
	)
	for range 4 {
		s := open()
		for range 4 {
			group.Go(func() {
				_, err := claim(s, o, storeStart)
				var conflict *StateConflict
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case !errors.As(err, &conflict) || conflict.Current.State != Sending:
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	require.Equal(t, 1, won)
	late := propose(t, open(), storeOrder("b"))
	_, err := claim(open(), late, late.ExpiresAt)
	require.ErrorIs(t, err, errProposalExpired)
	_, err = claim(open(), Operation{ID: "op_none"}, storeStart)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, open().Propose(t.Context(), Proposal{Operation: storeOrder("c"), Phrase: "phrase of " + o.ID, Limits: storeLimits}), errPhraseTaken)
}

func storeTakesNoImpossibleStep(t *testing.T, open func() Store) {
	s := open()
	reach := map[State][]State{
		Proposed: {}, Sending: {Sending}, Succeeded: {Sending, Succeeded}, Rejected: {Sending, Rejected}, Unknown: {Sending, Unknown},
		NotApplied: {Sending, Unknown, NotApplied}, Declined: {Declined}, Expired: {Expired},
	}
	for from, path := range reach {
		for to := range reach {
			o := propose(t, s, storeOrder(fmt.Sprint(from, to)))
			for _, next := range path {
				var moved *Operation
				var err error
				if next == Sending {
					moved, err = claim(s, o, storeStart)
				} else {
					moved, err = step(s, o, next, Finding{})
				}
				require.NoError(t, err)
				o = *moved
			}
			require.Equal(t, from, o.State)
			_, err := step(s, o, to, Finding{Message: "x"})
			if checkStep(from, to) == nil {
				require.NoError(t, err, "%s to %s", from, to)
				continue
			}
			var impossible *ImpossibleStep
			require.ErrorAs(t, err, &impossible, "%s to %s", from, to)
			still, err := s.Get(t.Context(), o.ID)
			require.NoError(t, err)
			require.Equal(t, o, *still)
			// What is now final must not stand in the way of the next row.
			if from.Open() {
				step(s, o, map[State]State{Sending: Rejected, Unknown: NotApplied}[from], Finding{})
			}
		}
	}
	o := propose(t, s, storeOrder("conflict"))
	_, err := s.Step(t.Context(), Step{ID: o.ID, From: Sending, To: Succeeded})
	var conflict *StateConflict
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, Proposed, conflict.Current.State)
	bad := storeOrder("begins wrong")
	bad.State = Unknown
	var impossible *ImpossibleStep
	require.ErrorAs(t, s.Propose(t.Context(), Proposal{Operation: bad, Limits: storeLimits}), &impossible)
}

func storeGivesAKeyToOneOrder(t *testing.T, open func() Store) {
	s := open()
	a, b := claimedBy(t, s, storeOrder("a")), claimedBy(t, s, storeOrder("b"))
	_, err := step(s, a, Succeeded, Finding{KeyNumber: "PLSK.00000002"})
	require.NoError(t, err)
	taken, err := s.TakenKeys(t.Context(), &b)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"PLSK.00000002": true}, taken)
	_, err = step(open(), b, Succeeded, Finding{KeyNumber: "plsk.00000002.0000"})
	require.ErrorIs(t, err, errKeyTaken)
	rivals, err := s.Rivals(t.Context(), &a, storeStart.Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, rivals, 1)
	require.Equal(t, b.ID, rivals[0].ID)
	keyless, err := step(s, b, Succeeded, Finding{Certainty: Exact})
	require.NoError(t, err)
	rivals, err = s.Rivals(t.Context(), &a, storeStart.Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, rivals, 1, "succeeded without a key")
	_, err = step(s, *keyless, Succeeded, Finding{KeyNumber: "K3"})
	require.NoError(t, err)
	rivals, err = s.Rivals(t.Context(), &a, storeStart.Add(-time.Hour))
	require.NoError(t, err)
	require.Empty(t, rivals)
}

func storeFreesTheKeyOfWhatEnded(t *testing.T, open func() Store) {
	s := open()
	a := claimedBy(t, s, storeOrder("a"))
	_, err := step(s, a, Succeeded, Finding{KeyNumber: "192.0.2.1"})
	require.NoError(t, err)
	end := claimedBy(t, s, storeEnd("192.0.2.1"))
	require.NoError(t, err)
	_, err = step(s, end, Succeeded, Finding{})
	require.NoError(t, err)
	ends, err := s.EndedSince(t.Context(), &a)
	require.NoError(t, err)
	require.Len(t, ends, 1)
	b := propose(t, s, storeOrder("b"))
	later, err := claim(s, b, storeStart.Add(time.Minute))
	require.NoError(t, err)
	taken, err := s.TakenKeys(t.Context(), later)
	require.NoError(t, err)
	require.Empty(t, taken, "the server is licensed anew")
	_, err = step(s, *later, Succeeded, Finding{KeyNumber: "192.0.2.1"})
	require.NoError(t, err)
}

func storeChecksGuardsAtTheClaim(t *testing.T, open func() Store) {
	s := open()
	blocked := func(err error, by guard) {
		t.Helper()
		var b *Blocked
		require.ErrorAs(t, err, &b)
		require.Equal(t, by, b.guard)
	}
	first, second := propose(t, s, storeOrder("a")), propose(t, s, storeOrder("a"))
	sending, err := claim(s, first, storeStart)
	require.NoError(t, err)
	_, err = claim(s, second, storeStart)
	blocked(err, identicalOpen)
	_, err = step(s, *sending, Succeeded, Finding{})
	require.NoError(t, err)
	_, err = claim(s, second, storeStart)
	blocked(err, identicalDone)
	third := storeOrder("a")
	third.DuplicateOf = second.ID
	blocked(s.Propose(t.Context(), Proposal{Operation: third, Phrase: "p", Limits: storeLimits}), notIdentical)
	other := storeOrder("a")
	other.BaseURL = "https://b/"
	propose(t, s, other)

	capped := propose(t, s, storeOrder("capped"))
	_, err = s.Claim(t.Context(), Claim{ID: capped.ID, At: storeStart, Limits: Limits{Orders: 1}})
	blocked(err, capReached)
	end, again := propose(t, s, storeEnd("K")), propose(t, s, storeEnd("K"))
	ending, err := claim(s, end, storeStart)
	require.NoError(t, err)
	_, err = claim(s, again, storeStart)
	blocked(err, licenceBusy)
	_, err = step(s, *ending, Succeeded, Finding{})
	require.NoError(t, err)
	_, err = claim(s, again, storeStart)
	blocked(err, alreadyEnded)
	still, err := s.Get(t.Context(), again.ID)
	require.NoError(t, err)
	require.Equal(t, Proposed, still.State, "a guard leaves the operation as it was")
}

func storePagesAreStable(t *testing.T, open func() Store) {
	s := open()
	var want []string
	for i := range 7 {
		want = append([]string{propose(t, s, storeOrder(fmt.Sprint(i))).ID}, want...)
	}
	var got []string
	for f := (Filter{Limit: 3, Kind: Order}); ; {
		page, err := s.List(t.Context(), "https://a/", f)
		require.NoError(t, err)
		for _, o := range page.Operations {
			got = append(got, o.ID)
		}
		propose(t, s, storeOrder("new "+f.Cursor)) // newer ones come before, and shift nothing
		if f.Cursor = page.NextCursor; f.Cursor == "" {
			break
		}
		_, err = s.List(t.Context(), "https://a/", Filter{Limit: 3, Cursor: f.Cursor})
		require.ErrorIs(t, err, errWrongCursor, "a cursor belongs to its filter")
	}
	require.Equal(t, want, got)
	for _, cursor := range []string{"x", "e30", "bnVsbA"} {
		_, err := s.List(t.Context(), "https://a/", Filter{Cursor: cursor})
		require.ErrorIs(t, err, errWrongCursor)
	}
	page, err := s.List(t.Context(), "https://a/", Filter{State: Sending, Family: websoftsolus.CPanel})
	require.NoError(t, err)
	require.Empty(t, page.Operations)
	require.Empty(t, page.NextCursor)
}

func storeExpiresWhatIsOver(t *testing.T, open func() Store) {
	s := open()
	over, young := propose(t, s, storeOrder("over")), storeOrder("young")
	young.ExpiresAt = young.ExpiresAt.Add(time.Hour)
	propose(t, s, young)
	n, err := s.Expire(t.Context(), over.ExpiresAt)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	for id, state := range map[string]State{over.ID: Expired, young.ID: Proposed} {
		o, err := s.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, state, o.State)
	}
}

func storeWritesOfALicenceInTurn(t *testing.T, open func() Store) {
	s := open()
	edit := func() Operation {
		o := storeEnd("K")
		o.Kind, o.State, o.ExpiresAt = Edit, Sending, time.Time{}
		o.ClaimedAt, o.Deadline = o.ProposedAt, o.ProposedAt.Add(time.Minute)
		return o
	}
	first := edit()
	require.NoError(t, s.Propose(t.Context(), Proposal{Operation: first, Limits: storeLimits}))
	var b *Blocked
	require.ErrorAs(t, s.Propose(t.Context(), Proposal{Operation: edit(), Limits: storeLimits, After: first.ID}), &b, "it is on its way")
	_, err := step(s, first, Succeeded, Finding{})
	require.NoError(t, err)
	require.ErrorAs(t, s.Propose(t.Context(), Proposal{Operation: edit(), Limits: storeLimits}), &b, "the licence was read before it")
	last, err := s.LastWrite(t.Context(), "https://a/", websoftsolus.Plesk, "K")
	require.NoError(t, err)
	require.Equal(t, first.ID, last.ID)
	require.NoError(t, s.Propose(t.Context(), Proposal{Operation: edit(), Limits: storeLimits, After: first.ID}))
	last, err = s.LastWrite(t.Context(), "https://a/", websoftsolus.Plesk, "none")
	require.NoError(t, err)
	require.Nil(t, last)
}

func storeHistoryHoldsEveryStep(t *testing.T, open func() Store) {
	s := open()
	for i := range 5 {
		o := claimedBy(t, s, storeOrder(fmt.Sprint(i)))
		_, err := step(s, o, []State{Succeeded, Rejected, Unknown}[i%3], Finding{Candidates: []string{"A"}})
		require.NoError(t, err)
	}
	v, err := open().Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)
	require.Equal(t, 5, v.Operations)
	require.Equal(t, 15, v.Rows)
	require.Len(t, v.Head, 64)
}

func storeCountsByState(t *testing.T, open func() Store) {
	s := open()
	counts, err := s.CountByState(t.Context(), "https://a/")
	require.NoError(t, err)
	require.Empty(t, counts)
	propose(t, s, storeOrder("a"))
	propose(t, s, storeOrder("b"))
	claimedBy(t, s, storeOrder("c"))
	other := storeOrder("d")
	other.BaseURL = "https://b/"
	propose(t, s, other)
	counts, err = open().CountByState(t.Context(), "https://a/")
	require.NoError(t, err)
	require.Equal(t, map[State]int{Proposed: 2, Sending: 1}, counts)
	require.NoError(t, s.Ping(t.Context()))
}

func storeSharesOneKey(t *testing.T, open func() Store) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		keys  = map[string]bool{}
	)
	for range 4 {
		s := open()
		for range 4 {
			group.Go(func() {
				key, err := s.SharedKey(context.Background(), "sessions")
				if err != nil || len(key) != 32 {
					t.Error(len(key), err)
				}
				mu.Lock()
				defer mu.Unlock()
				keys[string(key)] = true
			})
		}
	}
	group.Wait()
	require.Len(t, keys, 1)
	other, err := open().SharedKey(t.Context(), "states")
	require.NoError(t, err)
	require.False(t, keys[string(other)], "each name has a key of its own")
}

func storeEndedSessionsStayDead(t *testing.T, open func() Store) {
	s, soon, later := open(), storeStart.Add(time.Minute), storeStart.Add(time.Hour)
	require.NoError(t, s.EndSession(t.Context(), "one", soon))
	require.NoError(t, s.EndSession(t.Context(), "two", later))
	require.NoError(t, s.EndSession(t.Context(), "two", soon), "ended again, by somebody whose clock is behind")
	all := map[string]time.Time{SessionDigest("one"): soon, SessionDigest("two"): later}
	for range 2 {
		ended, err := open().EndedSessions(t.Context(), storeStart)
		require.NoError(t, err)
		require.Equal(t, all, ended)
	}
	delete(all, SessionDigest("one"))
	ended, err := s.EndedSessions(t.Context(), soon)
	require.NoError(t, err)
	require.Equal(t, all, ended)
	ended, err = open().EndedSessions(t.Context(), storeStart)
	require.NoError(t, err)
	require.Equal(t, all, ended, "what is over is forgotten")
}

// storeTakesAnyText holds that no text a caller or the API can send is an error
// of the ledger, which would stop writes for everybody.
func storeTakesAnyText(t *testing.T, open func() Store) {
	s := open()
	for _, odd := range []string{"a\x00b", "c\xffd", "$1 ? '\\ \"", "é\u2028\u202e"} {
		_, err := s.Get(t.Context(), odd)
		require.ErrorIs(t, err, ErrNotFound)
		_, err = s.LastWrite(t.Context(), "https://a/", websoftsolus.CPanel, odd)
		require.NoError(t, err)
		o := storeOrder(odd)
		o.Family, o.Message = websoftsolus.CPanel, odd
		c := claimedBy(t, s, o)
		_, err = step(s, c, Succeeded, Finding{KeyNumber: odd, Message: odd, Digest: odd})
		require.NoError(t, err)
		taken, err := s.TakenKeys(t.Context(), &Operation{BaseURL: c.BaseURL, Family: c.Family, ID: "op_other"})
		require.NoError(t, err)
		require.True(t, taken[canonicalKey(odd)])
	}
	v, err := open().Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)
}
