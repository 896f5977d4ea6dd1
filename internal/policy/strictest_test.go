package policy_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func n(value int) *int { return &value }

func TestTheStrictestWins(t *testing.T) {
	var (
		flags    = policy.Flags{Confirm: "auto", MaxOrders: 20, MaxTerminations: 10}
		orderer  = &callers.Caller{Name: "ci", Scopes: []callers.Scope{callers.Read, callers.Order}, MaxOrdersPerDay: n(5)}
		allowing = policy.Decision{Effect: policy.Allow, Reason: "the policy"}
		order    = policy.Request{Tool: "order_plesk12_license", Family: websoftsolus.Plesk}
	)
	human, readOnly := flags, flags
	human.Confirm, readOnly.ReadOnly = "human", true
	code := flags
	code.Confirm = "code"
	elsewhere := *orderer
	elsewhere.Families = []websoftsolus.Family{websoftsolus.CPanel}
	asking, denying := allowing, allowing
	asking.Effect, denying.Effect = policy.Person, policy.Deny
	capped := allowing
	capped.Caps = policy.Caps{Orders: n(3), LicenceMonths: n(12), Terminations: n(99)}

	for name, row := range map[string]struct {
		flags    policy.Flags
		caller   *callers.Caller
		decision policy.Decision
		tool     string
		effect   policy.Effect
		source   string
		caps     policy.Caps
	}{
		"all allow":                      {flags, nil, allowing, order.Tool, policy.Allow, "the flags", policy.Caps{Orders: n(20), Terminations: n(10)}},
		"code is no more than auto":      {code, nil, asking, order.Tool, policy.Person, "the policy", policy.Caps{Orders: n(20), Terminations: n(10)}},
		"human beats a policy's allow":   {human, nil, allowing, order.Tool, policy.Person, "--confirm human", policy.Caps{Orders: n(20), Terminations: n(10)}},
		"a policy's deny beats human":    {human, nil, denying, order.Tool, policy.Deny, "the policy", policy.Caps{Orders: n(20), Terminations: n(10)}},
		"read-only beats all":            {readOnly, nil, allowing, order.Tool, policy.Deny, "--read-only", policy.Caps{Orders: n(20), Terminations: n(10)}},
		"a token without the scope":      {flags, orderer, allowing, "terminate_license", policy.Deny, "the token of ci", policy.Caps{Orders: n(5), Terminations: n(10)}},
		"a token without the edit scope": {flags, orderer, allowing, "edit_license", policy.Deny, "the token of ci", policy.Caps{Orders: n(5), Terminations: n(10)}},
		"a token without the family":     {flags, &elsewhere, allowing, order.Tool, policy.Deny, "the token of ci", policy.Caps{Orders: n(5), Terminations: n(10)}},
		"the smallest of each cap":       {flags, orderer, capped, order.Tool, policy.Allow, "the flags", policy.Caps{Orders: n(3), LicenceMonths: n(12), Terminations: n(10)}},
		"a token does not lift a policy": {flags, orderer, asking, order.Tool, policy.Person, "the policy", policy.Caps{Orders: n(5), Terminations: n(10)}},
	} {
		q := order
		q.Tool = row.tool
		got := policy.Strictest(row.flags.Bound(), policy.TokenBound(row.caller, q), row.decision.Bound())
		require.Equal(t, row.effect, got.Effect, name)
		require.Equal(t, row.source, got.Source, name)
		require.Equal(t, row.caps, got.Caps, name)
	}
	require.Equal(t, policy.Deny, policy.Strictest().Effect)
	require.Equal(t, policy.Deny, policy.Strictest(policy.Bound{Effect: "sometimes"}).Effect)
}

// TestTheStrictestIsNeverWeakerThanAny of what it joins, in whatever order, and
// never stricter than all of them.
func TestTheStrictestIsNeverWeakerThanAny(t *testing.T) {
	order := []policy.Effect{policy.Allow, policy.Person, policy.Deny}
	limit := rapid.Custom(func(t *rapid.T) *int {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		return n(rapid.IntRange(0, 5).Draw(t, "cap"))
	})
	bound := rapid.Custom(func(t *rapid.T) policy.Bound {
		return policy.Bound{
			Effect: rapid.SampledFrom(order).Draw(t, "effect"),
			Source: rapid.StringMatching(`[a-z]`).Draw(t, "source"),
			Caps:   policy.Caps{Orders: limit.Draw(t, "orders"), LicenceMonths: limit.Draw(t, "months"), Terminations: limit.Draw(t, "terminations")},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		bounds := rapid.SliceOfN(bound, 1, 5).Draw(t, "bounds")
		joined := policy.Strictest(bounds...)
		caps := func(b policy.Bound) []*int {
			return []*int{b.Caps.Orders, b.Caps.LicenceMonths, b.Caps.Terminations}
		}
		named := false
		for i := range 3 {
			found := caps(joined)[i] == nil
			for _, b := range bounds {
				require.GreaterOrEqual(t, slices.Index(order, joined.Effect), slices.Index(order, b.Effect))
				if c := caps(b)[i]; c != nil {
					require.NotNil(t, caps(joined)[i])
					require.LessOrEqual(t, *caps(joined)[i], *c)
					found = found || *caps(joined)[i] == *c
				}
				named = named || b.Effect == joined.Effect && b.Source == joined.Source
			}
			require.True(t, found, "a cap that nobody gave")
		}
		require.True(t, named, "the source is one that has the effect")
		slices.Reverse(bounds)
		turned := policy.Strictest(bounds...)
		require.Equal(t, joined.Effect, turned.Effect)
		require.Equal(t, joined.Caps, turned.Caps)
	})
}
