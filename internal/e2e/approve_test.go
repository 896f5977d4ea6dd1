package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// approveAt runs the approve command on a terminal, at which a person types a
// line.
func approveAt(t *testing.T, env []string, typed string, args ...string) (shown string, status int) {
	t.Helper()
	return atTerminal(t, env, typed, binary+" approve "+strings.Join(args, " "))
}

func writes(t *testing.T, api *api) []string {
	var written []string
	for _, line := range lines(t, api.take()) {
		if !strings.HasPrefix(line, "GET ") && line != "POST /access/token" {
			method, rest, _ := strings.Cut(line, " ")
			path, _, _ := strings.Cut(rest, " ")
			written = append(written, method+" "+path)
		}
	}
	return written
}

// TestApprovedOnTheCommandLine: the agent's client cannot ask, a person approves
// in another process, and the agent's call performs it, once.
func TestApprovedOnTheCommandLine(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			api := newAPI(t)
			env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
			c := connect(t, era, env, "--confirm", "human")
			order := valid("")["order_plesk12_license"]
			product := order["product"].(string)

			result, isError := c.call(t, "order_plesk12_license", order)
			require.True(t, isError)
			failure := result["error"].(object)
			require.Equal(t, "approval_required", failure["code"])
			require.Equal(t, "not_done", failure["outcome"])
			id := result["operationId"].(string)
			approval := result["approval"].(object)
			require.Contains(t, approval["approve"].([]any)[1], "websoftsolus-mcp approve "+id)
			require.NotEmpty(t, approval["expiresAt"])
			require.NotContains(t, result, "confirm")
			require.NotContains(t, failure["next"], "order "+product+" for")

			stdout, _, status := run(t, env, "", "approve", "--list")
			require.Zero(t, status)
			require.Contains(t, stdout, id)
			require.Contains(t, stdout, product)
			_, stderr, status := run(t, env, product+"\n", "approve", id)
			require.Equal(t, 1, status)
			require.Contains(t, stderr, "needs a terminal")
			shown, status := approveAt(t, env, "PLESK", id)
			require.Equal(t, 1, status)
			require.Contains(t, shown, "not the product name")
			require.Contains(t, shown, order["title"])
			again, _ := c.call(t, "order_plesk12_license", order)
			require.Equal(t, id, again["operationId"], "the same operation waits")
			require.Equal(t, "approval_required", again["error"].(object)["code"])

			shown, status = approveAt(t, env, product) // only one waits, so it need not be named
			require.Zero(t, status, shown)
			require.Contains(t, shown, id+" is approved")
			require.Empty(t, writes(t, api), "approving sends nothing")
			shown, status = approveAt(t, env, product, id)
			require.Equal(t, 1, status)
			require.Contains(t, shown, "does not wait any more")

			done := c.ok(t, "order_plesk12_license", order)
			require.Equal(t, id, done["operationId"])
			require.Equal(t, "succeeded", done["state"])
			require.Equal(t, []string{"POST /license/plesk/order"}, writes(t, api))
			replayed := c.ok(t, "order_plesk12_license", order)
			require.Equal(t, true, replayed["replayed"])
			require.Empty(t, writes(t, api))

			// A termination that is declined.
			end := object{"family": "plesk", "keyNumber": done["keyNumber"], "confirm": ""}
			waiting := c.refused(t, "terminate_license", end)
			require.Equal(t, "approval_required", waiting["code"])
			_, status = approveAt(t, env, "no")
			require.Zero(t, status)
			require.Equal(t, "declined", c.refused(t, "terminate_license", end)["code"])
			require.Empty(t, writes(t, api))

			stdout, _, status = run(t, env, "", "operations", "show", id)
			require.Zero(t, status)
			require.Regexp(t, `approved +\d.* by \S+@\S+ over cli`, stdout)
			stdout, _, _ = run(t, env, "", "operations", "verify")
			require.Contains(t, stdout, "sound")
		})
	}
}

