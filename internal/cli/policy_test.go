package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
)

const docs = "../../docs/"

// TestDocumentedPoliciesDecideAsTheTextSays runs every call of the tables in
// docs/policy.md through the example that the table follows.
func TestDocumentedPoliciesDecideAsTheTextSays(t *testing.T) {
	text, err := os.ReadFile(docs + "policy.md")
	require.NoError(t, err)
	sections := strings.Split(string(text), "\n## ")
	example := regexp.MustCompile(`\(examples/policies/([a-z-]+\.yaml)\)`)
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (allow|person|deny) \\| ([a-z-]+) \\|$")
	checked := map[string]int{}
	for _, section := range sections {
		named := example.FindStringSubmatch(section)
		if named == nil {
			continue
		}
		path := filepath.Join(docs, "examples/policies", named[1])
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, section, "```yaml\n"+string(file)+"```", "the text shows the file as it is")
		p, err := policy.Load(path)
		require.NoError(t, err)
		for _, claim := range row.FindAllStringSubmatch(section, -1) {
			words := strings.Fields(claim[1])
			c := policyExplain{Env: "live", Tool: words[0], Arguments: words[1:]}
			q, err := c.request()
			require.NoError(t, err, claim[0])
			d := p.Decide(q)
			require.Equal(t, []string{claim[2], claim[3]}, []string{string(d.Effect), d.Name}, claim[0])
			checked[named[1]]++
		}
	}
	require.Equal(t, map[string]int{"lone-reseller.yaml": 7, "provisioning-agent.yaml": 11}, checked)
}

// command runs the command line and returns its exit status and what it printed.
func command(args ...string) (int, string) {
	var out, errw bytes.Buffer
	status := Run(args, strings.NewReader(""), &out, &errw)
	return status, out.String() + errw.String()
}

func TestPolicyCheckListsTheRulesOrTheProblems(t *testing.T) {
	status, printed := command("policy", "check", "--policy", docs+"examples/policies/lone-reseller.yaml")
	require.Zero(t, status, printed)
	for _, want := range []string{"small-orders", "period 1|3", "3 orders, 6 licence-months", "is right: 4 rules"} {
		require.Contains(t, printed, want)
	}
	wrong := filepath.Join(t.TempDir(), "p.yaml")
	require.NoError(t, os.WriteFile(wrong, []byte("version: 1\ndefault: maybe\nrules:\n  - {name: a, effect: allow, tols: x}\n"), 0o600))
	for _, args := range [][]string{{"policy", "check"}, {"policy", "explain", "edit_license"}, {"stdio"}, {"stdio", "--env", "sandbox"}} {
		status, printed = command(append(args, "--policy", wrong)...)
		require.Equal(t, exitUsage, status, printed)
		require.Contains(t, printed, wrong+":2:10: default must be one of allow, person, deny", args)
		require.Contains(t, printed, wrong+":4:30: a rule has no key \"tols\"", args)
	}
	status, printed = command("policy", "check")
	require.Equal(t, exitUsage, status, printed)
	require.Contains(t, printed, "--policy")
	status, printed = command("policy", "check", "--policy", filepath.Join(t.TempDir(), "none.yaml"))
	require.Equal(t, exitUsage, status)
	require.Contains(t, printed, "no such file")
}

func TestPolicyExplainSaysWhoDecidesAndWhichCapsHold(t *testing.T) {
	file := docs + "examples/policies/provisioning-agent.yaml"
	for want, args := range map[string][]string{
		`rule "monthly-web-host" (provisioning-agent.yaml, line 6) allows it`:         {"order_plesk12_license", "product=PLESK_12_WEB_HOST", "period=1", "caller=provisioning"},
		`30 orders, 30 licence-months in 24 hours, of what rule "monthly-web-host"`:   {"order_plesk12_license", "product=PLESK_12_WEB_HOST", "period=1", "caller=provisioning"},
		"20 orders in 24 hours, of all this server does":                              {"order_plesk12_license", "product=PLESK_12_WEB_HOST", "period=1", "caller=provisioning"},
		"together  person: a person must agree":                                       {"order_plesk12_license", "product=PLESK_12_WEB_HOST", "period=1", "caller=provisioning", "--confirm", "human"},
		"together  deny: refused, nothing is sent":                                    {"order_plesk12_license", "product=PLESK_12_WEB_HOST", "period=1", "caller=provisioning", "--read-only"},
		"no rule matches and the default (provisioning-agent.yaml, line 4) denies it": {"terminate_license", "caller=provisioning"},
		// The period is not known, so the rule for small orders may not match.
		"the default (lone-reseller.yaml, line 4) asks for a person": {"order_plesk12_license", "--policy", docs + "examples/policies/lone-reseller.yaml"},
		"an edit takes effect at once, and has no caps":              {"edit_license", "family=plesk", "caller=provisioning"},
	} {
		args = append([]string{"policy", "explain"}, args...)
		if !strings.Contains(strings.Join(args, " "), "--policy") {
			args = append(args, "--policy", file)
		}
		status, printed := command(args...)
		require.Zero(t, status, printed)
		require.Contains(t, printed, want)
	}

	status, printed := command("policy", "explain", "--policy", file, "terminate_license", "period=7", "family=directadmin", "colour=red", "bare", "period=1", "product=", "environment=prod")
	require.Equal(t, exitUsage, status)
	for _, want := range []string{`period must be one of 1, 3, 6, 12, 24, 36, not "7"`, `family must be one of plesk, cpanel, virtuozzo, not "directadmin"`,
		`"colour" is nothing that rules look at; those are family, product, period, environment, caller`, `"bare" is not name=value`, "period is given twice",
		"product is empty", `environment must be one of live, test, sandbox, not "prod"`} {
		require.Contains(t, printed, want)
	}
	for args, want := range map[string]string{
		"get_license":                       "only reads",
		"order_license":                     "is no tool that writes",
		"order_cpanel_license family=plesk": "order_cpanel_license orders for cpanel, not plesk",
	} {
		status, printed = command(append([]string{"policy", "explain", "--policy", file}, strings.Fields(args)...)...)
		require.Equal(t, exitUsage, status)
		require.Contains(t, printed, want)
	}
}
