package operations

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func as(t *testing.T, change func(*callers.Caller)) context.Context {
	caller := &callers.Caller{Name: "ann", Scopes: callers.Scopes}
	change(caller)
	return callers.With(t.Context(), caller)
}

func named(name string) func(*callers.Caller) { return func(c *callers.Caller) { c.Name = name } }

// TestCallersSeeTheirOwnAlone unless their token says otherwise.
func TestCallersSeeTheirOwnAlone(t *testing.T) {
	f := newFixture(t)
	ann, bob := as(t, named("ann")), as(t, named("bob"))
	order := orderOf("shop")
	preview, err := f.ProposeOrder(ann, order)
	require.NoError(t, err)

	_, err = f.Service.Get(bob, preview.Operation.ID)
	refused(t, err, CodeOperationNotFound)
	_, err = f.ConfirmOrder(bob, order, preview.Confirm)
	refused(t, err, CodeConfirmUnknown, "nothing was ordered")
	page, err := f.List(bob, Filter{})
	require.NoError(t, err)
	require.Empty(t, page.Operations)
	require.Empty(t, f.api.sent("POST"))

	_, err = f.ConfirmOrder(ann, order, preview.Confirm)
	require.NoError(t, err, "a stranger's try does not use the phrase up")
	for _, see := range []context.Context{ann, t.Context(), as(t, func(c *callers.Caller) { c.Name, c.SeesAll = "boss", true })} {
		o, err := f.Service.Get(see, preview.Operation.ID)
		require.NoError(t, err)
		require.Equal(t, "ann", o.Actor.Principal)
		page, err := f.List(see, Filter{Limit: 1})
		require.NoError(t, err)
		require.Len(t, page.Operations, 1)
	}

	elsewhere := as(t, func(c *callers.Caller) { c.SeesAll, c.Families = true, []websoftsolus.Family{websoftsolus.Virtuozzo} })
	_, err = f.Service.Get(elsewhere, preview.Operation.ID)
	refused(t, err, CodeOperationNotFound)
	page, err = f.List(elsewhere, Filter{})
	require.NoError(t, err)
	require.Empty(t, page.Operations, "of another family")

	// The guard counts everybody's orders, and says nothing of whose they are.
	_, err = f.ProposeOrder(bob, order)
	r := refused(t, err, CodeDuplicate, "nothing was ordered", "another caller's")
	require.Nil(t, r.Operation)
	require.NotContains(t, r.Message+r.Next, preview.Operation.ID)
	require.NotContains(t, r.Message+r.Next, "ann")
	order.DuplicateOf = preview.Operation.ID
	_, err = f.ProposeOrder(bob, order)
	refused(t, err, CodeDuplicate, "is not an identical order")
	_, err = f.ProposeOrder(ann, order)
	require.NoError(t, err)
}

// TestCursorsBelongToTheirCaller: one that another caller was given is refused.
func TestCursorsBelongToTheirCaller(t *testing.T) {
	f := newFixture(t)
	ann, bob := as(t, named("ann")), as(t, named("bob"))
	for _, title := range []string{"a", "b", "c"} {
		_, err := f.ProposeOrder(ann, orderOf(title))
		require.NoError(t, err)
		_, err = f.ProposeOrder(bob, orderOf(title+title))
		require.NoError(t, err)
	}
	page, err := f.List(ann, Filter{Limit: 2})
	require.NoError(t, err)
	_, err = f.List(bob, Filter{Limit: 2, Cursor: page.NextCursor})
	refused(t, err, CodeInvalidInput)
	page, err = f.List(ann, Filter{Limit: 2, Cursor: page.NextCursor})
	require.NoError(t, err)
	require.Len(t, page.Operations, 1)
	require.Empty(t, page.NextCursor)
}

// TestCapsOfACaller are counted over its own operations, beside the server's.
func TestCapsOfACaller(t *testing.T) {
	f := newFixture(t)
	one, none := 1, 0
	ann := as(t, func(c *callers.Caller) { c.MaxOrdersPerDay, c.MaxTerminationsPerDay = &one, &none })
	bob := as(t, named("bob"))
	for _, ctx := range []context.Context{bob, ann} {
		order := orderOf(callers.From(ctx).Name)
		preview, err := f.ProposeOrder(ctx, order)
		require.NoError(t, err)
		_, err = f.ConfirmOrder(ctx, order, preview.Confirm)
		require.NoError(t, err)
	}
	_, err := f.ProposeOrder(ann, orderOf("another"))
	refused(t, err, CodeCapReached, "this caller's cap of 1 orders in 24 hours")
	_, err = f.ProposeTermination(ann, termination(1))
	refused(t, err, CodeCapReached, "this caller's cap of 0 terminations in 24 hours")
	_, err = f.ProposeOrder(bob, orderOf("another"))
	require.NoError(t, err)
	f.clock.Sleep(t.Context(), guardWindow)
	_, err = f.ProposeOrder(ann, orderOf("another"))
	require.NoError(t, err)
}
