package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// post sends one JSON-RPC message over HTTP and returns the answer.
func post(t *testing.T, url, body string, headers ...string) (status int, answer string, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := webClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(read), response.Header
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"e2e","version":"1"}}}`

// httpCaller is a caller with a token and a session.
type httpCaller struct {
	t       *testing.T
	url     string
	headers []string
}

func newHTTPCaller(t *testing.T, url, token string) *httpCaller {
	c := &httpCaller{t: t, url: url, headers: []string{"Authorization", "Bearer " + token}}
	status, answer, header := post(t, url, initialize, c.headers...)
	require.Equal(t, http.StatusOK, status, answer)
	c.headers = append(c.headers, "Mcp-Session-Id", header.Get("Mcp-Session-Id"))
	return c
}

// call calls a tool and returns its structured content.
func (c *httpCaller) call(tool string, args object) object {
	c.t.Helper()
	encoded, err := json.Marshal(object{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": object{"name": tool, "arguments": args}})
	require.NoError(c.t, err)
	status, answer, _ := post(c.t, c.url, string(encoded), c.headers...)
	require.Equal(c.t, http.StatusOK, status, answer)
	var response struct {
		Result struct{ StructuredContent object }
	}
	require.NoError(c.t, json.Unmarshal([]byte(answer), &response), answer)
	return response.Result.StructuredContent
}

func (c *httpCaller) refused(tool string, args object) string {
	c.t.Helper()
	failure, ok := c.call(tool, args)["error"].(object)
	require.True(c.t, ok, "%s was not refused", tool)
	return failure["code"].(string)
}

func (c *httpCaller) tools() []string {
	_, answer, _ := post(c.t, c.url, `{"jsonrpc":"2.0","id":3,"method":"tools/list"}`, c.headers...)
	var response struct {
		Result struct{ Tools []struct{ Name string } }
	}
	require.NoError(c.t, json.Unmarshal([]byte(answer), &response), answer)
	var names []string
	for _, tool := range response.Result.Tools {
		names = append(names, tool.Name)
	}
	return names
}

// token makes one with the token command.
func token(t *testing.T, file string, args ...string) string {
	t.Helper()
	stdout, stderr, status := run(t, bareEnvironment(t), "", append([]string{"token", "--file", file}, args...)...)
	require.Equal(t, 0, status, stderr)
	require.NotContains(t, stderr, strings.TrimSpace(stdout))
	return strings.TrimSpace(stdout)
}

func TestAccessOverHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	const every = "licenses:read,licenses:order,licenses:edit,licenses:terminate"
	all := token(t, file, "--name", "all", "--scopes", every)
	other := token(t, file, "--name", "other", "--scopes", every, "--max-orders-per-day", "0")
	reader := token(t, file, "--name", "reader", "--read-only", "--families", "plesk")
	expired := token(t, file, "--name", "expired", "--scopes", every, "--expires", "2099-01-01")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, bytes.Replace(content, []byte("2099"), []byte("2020"), 1), 0o600))
	s := serve(t, bareEnvironment(t), "--env", "sandbox", "--tokens-file", file)
	url, process := s.url, s.process

	for name, c := range map[string]struct {
		headers   []string
		status    int
		challenge string
	}{
		"no token":        {nil, 401, `Bearer realm="websoftsolus-mcp"`},
		"made up":         {[]string{"Authorization", "Bearer wss_" + strings.Repeat("0", 52)}, 401, `Bearer realm="websoftsolus-mcp", error="invalid_token"`},
		"expired":         {[]string{"Authorization", "Bearer " + expired}, 401, `Bearer realm="websoftsolus-mcp", error="invalid_token"`},
		"a JWT":           {[]string{"Authorization", "Bearer a.b.c"}, 401, `Bearer realm="websoftsolus-mcp", error="invalid_token"`},
		"basic":           {[]string{"Authorization", "Basic " + all}, 401, `Bearer realm="websoftsolus-mcp"`},
		"strange Host":    {[]string{"Authorization", "Bearer " + all, "Host", "evil.example.com"}, 403, ""},
		"strange Origin":  {[]string{"Authorization", "Bearer " + all, "Origin", "https://evil.example.com"}, 403, ""},
		"strange session": {[]string{"Authorization", "Bearer " + all, "Mcp-Session-Id", "made-up"}, 200, ""}, // it begins one
	} {
		status, answer, header := post(t, url, initialize, c.headers...)
		require.Equal(t, c.status, status, "%s: %s", name, answer)
		require.True(t, strings.HasPrefix(header.Get("WWW-Authenticate"), c.challenge), "%s: %s", name, header.Get("WWW-Authenticate"))
		require.Empty(t, header.Get("Access-Control-Allow-Origin"), name)
	}
	status, _, _ := post(t, url+"?access_token="+all, initialize)
	require.Equal(t, 400, status)
	for _, path := range []string{"/sse", "/message?sessionId=x", "/metrics"} {
		response, err := webClient.Get(strings.TrimSuffix(url, "/mcp") + path)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, http.StatusUnauthorized, response.StatusCode, path)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		response, err := webClient.Get(strings.TrimSuffix(url, "/mcp") + path)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode, path)
	}

	ann, bob, eve := newHTTPCaller(t, url, all), newHTTPCaller(t, url, other), newHTTPCaller(t, url, reader)
	require.Len(t, ann.tools(), 12)
	require.Equal(t, []string{"list_licenses", "compare_licenses", "get_license", "list_orderable_versions", "get_operation", "list_operations"}, eve.tools())
	order := valid("")["order_virtuozzo_license"]
	require.Equal(t, "not_allowed", eve.refused("order_virtuozzo_license", order))
	require.Equal(t, "not_allowed", eve.refused("list_orderable_versions", object{"family": "cpanel"}))
	for _, license := range eve.call("list_licenses", object{})["licenses"].([]any) {
		require.Equal(t, "plesk", license.(object)["family"])
	}
	require.Equal(t, "cap_reached", bob.refused("order_virtuozzo_license", order))

	// What was given to one caller is no use to another.
	preview := ann.call("order_virtuozzo_license", order)
	confirmed := with(order, "confirm", preview["confirm"])
	require.Equal(t, "confirm_unknown", bob.refused("order_virtuozzo_license", confirmed))
	require.Equal(t, "operation_not_found", bob.refused("get_operation", object{"operationId": preview["operationId"]}))
	require.Empty(t, bob.call("list_operations", object{})["operations"])
	for method, params := range map[string]string{
		"resources/read":      `{"uri":"websoftsolus://operations/ID"}`,
		"resources/subscribe": `{"uri":"websoftsolus://operations/ID"}`,
		"prompts/get":         `{"name":"explain_operation","arguments":{"operationId":"ID"}}`,
		"completion/complete": `{"ref":{"type":"ref/prompt","name":"explain_operation"},"argument":{"name":"operationId","value":""}}`,
	} {
		message := `{"jsonrpc":"2.0","id":4,"method":"` + method + `","params":` + strings.ReplaceAll(params, "ID", preview["operationId"].(string)) + `}`
		_, answer, _ := post(t, url, message, bob.headers...)
		require.NotContains(t, answer, `"state"`, method)
		if method == "completion/complete" {
			require.Contains(t, answer, `"values":[]`)
		} else {
			require.Contains(t, answer, `"error"`, method)
		}
		_, answer, _ = post(t, url, message, ann.headers...)
		require.NotContains(t, answer, `"error"`, method)
	}
	stolen := &httpCaller{t: t, url: url, headers: []string{"Authorization", "Bearer " + other, "Mcp-Session-Id", ann.headers[3]}}
	status, _, _ = post(t, url, `{"jsonrpc":"2.0","id":9,"method":"ping"}`, stolen.headers...)
	require.Equal(t, http.StatusNotFound, status, "another caller's session")
	require.Equal(t, "done", ann.call("order_virtuozzo_license", confirmed)["outcome"])

	// SIGHUP reads the file again: a broken one changes nothing, and a token that
	// was taken out is no good any more.
	content, err = os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(bytes.Clone(content), "  - nonsense\n"...), 0o600))
	require.NoError(t, process.Process.Signal(syscall.SIGHUP))
	status, _, _ = post(t, url, initialize, "Authorization", "Bearer "+all)
	require.Equal(t, 200, status)
	sum := sha256.Sum256([]byte(other))
	taken := bytes.Replace(content, []byte(hex.EncodeToString(sum[:])), []byte(strings.Repeat("0", 64)), 1)
	require.NotEqual(t, content, taken)
	require.NoError(t, os.WriteFile(file, taken, 0o600))
	require.NoError(t, process.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool {
		status, _, _ := post(t, url, initialize, "Authorization", "Bearer "+other)
		return status == 401
	}, 10*time.Second, 20*time.Millisecond, "a token that was taken out still works")
	require.NotEmpty(t, ann.call("list_operations", object{})["operations"])
}

// TestNobodyIsLetInFromElsewhereUnasked: a listener that other machines reach
// does not start without callers having to authenticate.
func TestNobodyIsLetInFromElsewhereUnasked(t *testing.T) {
	_, stderr, status := run(t, bareEnvironment(t), "", "http", "--env", "sandbox", "--addr", "0.0.0.0:0", "--public-url", "https://licences.example.com")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "nothing says who may call: give --tokens-file")
	_, stderr, status = run(t, bareEnvironment(t), "", "http", "--env", "sandbox", "--addr", "0.0.0.0:0")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "--public-url or --allowed-hosts")
}
