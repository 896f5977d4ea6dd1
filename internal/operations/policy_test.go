package operations

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// ruledBy makes the service follow a policy with these rules.
func ruledBy(t *testing.T, standard, rules string) func(*Config) {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte("version: 1\ndefault: "+standard+"\nrules:\n"+rules))
	require.NoError(t, err)
	return func(c *Config) { c.Policy = p.Decide }
}

// plesk12 is an order as its tool makes it.
func plesk12(title, period string) OrderRequest {
	r := orderOf(title)
	r.Tool, r.Period = "order_plesk12_license", period
	r.Form[3].Value = period
	return r
}

func TestPolicyDeniesAtPreviewAndAtConfirmation(t *testing.T) {
	f := newFixture(t)
	order := f.proposed(plesk12("shop", "12"))
	end, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)

	// The same ledger, and now a policy.
	f.Service = f.service(ruledBy(t, "allow", "  - {name: no-years, tool: order_*, period: [12, 24], effect: deny}\n  - {name: never-ends, tool: terminate_license, effect: deny}\n"))
	title := "new"
	_, err = f.ProposeOrder(t.Context(), plesk12("another", "12"))
	r := refused(t, err, CodePolicyDenied, "nothing was ordered", `rule "no-years" (policy.yaml, line 4) denies it`)
	require.Equal(t, []any{RetryNever, websoftsolus.NotDone}, []any{r.Retry, r.Outcome})
	_, err = f.ConfirmOrder(t.Context(), plesk12("shop", "12"), order.Confirm)
	refused(t, err, CodePolicyDenied, "nothing was ordered", "line 4")
	_, err = f.ProposeTermination(t.Context(), termination(2))
	refused(t, err, CodePolicyDenied, "the licence was not terminated", `"never-ends"`)
	_, err = f.ConfirmTermination(t.Context(), termination(1), end.Confirm)
	refused(t, err, CodePolicyDenied, "the licence was not terminated", "line 5")
	require.Empty(t, f.api.sent("POST"))
	require.Empty(t, f.api.sent("DELETE"))
	require.Equal(t, Proposed, f.state(order.Operation.ID))

	monthly := f.ordered(plesk12("shop", "1"))
	require.Equal(t, "default", monthly.Operation.Rule)
	_, err = f.Edit(t.Context(), EditRequest{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001", Title: &title})
	require.NoError(t, err)

	f.Service = f.service(ruledBy(t, "allow", "  - {name: fixed-titles, tool: edit_license, effect: deny}\n"))
	_, err = f.Edit(t.Context(), EditRequest{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001", Title: &title})
	refused(t, err, CodePolicyDenied, "the licence was not changed", `"fixed-titles"`)
	require.Len(t, f.api.sent("PUT"), 1)
	result, err := f.ConfirmOrder(t.Context(), plesk12("shop", "12"), order.Confirm)
	require.NoError(t, err, "a refusal by the policy leaves the preview as it was")
	require.False(t, result.Replayed)
}

// TestPolicyMatchesALicenceByWhatTheAPIShows, and takes what it does not show
// both ways.
func TestPolicyMatchesALicenceByWhatTheAPIShows(t *testing.T) {
	f := newFixture(t, ruledBy(t, "deny", "  - {name: hosts, tool: [terminate_license, edit_license], product: PLESK_12_*, period: 12, effect: allow}\n"))
	_, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	f.api.change(func() { f.api.licenses[websoftsolus.Plesk][1].Product = "" })
	_, err = f.ProposeTermination(t.Context(), termination(2))
	refused(t, err, CodePolicyDenied, "default")
	title := "new"
	_, err = f.Edit(t.Context(), EditRequest{Family: websoftsolus.Plesk, KeyNumber: termination(2).KeyNumber, Title: &title})
	refused(t, err, CodePolicyDenied, "default")
	f.api.change(func() { f.api.licenses[websoftsolus.Plesk][2].Period = "a year" })
	_, err = f.ProposeTermination(t.Context(), termination(3))
	refused(t, err, CodePolicyDenied, "default")
}

func TestAReplayIsNoMatterOfPolicy(t *testing.T) {
	f := newFixture(t)
	order := f.proposed(orderOf("shop"))
	_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), order.Confirm)
	require.NoError(t, err)
	f.Service = f.service(ruledBy(t, "deny", ""))
	again, err := f.ConfirmOrder(t.Context(), orderOf("shop"), order.Confirm)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Len(t, f.api.sent("POST"), 1)
}

func TestWhereAPersonIsWantedNoPhraseConfirms(t *testing.T) {
	asks := ruledBy(t, "person", "")
	f := newFixture(t, asks)
	_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
	r := refused(t, err, CodePersonRequired, "nothing was ordered", "asks for a person", "policy.yaml, line 2")
	require.Equal(t, RetryNever, r.Retry)
	_, err = f.ProposeTermination(t.Context(), termination(1))
	refused(t, err, CodePersonRequired, "the licence was not terminated")

	// Where the person can be asked, they are.
	told := false
	order := orderOf("shop")
	order.Choose = func(_ context.Context, _ *Operation, person bool) Way {
		told = person
		return ByElicitation
	}
	preview := f.proposed(order)
	require.Equal(t, policy.Person, preview.Bound.Effect)
	require.True(t, told)
	require.Empty(t, preview.Confirm)

	// A phrase that was given out before the policy wanted a person confirms
	// nothing.
	lax := f.service()
	early, err := lax.ProposeOrder(t.Context(), orderOf("early"))
	require.NoError(t, err)
	_, err = f.ConfirmOrder(t.Context(), orderOf("early"), early.Confirm)
	refused(t, err, CodePersonRequired, "nothing was ordered")
	require.Empty(t, f.api.sent("POST"))
}

// TestRuleCapsCountWhatTheRuleLetThrough and nothing else, by orders, by
// licence-months and by terminations, over a rolling day.
func TestRuleCapsCountWhatTheRuleLetThrough(t *testing.T) {
	f := newFixture(t, ruledBy(t, "allow", `
  - {name: months, tool: order_*, period: [1, 3], effect: allow, caps: {licenceMonthsPerDay: 7}}
  - {name: months.2, tool: order_*, period: 6, effect: allow, caps: {ordersPerDay: 1}}
  - {name: ends, tool: terminate_license, effect: allow, caps: {terminationsPerDay: 1}}
`))
	late := f.proposed(plesk12("late", "3"))
	f.ordered(plesk12("a", "3"))
	f.ordered(plesk12("b", "12")) // by the default
	f.ordered(plesk12("c", "6"))  // by another rule, whose name begins alike
	// A title that looks like the record of a rule is a title.
	f.ordered(plesk12(`","rule":"months","x":"`, "12"))
	f.ordered(plesk12("d", "3"))
	_, err := f.ProposeOrder(t.Context(), plesk12("e", "3"))
	r := refused(t, err, CodeCapReached, "nothing was ordered", `7 licence-months in 24 hours of rule "months" (policy.yaml, line 5)`)
	require.Equal(t, RetryAfterChange, r.Retry)
	_, err = f.ConfirmOrder(t.Context(), plesk12("late", "3"), late.Confirm)
	refused(t, err, CodeCapReached, "licence-months")
	f.ordered(plesk12("e", "1")) // 7 are reached, not passed
	_, err = f.ProposeOrder(t.Context(), plesk12("f", "1"))
	refused(t, err, CodeCapReached, "licence-months")
	_, err = f.ProposeOrder(t.Context(), plesk12("g", "6"))
	refused(t, err, CodeCapReached, `1 orders in 24 hours of rule "months.2"`)

	first, err := f.ProposeTermination(t.Context(), termination(1))
	require.NoError(t, err)
	second, err := f.ProposeTermination(t.Context(), termination(2))
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(1), first.Confirm)
	require.NoError(t, err)
	_, err = f.ConfirmTermination(t.Context(), termination(2), second.Confirm)
	refused(t, err, CodeCapReached, "the licence was not terminated", `1 terminations in 24 hours of rule "ends"`)
	require.Len(t, f.api.sent("DELETE"), 1)

	f.clock.advance(24*time.Hour + time.Second)
	f.ordered(plesk12("h", "3"))
}

