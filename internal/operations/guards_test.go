package operations

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestIdenticalOrderOfUnknownOutcomeBlocks(t *testing.T) {
	f := newFixture(t)
	second := f.proposed(orderOf("shop"))
	first := f.proposed(orderOf("shop"))
	f.api.on("POST", fails(errLost), nil) // lost before it had an effect: nothing to be found
	_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), first.Confirm)
	refused(t, err, CodeOutcomeUnknown)

	_, err = f.ProposeOrder(t.Context(), orderOf("shop"))
	r := refused(t, err, CodeInProgress, "nothing was ordered", first.Operation.ID)
	require.Equal(t, first.Operation.ID, r.Operation.ID)
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), second.Confirm)
	refused(t, err, CodeInProgress, "nothing was ordered", first.Operation.ID)
	require.Len(t, f.api.sent("POST"), 1)

	f.api.on("", nil, nil)
	f.ordered(orderOf("another"))
}

func TestIdenticalOrderMustBeAcknowledgedEachTime(t *testing.T) {
	f := newFixture(t)
	early := f.proposed(orderOf("shop"))
	first := f.ordered(orderOf("shop"))
	_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
	r := refused(t, err, CodeDuplicate, "nothing was ordered", first.Operation.ID, first.Operation.KeyNumber)
	require.Contains(t, r.Next, first.Operation.ID)
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), early.Confirm)
	refused(t, err, CodeDuplicate, "nothing was ordered", first.Operation.ID)

	again := orderOf("shop")
	again.DuplicateOf = first.Operation.ID
	third := f.proposed(again)
	second := f.ordered(again)
	require.Equal(t, first.Operation.ID, second.Operation.DuplicateOf)
	_, err = f.ConfirmOrder(t.Context(), again, third.Confirm)
	refused(t, err, CodeDuplicate, second.Operation.ID)

	for _, wrong := range []string{"op_none", f.ordered(orderOf("other")).Operation.ID, early.Operation.ID} {
		again.DuplicateOf = wrong
		_, err = f.ProposeOrder(t.Context(), again)
		refused(t, err, CodeDuplicate, "nothing was ordered", wrong, "not an identical order")
	}
	require.Len(t, f.api.sent("POST"), 3)

	f.clock.advance(24*time.Hour + time.Second)
	f.ordered(orderOf("shop"))
}

func TestOptionsInAnotherOrderAreTheSameOrder(t *testing.T) {
	a := []Field{{"product", "P"}, {"addons[0]", "X"}, {"addons[1]", "Y"}}
	b := []Field{{"addons[0]", "Y"}, {"addons[1]", "X"}, {"product", "P"}}
	require.Equal(t, fingerprint(Order, websoftsolus.CPanel, "", a), fingerprint(Order, websoftsolus.CPanel, "", b))
	require.Empty(t, differingFields(a, b))
	require.NotEqual(t, fingerprint(Order, websoftsolus.CPanel, "", a), fingerprint(Order, websoftsolus.CPanel, "", a[:2]))
	require.Equal(t, []string{"addons"}, differingFields(a, a[:2]))
	require.Equal(t, []string{"product"}, differingFields(a[1:], a))
}

func TestDailyCapsHoldAtPreviewAndAtConfirmation(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.MaxOrdersPerDay = 2; c.MaxTerminationsPerDay = 1 })
	a, b, c := orderOf("a"), orderOf("b"), orderOf("c")
	late := f.proposed(c)
	f.ordered(a)
	f.clock.advance(9 * time.Minute)
	f.api.on("POST", fails(errLost), nil)
	_, err := f.ConfirmOrder(t.Context(), b, f.proposed(b).Confirm)
	refused(t, err, CodeOutcomeUnknown) // may have been one
	f.api.on("", nil, nil)
	_, err = f.ConfirmOrder(t.Context(), c, late.Confirm)
	refused(t, err, CodeCapReached, "nothing was ordered", "2 orders in 24 hours")
	_, err = f.ProposeOrder(t.Context(), c)
	refused(t, err, CodeCapReached, "nothing was ordered")

	one, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	two, err := f.ProposeTermination(t.Context(), termination(2))
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(1), one.Confirm)
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(2), two.Confirm)
	r := refused(t, err, CodeCapReached, "the licence was not terminated")
	require.Contains(t, r.Next, "--max-terminations-per-day")
	require.Len(t, f.api.sent("DELETE"), 1)

	f.clock.advance(24 * time.Hour)
	f.ordered(c)
}