// TestWaitingForAnApproval: get_operation waits, says how it goes, and performs
// what was approved meanwhile.
func TestWaitingForAnApproval(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
			told := make(chan string, 100)
			c := connectWith(t, era, env, &mcp.ClientOptions{
				ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { told <- r.Params.Message },
			}, "--confirm", "human")
			order := valid("")["order_plesk12_license"]
			result, _ := c.call(t, "order_plesk12_license", order)
			id := result["operationId"].(string)

			params := &mcp.CallToolParams{Name: "get_operation", Arguments: object{"operationId": id, "wait": 60}}
			params.SetProgressToken("p1")
			answered := make(chan object, 1)
			go func() {
				answer, err := c.CallTool(t.Context(), params)
				if err != nil {
					answered <- object{"error": err.Error()}
					return
				}
				answered <- answer.StructuredContent.(object)
			}()
			require.Equal(t, "waiting for a person's approval", <-told)
			_, status := approveAt(t, env, order["product"].(string), id)
			require.Zero(t, status)
			got := (<-answered)["operation"].(object)
			require.Equal(t, "succeeded", got["state"])
			require.Equal(t, "approval", got["confirmed"])
			require.Equal(t, []string{"POST /license/plesk/order"}, writes(t, api))
		})
	}
}

// TestApprovedOnTheLoopbackPage follows the link that the agent was given, with
// the code that only standard error has.
func TestApprovedOnTheLoopbackPage(t *testing.T) {
	api := newAPI(t)
	c := connect(t, eras[0], api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "--confirm", "human")
	key := api.sandbox.Licenses("plesk")[0].KeyNumber
	end := object{"family": "plesk", "keyNumber": key, "confirm": ""}
	result, _ := c.call(t, "terminate_license", end)
	place := result["approval"].(object)["approve"].([]any)[0].(string)
	link := regexp.MustCompile(`http://127\.0\.0\.1:\d+/\S+`).FindString(place)
	require.NotEmpty(t, link, place)
	require.Eventually(t, func() bool { return strings.Contains(c.stderr.String(), "with the code ") }, 10*time.Second, time.Millisecond)
	code := regexp.MustCompile(`with the code (\S+)`).FindStringSubmatch(c.stderr.String())[1]
	require.NotContains(t, place, code)

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	person := &http.Client{Jar: jar, Transport: webClient.Transport}
	post := func(address string, form url.Values) string {
		response, err := person.PostForm(address, form)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(body)
	}
	require.Contains(t, post(link, url.Values{"secret": {"0000-0000"}}), "That is not right")
	shown := post(link, url.Values{"secret": {code}})
	require.Contains(t, shown, key)
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(shown)[1]
	base, _, _ := strings.Cut(link, "/l/")
	require.Contains(t, post(base+"/o/"+result["operationId"].(string), url.Values{"token": {token}, "decision": {"approve"}, "typed": {key}}),
		"Done. The licence was terminated.")
	require.Equal(t, []string{"DELETE /license/plesk/" + key}, writes(t, api))
	done := c.ok(t, "terminate_license", end)
	require.Equal(t, "succeeded", done["state"])
	require.Equal(t, true, done["replayed"])
	require.Empty(t, writes(t, api))
}

