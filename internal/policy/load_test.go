package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
)

const good = `version: 1
default: deny
rules:
  - name: monthly
    reason: small orders
    tool: order_plesk12_license
    family: plesk
    product: [PLESK_12_WEB_*, PLESK_18_?]
    period: [1, "3"]
    environment: live
    caller: [ci-*, ""]
    effect: allow
    caps: {ordersPerDay: 5, licenceMonthsPerDay: 0}
  - name: ends
    tool: [terminate_license]
    effect: person
    caps:
      terminationsPerDay: 1
  - {name: edits, tool: "edit_*", effect: allow}
`

func TestLoadReadsEveryField(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	require.NoError(t, os.WriteFile(path, []byte(good), 0o600))
	p, err := policy.Load(path)
	require.NoError(t, err)
	require.Equal(t, "p.yaml", p.File)
	require.Equal(t, policy.Deny, p.Default)
	require.Len(t, p.Rules, 3)
	first := p.Rules[0]
	require.Equal(t, []any{"monthly", 4, policy.Allow, "small orders", 5, 0}, []any{first.Name, first.Line, first.Effect, first.Reason, *first.Caps.Orders, *first.Caps.LicenceMonths})
	require.Nil(t, first.Caps.Terminations)
	require.Equal(t, []string{"PLESK_12_WEB_*", "PLESK_18_?"}, first.Products.Texts())
	require.Equal(t, []string{"1", "3"}, first.Periods.Texts())
	require.Equal(t, []string{"ci-*", ""}, first.Callers.Texts())
	require.Equal(t, 1, *p.Rules[1].Caps.Terminations)
	require.Equal(t, 19, p.Rules[2].Line)

	_, err = policy.Load(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestEveryProblemIsFoundAtOnce, each where it stands and with what is allowed.
func TestEveryProblemIsFoundAtOnce(t *testing.T) {
	_, err := policy.Parse("dir/p.yaml", []byte(`version: 2
defualt: deny
default: ask
default: deny
rules:
  - name: a b
    tool: [order_plesk12_license, order_plesk99_license, order_plesk12_license, 7]
    familiy: plesk
    period: 2
    environment: [live, prod]
    product: ""
    effect: maybe
  - name: twice
    effect: allow
    caps: {ordersPerDay: -1, licenceMonthsPerDay: many, perDay: 3}
  - name: twice
    tool: []
    family: plesk*
    effect: deny
    caps: {ordersPerDay: 1}
  - effect: person
    tool: [terminate_license, "*_license"]
  - name: everything
    effect: person
  - name: ends
    tool: terminate_license
    caps: {ordersPerDay: 2}
    effect: allow
  - name: nothing
  - just words
`))
	var problems *policy.Problems
	require.ErrorAs(t, err, &problems)
	for _, want := range []string{
		"dir/p.yaml:1:10: version must be 1, not \"2\"",
		"dir/p.yaml:2:1: the policy has no key \"defualt\"; its keys are version, default, rules",
		"dir/p.yaml:4:1: default is given twice; the first is in line 3",
		"dir/p.yaml:3:10: default must be one of allow, person, deny, not \"ask\"",
		"dir/p.yaml:6:11: name must be 1 to 64",
		"dir/p.yaml:7:35: tool \"order_plesk99_license\" matches none of order_plesk10_license",
		"dir/p.yaml:7:58: tool names \"order_plesk12_license\" twice",
		"dir/p.yaml:7:81: tool \"7\" matches none of",
		"dir/p.yaml:8:5: a rule has no key \"familiy\"; its keys are name, reason, tool",
		"dir/p.yaml:9:13: period must be one of 1, 3, 6, 12, 24, 36, not \"2\"",
		"dir/p.yaml:10:25: environment must be one of live, test, sandbox, not \"prod\"",
		"dir/p.yaml:11:14: product is empty; leave product out to match anything",
		"dir/p.yaml:12:13: effect must be one of allow, person, deny, not \"maybe\"",
		"dir/p.yaml:15:26: ordersPerDay must be a whole number from 0 to 1000000, not \"-1\"",
		"dir/p.yaml:15:51: licenceMonthsPerDay must be a whole number",
		"dir/p.yaml:15:57: caps has no key \"perDay\"; its keys are ordersPerDay, licenceMonthsPerDay, terminationsPerDay",
		"dir/p.yaml:16:5: the name \"twice\" is that of the rule in line 13 too",
		"dir/p.yaml:17:11: tool is an empty list",
		"dir/p.yaml:18:13: family must be one of plesk, cpanel, virtuozzo, not \"plesk*\"",
		"dir/p.yaml:20:11: a rule that denies has no caps",
		"dir/p.yaml:21:5: the rule has no name",
		"dir/p.yaml:22:11: effect person cannot hold for edit_license",
		"dir/p.yaml:23:5: effect person cannot hold for edit_license",
		"dir/p.yaml:27:26: ordersPerDay has no effect here: the rule's tools make no orders",
		"dir/p.yaml:29:5: the rule has no effect: one of allow, person, deny",
		"dir/p.yaml:30:5: a rule must be a mapping",
	} {
		require.Contains(t, err.Error(), want)
	}
	require.Len(t, problems.All, 26, err.Error())
}

func TestWhatIsNoPolicyIsRefused(t *testing.T) {
	for content, want := range map[string]string{
		"":                                     "p:1:1: the file is empty",
		"# only a comment\n":                   "p:1:1: the file is empty",
		"- a":                                  "p:1:1: the policy must be a mapping",
		"version: 1\n":                         "default is missing",
		"version: 1\ndefault: deny\n---\n{}":   "p:3:1: a second document begins here",
		"version: 1\ndefault: [deny":           "not YAML: ",
		"version: 1\n\tdefault: deny":          "p:2:1: not YAML: ",
		"version: 1\ndefault: deny\nrules: {}": "p:3:8: rules must be a list",
		"version: 1\ndefault: &d deny\nrules:\n  - {name: a, effect: *d}":                              "p:4:23: effect must be one of allow, person, deny, not \"*d\"",
		"version: 1\ndefault: deny\nrules:\n  - &a {name: a, effect: deny}\n  - *a":                    "p:5:5: a rule must be a mapping",
		"version: 1\ndefault: deny\nrules:\n  - {<<: {name: a}, effect: deny, name: b}":                "a rule has no key \"<<\"",
		"version: 1\ndefault: deny\nrules:\n  - {name: default, effect: deny}":                         "name must be 1 to 64",
		"version: 1\ndefault: deny\nrules:\n  - {name: a, effect: allow, caps: {ordersPerDay: 1.5}}":   "not \"1.5\"",
		"version: 1\ndefault: deny\nrules:\n  - {name: a, effect: allow, caps: {ordersPerDay: \"1\"}}": "not \"1\"",
		"version: 1\ndefault: deny\nrules:\n  - {name: a, effect: allow, caller: null}":                "caller must be a text",
	} {
		_, err := policy.Parse("p", []byte(content))
		var problems *policy.Problems
		require.ErrorAs(t, err, &problems, content)
		require.Contains(t, err.Error(), want, content)
	}
	// No rules at all: the default decides.
	for _, content := range []string{"version: 1\ndefault: deny\n", "version: 1\ndefault: deny\nrules:\n", "version: 1\ndefault: deny\nrules: []\n"} {
		p, err := policy.Parse("p", []byte(content))
		require.NoError(t, err, content)
		require.Equal(t, policy.Deny, p.Decide(policy.Request{Tool: "edit_license"}).Effect)
	}
}

func TestAHugeFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("#\n", 1<<20)), 0o600))
	_, err := policy.Load(path)
	require.ErrorContains(t, err, "larger than 1 MiB")
}

// FuzzParse: whatever the file holds, it is a policy or it is refused with
// problems that say where.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("version: 1\ndefault: &a [*a]\n")
	f.Fuzz(func(t *testing.T, content string) {
		p, err := policy.Parse("p", []byte(content))
		if err == nil {
			require.Contains(t, []policy.Effect{policy.Allow, policy.Person, policy.Deny}, p.Default)
			for _, rule := range p.Rules {
				require.NotEmpty(t, rule.Name)
				require.NotEmpty(t, rule.Effect)
			}
			return
		}
		var problems *policy.Problems
		require.True(t, errors.As(err, &problems))
		require.NotEmpty(t, problems.All)
		for _, one := range problems.All {
			require.Positive(t, one.Line)
			require.Positive(t, one.Column)
		}
	})
}