func TestCapOfNoneAllowsNone(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.MaxOrdersPerDay = -1 })
	_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
	refused(t, err, CodeCapReached, "nothing was ordered", "cap of 0 orders")
}

func TestRejectedOrdersDoNotCount(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.MaxOrdersPerDay = 1 })
	f.api.on("POST", fails(errNo), nil)
	for range 3 {
		_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), f.proposed(orderOf("shop")).Confirm)
		refused(t, err, CodeRejected)
	}
	f.api.on("", nil, nil)
	f.ordered(orderOf("shop"))
}

func TestSecondTerminationOfALicenceWaitsForTheFirst(t *testing.T) {
	f := newFixture(t)
	other, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	first, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	f.api.on("DELETE", fails(errLost), nil)
	_, err = f.ConfirmTermination(t.Context(), termination(1), first.Confirm)
	refused(t, err, CodeOutcomeUnknown, "whether the licence was terminated")
	_, err = f.ConfirmTermination(t.Context(), termination(1), other.Confirm)
	refused(t, err, CodeInProgress, "the licence was not terminated", first.Operation.ID)
	title := "x"
	_, err = f.Edit(t.Context(), EditRequest{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001.0000", Title: &title})
	refused(t, err, CodeInProgress, "the licence was not changed", first.Operation.ID)
	require.Len(t, f.api.sent("DELETE"), 1)
	require.Empty(t, f.api.sent("PUT"))
}

func TestWarnings(t *testing.T) {
	cpanel := OrderRequest{
		Family: websoftsolus.CPanel, Product: "CPANEL_WHM_VPS", Title: "a", Period: "1", ServerIP: "192.0.2.7", Warnings: []string{"given"},
		Form: []Field{{"product", "CPANEL_WHM_VPS"}, {"title", "a"}, {"serverIP", "192.0.2.7"}, {"addons[0]", "SOFTACULOUS"}, {"addons[1]", "CLOUDLINUX"}, {"addons[2]", "FANTASTICO"}},
	}
	f := newFixture(t)
	preview := f.proposed(cpanel)
	require.Equal(t, []string{"given", "FANTASTICO and SOFTACULOUS do the same job; one of them is usually enough"}, preview.Operation.Warnings)
	require.Contains(t, preview.Confirm, "for 1 month [")
	done, err := f.ConfirmOrder(t.Context(), cpanel, preview.Confirm)
	require.NoError(t, err)

	cpanel.Form[1].Value, cpanel.Title = "b", "b"
	warnings := f.proposed(cpanel).Operation.Warnings
	require.Len(t, warnings, 3)
	require.Contains(t, warnings[2], "192.0.2.7")
	require.Contains(t, warnings[2], done.Operation.KeyNumber)

	ending := TerminationRequest{Family: websoftsolus.CPanel, KeyNumber: done.Operation.KeyNumber}
	end, err := f.ProposeTermination(t.Context(), ending)
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), ending, end.Confirm)
	require.NoError(t, err)
	require.Len(t, f.proposed(cpanel).Operation.Warnings, 2, "the server's licence is gone")

	plesk := orderOf("mls")
	plesk.Form = append(plesk.Form, Field{"WPBOptions", "MLS_SUPPORT"}, Field{"WPBSites", "0"})
	require.Len(t, f.proposed(plesk).Operation.Warnings, 1)
	plesk.Form[len(plesk.Form)-1].Value = "10"
	require.Empty(t, f.proposed(plesk).Operation.Warnings)
}

func TestTerminationGoesByTheKeyThatAnswers(t *testing.T) {
	f := newFixture(t)
	long := TerminationRequest{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001.0000"}
	preview, err := f.ProposeTermination(t.Context(), long)
	require.NoError(t, err)
	require.Equal(t, "PLSK.02980001", preview.Operation.KeyNumber)
	require.Len(t, preview.Operation.Warnings, 1)
	require.Contains(t, preview.Confirm, "terminate PLSK.02980001 [")
	f.api.change(func() { f.api.licenses[websoftsolus.Plesk][1].NamedKey = "PLSK.02980001" })
	odd, err := f.ProposeTermination(t.Context(), termination(2))
	require.NoError(t, err)
	require.Contains(t, odd.Operation.Warnings[0], "answered with the licence PLSK.02980001")
	_, err = f.ConfirmTermination(t.Context(), long, preview.Confirm)
	require.NoError(t, err)
	require.Equal(t, []string{"DELETE PLSK.02980001"}, f.api.sent("DELETE"))
}
