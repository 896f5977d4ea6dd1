package operations

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func edit(n int, title, comment *string) EditRequest {
	return EditRequest{Family: websoftsolus.Plesk, KeyNumber: termination(n).KeyNumber, Title: title, Comment: comment}
}

func text(s string) *string { return &s }

func TestPartialEditKeepsTheOtherField(t *testing.T) {
	f := newFixture(t)
	result, err := f.Edit(t.Context(), edit(1, text("new"), nil))
	require.NoError(t, err)
	require.Equal(t, Succeeded, result.Operation.State)
	require.Equal(t, []Field{{"title", "new"}, {"comment", "kept"}}, result.Operation.Request)
	require.Equal(t, "old 0", result.Operation.Previous.Title)
	require.Equal(t, "new", result.License.Title)
	require.Equal(t, []string{"GET PLSK.02980001", "PUT PLSK.02980001", "GET PLSK.02980001"}, f.api.requests)
	result, err = f.Edit(t.Context(), edit(1, nil, text("")))
	require.NoError(t, err)
	require.Equal(t, "new", result.License.Title)
	require.Equal(t, "kept", result.Operation.Previous.Comment)
	require.Empty(t, result.License.Comment)
}

func TestEditThatCannotKeepAFieldNeedsBoth(t *testing.T) {
	f := newFixture(t)
	f.api.licenses[websoftsolus.Plesk][0].CommentShown = false
	_, err := f.Edit(t.Context(), edit(1, text("new"), nil))
	refused(t, err, CodeCommentAndTitleNeeded, "the licence was not changed", "comment")
	_, err = f.Edit(t.Context(), edit(1, nil, nil))
	refused(t, err, CodeInvalidInput, "the licence was not changed")
	require.Empty(t, f.api.sent("PUT"))
	_, err = f.Edit(t.Context(), edit(1, text("new"), text("c")))
	require.NoError(t, err)
}

func TestEditsAtOnceDoNotUndoOneAnother(t *testing.T) {
	real := func(c *Config) { c.Sleep = nil }
	f := newFixture(t, real)
	other := f.service(real)
	for range 5 {
		_, err := f.Edit(t.Context(), edit(1, text("start"), text("start")))
		require.NoError(t, err)
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := f.Edit(t.Context(), edit(1, text("one"), nil)); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			if _, err := other.Edit(t.Context(), edit(1, nil, text("two"))); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		l := f.api.licenses[websoftsolus.Plesk][0]
		require.Equal(t, []string{"one", "two"}, []string{l.Title, l.Comment})
	}
}

func TestEditWithLostAnswerIsFoundByReading(t *testing.T) {
	f := newFixture(t)
	f.api.on("PUT", nil, fails(errLost))
	result, err := f.Edit(t.Context(), edit(1, text("new"), nil))
	require.NoError(t, err)
	require.Equal(t, Succeeded, result.Operation.State)
	require.Equal(t, Exact, result.Operation.Certainty)
	require.Len(t, f.api.sent("PUT"), 1)
}

func TestEditThatNeverArrivedIsNotAppliedOnlyWhenQuiet(t *testing.T) {
	f := newFixture(t)
	f.api.on("PUT", fails(errLost), nil)
	_, err := f.Edit(t.Context(), edit(1, text("new"), nil))
	r := refused(t, err, CodeOutcomeUnknown, "it is not known whether the licence was changed")
	id := r.Operation.ID
	o, err := f.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, Unknown, o.State)
	f.clock.advance(f.deadline(o.ClaimedAt).Sub(o.ClaimedAt) + f.quietFor)
	o, err = f.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, NotApplied, o.State)
	require.Len(t, f.api.sent("PUT"), 1)
}

func TestEditReplacedByALaterOneStaysUnknown(t *testing.T) {
	f := newFixture(t)
	f.api.on("PUT", nil, fails(errLost))
	f.api.change(func() { f.api.before = nil })
	reading := false
	f.api.on("", func(context.Context) error {
		if reading {
			return errReads
		}
		return nil
	}, nil)
	f.api.change(func() {
		f.api.after = func(_ context.Context, call string) error {
			if call[:3] == "PUT" && !reading {
				reading = true
				return errLost
			}
			return nil
		}
	})
	_, err := f.Edit(t.Context(), edit(1, text("first"), nil))
	r := refused(t, err, CodeOutcomeUnknown)
	f.api.on("", nil, nil)
	f.clock.advance(f.deadline(r.Operation.ClaimedAt).Sub(f.clock.Now()) + 1e9)
	_, err = f.Edit(t.Context(), edit(1, text("old 0"), nil))
	require.NoError(t, err, "past its deadline it stands in nobody's way")
	f.clock.advance(f.quietFor * 2)
	o, err := f.Get(t.Context(), r.Operation.ID)
	require.NoError(t, err)
	require.Equal(t, Unknown, o.State, "the licence is as before, and still the edit may have taken effect in between")
	resolved, err := f.Resolve(WithActor(t.Context(), Actor{Principal: "ops"}), o.ID, Resolution{State: Succeeded})
	require.NoError(t, err)
	require.Equal(t, "ops", resolved.ResolvedBy.Principal)
}
