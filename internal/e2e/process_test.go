package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the program does as a process: its streams, its end, its configuration.

const hello = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}` + "\n" +
	`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n"

// run feeds the program its whole stdin and returns what it said.
func run(t *testing.T, env []string, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	command := exec.Command(binary, args...)
	command.Env = env
	command.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

// atTerminal runs a shell's line on a terminal, at which a person types a line.
func atTerminal(t *testing.T, env []string, typed, line string) (shown string, status int) {
	t.Helper()
	if _, err := exec.LookPath("script"); err != nil {
		missing(t, "script, which makes a terminal, is not installed")
	}
	command := exec.Command("script", "-q", "-e", "-c", line, "/dev/null")
	command.Env = append(env, "SHELL=/bin/sh")
	command.Stdin = strings.NewReader(typed + "\n")
	out, err := command.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(t, err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// messages parses stdout, which must hold protocol messages and nothing else.
func messages(t *testing.T, stdout string) []object {
	t.Helper()
	var all []object
	for _, line := range strings.SplitAfter(stdout, "\n") {
		if line == "" {
			continue
		}
		var message object
		require.NoError(t, json.Unmarshal([]byte(line), &message), "stdout holds something else than a message: %q", line)
		require.Equal(t, "2.0", message["jsonrpc"])
		all = append(all, message)
	}
	return all
}

// TestEveryCallBeforeEOFIsAnswered pipes a hundred calls and then closes stdin,
// fifty runs in a row; the last line has no newline.
func TestEveryCallBeforeEOFIsAnswered(t *testing.T) {
	var input strings.Builder
	input.WriteString(hello)
	for i := range 100 {
		fmt.Fprintf(&input, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_license","arguments":{"family":"plesk","keyNumber":"NONE.%d"}}}`+"\n", i, i)
	}
	stdin := strings.TrimSuffix(input.String(), "\n")
	env := bareEnvironment(t)
	for range 50 {
		stdout, stderr, status := run(t, env, stdin, "--env", "sandbox")
		require.Equal(t, 0, status, stderr)
		answered := map[any]bool{}
		for _, m := range messages(t, stdout) {
			require.Contains(t, m, "result", "%v", m)
			require.False(t, answered[m["id"]], "%v answered twice", m["id"])
			answered[m["id"]] = true
		}
		require.Len(t, answered, 101)
	}
}

// TestSIGTERMAnswersCallsInFlight stops the process while a confirmed order is
// on its way: the call is answered, the outcome recorded, and then it exits.
func TestSIGTERMAnswersCallsInFlight(t *testing.T) {
	api := newAPI(t)
	arrived, release := api.hold("POST", "/license/virtuozzo/order")
	env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	command := exec.Command(binary)
	command.Env = env
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewReader(out)
	ask := func(id int, args object) {
		encoded, err := json.Marshal(object{"jsonrpc": "2.0", "id": id, "method": "tools/call",
			"params": object{"name": "order_virtuozzo_license", "arguments": args}})
		require.NoError(t, err)
		_, err = in.Write(append(encoded, '\n'))
		require.NoError(t, err)
	}
	read := func() object {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		return messages(t, line)[0]
	}
	_, err = io.WriteString(in, hello)
	require.NoError(t, err)
	read()
	order := valid("")["order_virtuozzo_license"]
	ask(1, order)
	order["confirm"] = read()["result"].(object)["structuredContent"].(object)["confirm"]
	ask(2, order)
	<-arrived
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	close(release)
	answer := read()["result"].(object)["structuredContent"].(object)
	require.Equal(t, "done", answer["outcome"], "%v", answer)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Empty(t, string(rest))
	require.NoError(t, command.Wait())

	c := connect(t, eras[0], env)
	recorded := c.ok(t, "get_operation", object{"operationId": answer["operationId"]})["operation"].(object)
	require.Equal(t, "succeeded", recorded["state"])
}

// TestWithoutCredentials lists the tools, and calls say what to set.
func TestWithoutCredentials(t *testing.T) {
	env := bareEnvironment(t)
	c := connect(t, eras[0], env)
	tools, err := c.ListTools(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, tools.Tools, 12)
	for tool, args := range valid("PLSK.02980001") {
		if strings.HasSuffix(tool, "_operation") || strings.HasSuffix(tool, "_operations") || strings.HasPrefix(tool, "order_") {
			continue // need no credentials until something is sent
		}
		failure := c.refused(t, tool, args)
		require.Equal(t, "not_configured", failure["code"], "%s: %v", tool, failure)
		require.Contains(t, failure["next"], "WEBSOFTSOLUS_SECRET")
	}
	order := valid("")["order_plesk12_license"]
	preview := c.ok(t, "order_plesk12_license", order)
	failure := c.refused(t, "order_plesk12_license", with(order, "confirm", preview["confirm"]))
	require.Contains(t, failure["message"], "nothing was ordered")
	require.Equal(t, "not_done", failure["outcome"])
}

// TestWrongCredentials says so, and never prints them.
func TestWrongCredentials(t *testing.T) {
	api := newAPI(t)
	const secret = "not-the-right-secret-0123456789"
	env := append(api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "WEBSOFTSOLUS_SECRET="+secret, "WEBSOFTSOLUS_LOG_LEVEL=debug")
	c := connect(t, eras[0], env)
	result, isError := c.call(t, "list_licenses", object{"family": "plesk"})
	require.True(t, isError)
	require.Equal(t, "unauthorized", result["error"].(object)["code"], "%v", result)
	require.NotContains(t, fmt.Sprint(result), secret)
	require.NoError(t, c.Close())
	require.NotContains(t, c.stderr.String(), secret)
}

// TestDeadNetwork answers, and a confirmed order is certainly not done.
func TestDeadNetwork(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := closed.Addr().String()
	require.NoError(t, closed.Close())
	env := append(bareEnvironment(t), "WEBSOFTSOLUS_URL=http://"+address+"/", "WEBSOFTSOLUS_LOGIN=l", "WEBSOFTSOLUS_SECRET=s")
	c := connect(t, eras[1], env)
	require.Equal(t, "unreachable", c.refused(t, "list_licenses", object{"family": "plesk"})["code"])
	order := valid("")["order_virtuozzo_license"]
	preview := c.ok(t, "order_virtuozzo_license", order)
	require.NotEmpty(t, preview["warnings"], "the product could not be checked, and the preview says so")
	failure := c.refused(t, "order_virtuozzo_license", with(order, "confirm", preview["confirm"]))
	require.Equal(t, "not_done", failure["outcome"])
	require.Contains(t, failure["message"], "nothing was ordered")
}

// TestLedgerThatCannotBeOpenedStopsWritesOnly puts a file of something else, a
// folder, and a path below a file in the ledger's place.
func TestLedgerThatCannotBeOpenedStopsWritesOnly(t *testing.T) {
	api := newAPI(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	content := strings.Repeat("this is not a ledger\n", 100)
	require.NoError(t, os.WriteFile(text, []byte(content), 0o600))
	for name, journal := range map[string]string{"not a database": text, "a folder": dir, "below a file": filepath.Join(text, "ledger.db")} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, eras[0], api.variables(t, journal))
			key := firstKey(t, c, "plesk")
			c.ok(t, "get_license", object{"family": "plesk", "keyNumber": key})
			api.take()
			for tool, args := range valid(key) {
				undone := undone(tool)
				if undone == "" {
					continue
				}
				failure := c.refused(t, tool, args)
				require.Equal(t, "ledger_unavailable", failure["code"], "%s: %v", tool, failure)
				require.Contains(t, failure["message"], undone)
				for _, line := range lines(t, api.take()) {
					require.True(t, strings.HasPrefix(line, "GET "), line)
				}
			}
		})
	}
	kept, err := os.ReadFile(text)
	require.NoError(t, err)
	require.Equal(t, content, string(kept), "the file was not touched")
}

// TestLeftOutToolsAreRefused calls what --read-only and --families leave out.
func TestLeftOutToolsAreRefused(t *testing.T) {
	api := newAPI(t)
	c := connect(t, eras[0], api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "--read-only", "--families", "plesk")
	tools, err := c.ListTools(t.Context(), nil)
	require.NoError(t, err)
	names := []string{}
	for _, tool := range tools.Tools {
		require.True(t, tool.Annotations.ReadOnlyHint)
		names = append(names, tool.Name)
	}
	require.Equal(t, []string{"list_licenses", "compare_licenses", "get_license", "list_orderable_versions", "get_operation", "list_operations"}, names)
	for tool, args := range valid("PLSK.02980001") {
		if undone := undone(tool); undone != "" {
			failure := c.refused(t, tool, args)
			require.Equal(t, "not_offered", failure["code"])
			require.Contains(t, failure["message"], undone)
		}
	}
	require.Equal(t, "not_offered", c.refused(t, "get_license", object{"family": "cpanel", "keyNumber": "x"})["code"])
	require.Empty(t, api.take())
	c.ok(t, "list_licenses", object{})
	require.Equal(t, []string{"POST /access/token", "GET /license/plesk"}, lines(t, api.take()), "only the family that is offered")
}

// TestWrongUsage exits with 2 and says which flag is wrong, on stderr alone.
func TestWrongUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"--env":             {"--env", "production"},
		"--url":             {"--url", "http://api.example.com/"},
		"--confirm":         {"--confirm", "never"},
		"--families":        {"--families", "plesk,directadmin"},
		"--timeout":         {"--timeout", "0s"},
		"--max-concurrency": {"--max-concurrency", "0"},
		"--log-level":       {"--log-level", "loud"},
		"--nonsense":        {"--nonsense"},
		"nonsense":          {"nonsense"},
	} {
		stdout, stderr, status := run(t, bareEnvironment(t), "", args...)
		require.Equal(t, 2, status, "%v: %s", args, stderr)
		require.Empty(t, stdout)
		require.Contains(t, stderr, name)
	}
}