// TestRuleCapsHoldAcrossProcesses: however many services claim at once, no more
// get through than the rule's cap.
func TestRuleCapsHoldAcrossProcesses(t *testing.T) {
	capped := ruledBy(t, "deny", "  - {name: few, tool: order_*, effect: allow, caps: {ordersPerDay: 3, licenceMonthsPerDay: 24}}\n")
	f := newFixture(t, capped)
	services := []*Service{f.Service, f.service(capped), f.service(capped)}
	var previews []*Preview
	for i := range 12 {
		previews = append(previews, f.proposed(plesk12(fmt.Sprint(i), "12")))
	}
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		done  int
	)
	for i, preview := range previews {
		group.Go(func() {
			_, err := services[i%len(services)].ConfirmOrder(t.Context(), plesk12(fmt.Sprint(i), "12"), preview.Confirm)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			}
		})
	}
	group.Wait()
	require.Equal(t, 2, done, "24 licence-months are two years")
	require.Len(t, f.api.sent("POST"), 2)
}

func TestPolicyAndTokenSeeTheCallerOfEachCall(t *testing.T) {
	f := newFixture(t, ruledBy(t, "deny", "  - {name: ci-only, tool: order_*, caller: ci-*, effect: allow}\n"))
	as := func(name string, scopes ...callers.Scope) context.Context {
		return callers.With(t.Context(), &callers.Caller{Name: name, Scopes: scopes})
	}
	preview, err := f.ProposeOrder(as("ci-1", callers.Order), plesk12("shop", "1"))
	require.NoError(t, err)
	for name, ctx := range map[string]context.Context{"another caller": as("ops", callers.Order), "nobody": t.Context(), "no scope": as("ci-2", callers.Read)} {
		_, err = f.ConfirmOrder(ctx, plesk12("shop", "1"), preview.Confirm)
		refused(t, err, CodeConfirmUnknown, "nothing was ordered") // the phrase is another caller's
		_, err = f.ProposeOrder(ctx, plesk12("other", "1"))
		r := refused(t, err, CodePolicyDenied)
		require.NotContains(t, r.Message, "ci-*", name)
	}
	_, err = f.ConfirmOrder(as("ci-1", callers.Read), plesk12("shop", "1"), preview.Confirm)
	refused(t, err, CodePolicyDenied, "nothing was ordered")
	result, err := f.ConfirmOrder(as("ci-1", callers.Order), plesk12("shop", "1"), preview.Confirm)
	require.NoError(t, err)
	require.Equal(t, "ci-only", result.Operation.Rule)
}
