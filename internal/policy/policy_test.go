package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// parse reads rules with the default given.
func parse(t require.TestingT, standard, rules string) *policy.Policy {
	p, err := policy.Parse("policy.yaml", []byte("version: 1\ndefault: "+standard+"\nrules:\n"+rules))
	require.NoError(t, err)
	return p
}

var monthly = policy.Request{Tool: "order_plesk12_license", Family: websoftsolus.Plesk, Product: "PLESK_12_WEB_HOST", Period: "1", Environment: "live", Caller: "ci-1"}

// with changes one thing of a request.
func with(q policy.Request, change func(*policy.Request)) policy.Request {
	change(&q)
	return q
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	p := parse(t, "deny", `
  - {name: stop, product: "*_TRIAL", effect: deny}
  - name: narrow
    tool: order_plesk12_license
    family: plesk
    product: PLESK_12_*
    period: [1, 3]
    environment: [live, test]
    caller: ci-*
    effect: allow
    caps: {ordersPerDay: 2}
  - {name: wide, tool: order_*, effect: person}
  - {name: never, tool: order_*, effect: deny}
`)
	for name, row := range map[string]struct {
		q      policy.Request
		effect policy.Effect
		rule   int
	}{
		"every part matches":       {monthly, policy.Allow, 2},
		"letter case of a product": {with(monthly, func(q *policy.Request) { q.Product = "plesk_12_web_host" }), policy.Allow, 2},
		"an earlier rule is first": {with(monthly, func(q *policy.Request) { q.Product = "PLESK_12_trial" }), policy.Deny, 1},
		"another tool":             {with(monthly, func(q *policy.Request) { q.Tool = "order_plesk10_license" }), policy.Person, 3},
		"another family":           {with(monthly, func(q *policy.Request) { q.Family = websoftsolus.CPanel }), policy.Person, 3},
		"another product":          {with(monthly, func(q *policy.Request) { q.Product = "xPLESK_12_WEB_HOST" }), policy.Person, 3},
		"a line break is no gap":   {with(monthly, func(q *policy.Request) { q.Product = "x\n_TRIAL" }), policy.Deny, 1},
		"a slash is no gap":        {with(monthly, func(q *policy.Request) { q.Product = "a/b_TRIAL" }), policy.Deny, 1},
		"another period":           {with(monthly, func(q *policy.Request) { q.Period = "12" }), policy.Person, 3},
		"another environment":      {with(monthly, func(q *policy.Request) { q.Environment = "sandbox" }), policy.Person, 3},
		"another caller":           {with(monthly, func(q *policy.Request) { q.Caller = "ops" }), policy.Person, 3},
		"letter case of a caller":  {with(monthly, func(q *policy.Request) { q.Caller = "CI-1" }), policy.Person, 3},
		"nobody signed in":         {with(monthly, func(q *policy.Request) { q.Caller = "" }), policy.Person, 3},
		"the default":              {policy.Request{Tool: "terminate_license", Family: "plesk", Product: "PLESK_12", Period: "1", Environment: "live"}, policy.Deny, 0},
		"the default, for an edit": {policy.Request{Tool: "edit_license", Family: "plesk", Product: "PLESK_12", Period: "1", Environment: "live"}, policy.Deny, 0},
	} {
		d := p.Decide(row.q)
		require.Equal(t, row.effect, d.Effect, name)
		require.Equal(t, row.rule, d.Rule, name)
		require.NotContains(t, d.Reason, "ci-*", "%s: what a rule matches on is not told", name)
		require.Contains(t, d.Reason, "policy.yaml, line ", name)
	}
	d := p.Decide(monthly)
	require.Equal(t, "narrow", d.Name)
	require.Equal(t, `rule "narrow" (policy.yaml, line 6) allows it`, d.Reason)
	require.Equal(t, 2, *d.Caps.Orders)
}

func TestOnlyAnEmptyPatternOrAStarIsForNobody(t *testing.T) {
	nobody := with(monthly, func(q *policy.Request) { q.Caller = "" })
	for pattern, effect := range map[string]policy.Effect{`""`: policy.Allow, `"*"`: policy.Allow, `"?*"`: policy.Deny, `local`: policy.Deny} {
		p := parse(t, "deny", "  - {name: a, caller: "+pattern+", effect: allow}\n")
		require.Equal(t, effect, p.Decide(nobody).Effect, pattern)
	}
}