// TestOtherCommands prints the version and the tools.
func TestOtherCommands(t *testing.T) {
	stdout, _, status := run(t, bareEnvironment(t), "", "version")
	require.Equal(t, 0, status)
	require.True(t, strings.HasPrefix(stdout, "websoftsolus-mcp "), stdout)

	stdout, _, status = run(t, bareEnvironment(t), "", "tools")
	require.Equal(t, 0, status)
	require.Len(t, strings.Split(strings.TrimSpace(stdout), "\n"), 12)

	stdout, _, status = run(t, bareEnvironment(t), "", "tools", "--json", "--read-only")
	require.Equal(t, 0, status)
	var listed struct{ Tools []object }
	require.NoError(t, json.Unmarshal([]byte(stdout), &listed))
	require.Len(t, listed.Tools, 6)
}

// TestDoctor names what is amiss, and nothing else.
func TestDoctor(t *testing.T) {
	api := newAPI(t)
	_, secret := api.sandbox.Credentials()
	folder := t.TempDir()
	good := api.variables(t, filepath.Join(folder, "ledger.db"))
	stdout, stderr, status := run(t, good, "", "doctor")
	require.Equal(t, 0, status, stdout+stderr)
	require.NotContains(t, stdout, "amiss")
	require.NotContains(t, stdout+stderr, secret)
	for _, want := range []string{"credentials   ok", "network       ok", "plesk: 12", "ledger        ok"} {
		require.Contains(t, stdout, want)
	}

	stdout, stderr, status = run(t, append(good, "WEBSOFTSOLUS_SECRET=wrong"), "", "doctor")
	require.Equal(t, 1, status)
	require.Contains(t, stdout, "licences      amiss", "wrong credentials")
	require.Contains(t, stdout, "check login and secret")
	require.Contains(t, stderr, "something is amiss")

	stdout, _, status = run(t, append(good, "WEBSOFTSOLUS_URL=http://127.0.0.1:1/"), "", "doctor")
	require.Equal(t, 1, status)
	require.Contains(t, stdout, "network       amiss")

	stdout, _, status = run(t, append(good, "WEBSOFTSOLUS_JOURNAL="+filepath.Join(folder, "ledger.db", "below")), "", "doctor")
	require.Equal(t, 1, status)
	require.Contains(t, stdout, "ledger        amiss")
}