// TestApprovedOnThePageOverHTTP: the approver signs in with a token of their own.
// The agent's token opens nothing, and a token that may approve cannot approve
// what it proposed itself.
func TestApprovedOnThePageOverHTTP(t *testing.T) {
	api := newAPI(t)
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	agent := token(t, file, "--name", "agent", "--scopes", "licenses:read,licenses:order,licenses:terminate", "--max-terminations-per-day", "1")
	boss := token(t, file, "--name", "boss", "--read-only", "--approver")
	both := token(t, file, "--name", "both", "--scopes", "licenses:read,licenses:terminate", "--approver")
	s := serve(t, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "--tokens-file", file, "--confirm", "human")
	key := api.sandbox.Licenses("plesk")[0].KeyNumber
	end := object{"family": "plesk", "keyNumber": key, "confirm": ""}
	form := func(person *http.Client, address string, fields url.Values) (int, string) {
		response, err := person.PostForm(address, fields)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	link := func(waiting object) string {
		found := regexp.MustCompile(`http://127\.0\.0\.1:\d+/approvals/l/\S+`).FindString(waiting["approval"].(object)["approve"].([]any)[0].(string))
		require.NotEmpty(t, found, waiting)
		return found
	}
	browser := func() *http.Client {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		return &http.Client{Jar: jar, Transport: webClient.Transport}
	}
	hidden := regexp.MustCompile(`name="token" value="([^"]+)"`)
	approve := func(person *http.Client, shown, id string) (int, string) {
		return form(person, s.at("/approvals/o/"+id), url.Values{"token": {hidden.FindStringSubmatch(shown)[1]}, "decision": {"approve"}, "typed": {key}})
	}

	crm := newHTTPCaller(t, s.url, agent)
	waiting := crm.call("terminate_license", end)
	require.Equal(t, "approval_required", waiting["error"].(object)["code"])
	id := waiting["operationId"].(string)
	second := api.sandbox.Licenses("plesk")[1].KeyNumber
	later := crm.call("terminate_license", object{"family": "plesk", "keyNumber": second, "confirm": ""})
	person := browser()
	for _, wrong := range []string{agent, "wss_made_up", ""} {
		status, shown := form(person, link(waiting), url.Values{"secret": {wrong}})
		require.Equal(t, http.StatusUnauthorized, status)
		require.NotContains(t, shown, key)
	}
	status, shown := form(person, link(waiting), url.Values{"secret": {boss}})
	require.Equal(t, http.StatusOK, status, shown)
	require.Contains(t, shown, key)
	require.Empty(t, writes(t, api))
	status, shown = approve(person, shown, id)
	require.Equal(t, http.StatusOK, status, shown)
	require.Contains(t, shown, "Done. The licence was terminated.")
	require.Equal(t, []string{"DELETE /license/plesk/" + key}, writes(t, api))
	require.Equal(t, true, crm.call("terminate_license", end)["replayed"])
	require.Empty(t, writes(t, api))

	// Who approves does not lift what the agent's token is bound to: its cap, and
	// what it may still do.
	person = browser()
	key = second
	_, shown = form(person, link(later), url.Values{"secret": {boss}})
	status, shown = approve(person, shown, later["operationId"].(string))
	require.Equal(t, http.StatusUnprocessableEntity, status, shown)
	require.Contains(t, shown, "the licence was not terminated")
	require.Empty(t, writes(t, api))
	other := crm.call("order_virtuozzo_license", valid("")["order_virtuozzo_license"])
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), "licenses:order")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(content), "licenses:order", "licenses:edit", 1)), 0o600))
	require.NoError(t, s.process.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return !slices.Contains(crm.tools(), "order_virtuozzo_license") }, 10*time.Second, 10*time.Millisecond)
	person = browser()
	_, shown = form(person, link(other), url.Values{"secret": {boss}})
	key = "VIRTUOZZO_CONTAINERS_4"
	status, shown = approve(person, shown, other["operationId"].(string))
	require.Equal(t, http.StatusUnprocessableEntity, status, shown)
	require.Contains(t, shown, "nothing was ordered")
	require.Empty(t, writes(t, api))

	key = api.sandbox.Licenses("plesk")[0].KeyNumber
	end["keyNumber"] = key
	own := newHTTPCaller(t, s.url, both).call("terminate_license", end)
	person = browser()
	status, shown = form(person, link(own), url.Values{"secret": {both}})
	require.Equal(t, http.StatusOK, status, shown)
	status, shown = approve(person, shown, own["operationId"].(string))
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, shown, "whoever proposed it cannot approve it")
	require.Empty(t, writes(t, api))
	s.stop(t)
	for _, secret := range []string{agent, boss, both} {
		require.NotContains(t, s.stderr.String(), secret)
	}
}

// TestThePersonIsAskedThroughTheProgram is the whole way once: the built program
// asks the official SDK's client, in both eras.
func TestThePersonIsAskedThroughTheProgram(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			api := newAPI(t)
			typed := ""
			c := connectWith(t, era, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), &mcp.ClientOptions{
				ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
					return &mcp.ElicitResult{Action: "accept", Content: object{"typed": typed}}, nil
				},
			})
			key := api.sandbox.Licenses("plesk")[0].KeyNumber
			end := object{"family": "plesk", "keyNumber": key, "confirm": ""}
			typed = "PLSK.00000000"
			require.Equal(t, "declined", c.refused(t, "terminate_license", end)["code"])
			require.Empty(t, writes(t, api))
			typed = key
			require.Equal(t, "succeeded", c.ok(t, "terminate_license", end)["state"])
			require.Equal(t, []string{"DELETE /license/plesk/" + key}, writes(t, api))
		})
	}
}