// TestWhatIsNotKnownNeverOpensADoor: the API may not say what product a licence
// is.
func TestWhatIsNotKnownNeverOpensADoor(t *testing.T) {
	unknown := policy.Request{Tool: "terminate_license", Family: "plesk", Environment: "live"}
	for name, row := range map[string]struct {
		standard, rules string
		effect          policy.Effect
		rule            string
	}{
		"a rule that allows one product":        {"deny", `  - {name: a, tool: terminate_license, product: TRIAL_*, effect: allow}`, policy.Deny, "default"},
		"a rule that denies one product":        {"allow", `  - {name: a, tool: terminate_license, product: TRIAL_*, effect: deny}`, policy.Deny, "a"},
		"a rule that asks about one product":    {"allow", `  - {name: a, tool: terminate_license, product: TRIAL_*, effect: person}`, policy.Person, "a"},
		"the strictest of two":                  {"allow", "  - {name: a, tool: terminate_license, product: A, effect: person}\n  - {name: b, tool: terminate_license, period: 1, effect: deny}", policy.Deny, "b"},
		"a later rule that surely matches":      {"deny", "  - {name: a, tool: terminate_license, product: A, effect: allow}\n  - {name: b, tool: terminate_license, effect: allow}\n  - {name: c, effect: deny}", policy.Allow, "a"},
		"the tightest cap of those that allow":  {"deny", "  - {name: a, tool: terminate_license, product: A, effect: allow, caps: {terminationsPerDay: 9}}\n  - {name: b, tool: terminate_license, effect: allow, caps: {terminationsPerDay: 1}}", policy.Allow, "b"},
		"a rule of another tool does not count": {"allow", `  - {name: a, tool: order_*, product: A, effect: deny}`, policy.Allow, "default"},
	} {
		d := parse(t, row.standard, row.rules+"\n").Decide(unknown)
		require.Equal(t, row.effect, d.Effect, name)
		require.Equal(t, row.rule, d.Name, name)
	}
}

func TestAnEditNeverWaitsForAPerson(t *testing.T) {
	d := parse(t, "person", "  - {name: a, tool: edit_license, family: cpanel, effect: allow}\n").Decide(policy.Request{Tool: "edit_license", Family: "plesk"})
	require.Equal(t, policy.Deny, d.Effect)
	require.Contains(t, d.Reason, "cannot be asked about an edit")
}

// TestToolsAreThoseThatWrite holds the tables here to those of the schemas.
func TestToolsAreThoseThatWrite(t *testing.T) {
	for _, tool := range policy.Tools {
		require.NotEmpty(t, schemas.InputSchema(tool), tool)
	}
	for _, family := range websoftsolus.Families {
		for _, generation := range []schemas.Generation{schemas.Plesk10, schemas.Plesk12} {
			rules := schemas.RuleSetFor(family, generation)
			require.Contains(t, policy.Tools, rules.Tool)
			p := parse(t, "deny", fmt.Sprintf("  - {name: a, period: [%s], effect: allow}\n", strings.Join(rules.Option("period").Allowed, ", ")))
			require.Len(t, p.Rules[0].Periods, 6)
		}
	}
}

// drawn values of each field, the unknown among them.
var values = map[string][]string{
	"tool": policy.Tools, "family": {"plesk", "cpanel", ""}, "product": {"A", "B", ""}, "period": {"1", "3", ""}, "caller": {"x", "y", ""},
}

// TestTheUnknownIsNeverWeakerThanTheKnown: leaving out of a request what its
// rules look at never gives a weaker decision.
func TestTheUnknownIsNeverWeakerThanTheKnown(t *testing.T) {
	strictness := []policy.Effect{policy.Allow, policy.Person, policy.Deny}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(key string) string { return rapid.SampledFrom(values[key]).Draw(t, key) }
		var rules strings.Builder
		for i := range rapid.IntRange(0, 5).Draw(t, "rules") {
			fmt.Fprintf(&rules, "  - {name: r%d, tool: [order_*, terminate_license], effect: %s", i, rapid.SampledFrom(strictness).Draw(t, "effect"))
			for _, key := range []string{"family", "product", "period"} {
				if v := draw(key); v != "" {
					fmt.Fprintf(&rules, ", %s: %s", key, v)
				}
			}
			rules.WriteString("}\n")
		}
		p := parse(t, string(rapid.SampledFrom(strictness).Draw(t, "default")), rules.String())
		known := policy.Request{Tool: draw("tool"), Family: websoftsolus.Family(draw("family")), Product: draw("product"), Period: draw("period"), Caller: draw("caller")}
		unknown := known
		switch rapid.SampledFrom([]string{"family", "product", "period", "both"}).Draw(t, "unknown") {
		case "family":
			unknown.Family = ""
		case "product":
			unknown.Product = ""
		case "period":
			unknown.Period = ""
		default:
			unknown.Product, unknown.Period = "", ""
		}
		require.GreaterOrEqual(t, slices.Index(strictness, p.Decide(unknown).Effect), slices.Index(strictness, p.Decide(known).Effect))
	})
}
