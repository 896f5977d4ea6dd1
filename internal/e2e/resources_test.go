package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// offering is what a client reads besides calling tools: the same for every SDK.
type offering interface {
	// request sends a request as it is, and returns its result or the code of the
	// error.
	request(t *testing.T, method string, params object) (result object, code int)
}

func (n *node) request(t *testing.T, method string, params object) (result object, code int) {
	t.Helper()
	answer := n.do(t, object{"op": "request", "method": method, "params": params})
	if answer.Error != nil {
		return nil, answer.Error.Code
	}
	require.NoError(t, json.Unmarshal(answer.Result, &result))
	return result, 0
}

// goClient sends requests through the official Go SDK.
type goClient struct{ *client }

func (c goClient) request(t *testing.T, method string, params object) (object, int) {
	t.Helper()
	text := func(name string) string { value, _ := params[name].(string); return value }
	var (
		answer any
		err    error
	)
	switch method {
	case "resources/list":
		answer, err = c.ListResources(t.Context(), nil)
	case "resources/templates/list":
		answer, err = c.ListResourceTemplates(t.Context(), nil)
	case "resources/read":
		answer, err = c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: text("uri")})
	case "prompts/list":
		answer, err = c.ListPrompts(t.Context(), nil)
	case "prompts/get":
		given := map[string]string{}
		if all, ok := params["arguments"].(object); ok {
			for name, value := range all {
				given[name] = value.(string)
			}
		}
		answer, err = c.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: text("name"), Arguments: given})
	case "completion/complete":
		var complete mcp.CompleteParams
		encoded, failed := json.Marshal(params)
		require.NoError(t, failed)
		require.NoError(t, json.Unmarshal(encoded, &complete))
		answer, err = c.Complete(t.Context(), &complete)
	}
	if err != nil {
		for _, code := range []int{-32002, -32602, -32603} {
			if strings.Contains(err.Error(), "resource not found") || strings.Contains(err.Error(), "Resource not found") {
				return nil, -32002
			}
			_ = code
		}
		return nil, -32602
	}
	encoded, failed := json.Marshal(answer)
	require.NoError(t, failed)
	var result object
	require.NoError(t, json.Unmarshal(encoded, &result))
	return result, 0
}

// read reads a resource of ours: one JSON object with the environment in it.
func read(t *testing.T, c offering, uri string) (content object) {
	t.Helper()
	result, code := c.request(t, "resources/read", object{"uri": uri})
	require.Zero(t, code, uri)
	contents := result["contents"].([]any)
	require.Len(t, contents, 1)
	one := contents[0].(object)
	require.Equal(t, "application/json", one["mimeType"])
	require.NoError(t, json.Unmarshal([]byte(one["text"].(string)), &content))
	require.Equal(t, "live", content["environment"])
	return content
}

// everythingOffered reads each resource, template, prompt and completion.
func everythingOffered(t *testing.T, api *api, c offering, order func() object) {
	names := func(method, list, field string) (all []string) {
		result, code := c.request(t, method, object{})
		require.Zero(t, code, method)
		for _, one := range result[list].([]any) {
			all = append(all, one.(object)[field].(string))
		}
		return all
	}
	require.Equal(t, []string{
		"websoftsolus://catalogue/cpanel", "websoftsolus://catalogue/plesk", "websoftsolus://catalogue/virtuozzo",
		"websoftsolus://licenses/cpanel", "websoftsolus://licenses/plesk", "websoftsolus://licenses/virtuozzo", "websoftsolus://rules",
	}, names("resources/list", "resources", "uri"))
	require.ElementsMatch(t, []string{
		"websoftsolus://licenses/{family}", "websoftsolus://licenses/{family}/{keyNumber}", "websoftsolus://catalogue/{family}", "websoftsolus://operations/{id}",
	}, names("resources/templates/list", "resourceTemplates", "uriTemplate"))
	require.ElementsMatch(t, []string{"provision", "review_licences", "decommission", "explain_operation"}, names("prompts/list", "prompts", "name"))

	for _, family := range []string{"plesk", "cpanel", "virtuozzo"} {
		licenses := read(t, c, "websoftsolus://licenses/"+family)
		keys := licenses["keyNumbers"].([]any)
		require.EqualValues(t, len(keys), licenses["total"])
		license := read(t, c, "websoftsolus://licenses/"+family+"/"+keys[0].(string))["license"].(object)
		require.Equal(t, keys[0], license["keyNumber"])
		require.NotEmpty(t, read(t, c, "websoftsolus://catalogue/"+family)["versions"])
	}
	rules := read(t, c, "websoftsolus://rules")["rules"].([]any)
	require.Len(t, rules, 4)
	done := order()
	id := done["operationId"].(string)
	require.Equal(t, "succeeded", read(t, c, "websoftsolus://operations/"+id)["operation"].(object)["state"])

	for _, wrong := range []string{
		"websoftsolus://licenses/plesk/PLSK.99999999", "websoftsolus://licenses/directadmin", "websoftsolus://licenses/plesk/order", "websoftsolus://operations/op_00000000000000000000000000",
		"websoftsolus://operations/x", "websoftsolus://nothing", "websoftsolus://licenses/plesk/a/b", "file:///etc/passwd",
	} {
		_, code := c.request(t, "resources/read", object{"uri": wrong})
		require.Contains(t, []int{-32002, -32602}, code, wrong)
	}

	completed := func(ref object, name, typed string, given object) object {
		params := object{"ref": ref, "argument": object{"name": name, "value": typed}}
		if given != nil {
			params["context"] = object{"arguments": given}
		}
		result, code := c.request(t, "completion/complete", params)
		require.Zero(t, code)
		return result["completion"].(object)
	}
	template := func(uri string) object { return object{"type": "ref/resource", "uri": uri} }
	prompt := func(name string) object { return object{"type": "ref/prompt", "name": name} }
	require.Equal(t, []any{"plesk"}, completed(template("websoftsolus://licenses/{family}"), "family", "p", nil)["values"])
	keys := completed(template("websoftsolus://licenses/{family}/{keyNumber}"), "keyNumber", "PLSK", object{"family": "plesk"})
	require.EqualValues(t, 12, keys["total"])
	require.Len(t, keys["values"], 12)
	require.Empty(t, completed(template("websoftsolus://licenses/{family}/{keyNumber}"), "keyNumber", "PLSK", object{"family": "cpanel"})["values"])
	require.Equal(t, []any{id}, completed(template("websoftsolus://operations/{id}"), "id", id[:10], nil)["values"])
	require.Equal(t, []any{id}, completed(prompt("explain_operation"), "operationId", "", nil)["values"])
	require.Equal(t, []any{"cpanel"}, completed(prompt("provision"), "family", "C", nil)["values"])

	require.Equal(t, []any{"VIRTUOZZO_CONTAINERS_4"}, completed(prompt("provision"), "product", "virtuozzo_containers_4", object{"family": "virtuozzo"})["values"])
	require.Empty(t, completed(prompt("provision"), "product", "PLESK", object{"family": "virtuozzo"})["values"])

	asked := func(name string, arguments object) (all string) {
		result, code := c.request(t, "prompts/get", object{"name": name, "arguments": arguments})
		require.Zero(t, code, name)
		messages := result["messages"].([]any)
		require.Equal(t, "text", messages[0].(object)["content"].(object)["type"])
		for _, m := range messages[1:] {
			content := m.(object)["content"].(object)
			require.Equal(t, "resource", content["type"], "facts stand apart from our sentences")
			text := content["resource"].(object)["text"].(string)
			require.True(t, json.Valid([]byte(text)), text)
			all += text
		}
		return all
	}
	require.Contains(t, asked("provision", object{"family": "plesk", "server": "192.0.2.10"}), "PLESK_12_WEB_HOST")
	require.Contains(t, asked("review_licences", object{}), `"total":`)
	require.Contains(t, asked("explain_operation", object{"operationId": id}), id)
	require.Contains(t, asked("decommission", object{"server": "offered"}), done["keyNumber"], "the title names the server")
	for name, arguments := range map[string]object{"provision": {"family": "plesk"}, "explain_operation": {"operationId": "x"}, "decommission": {"server": " "}} {
		_, code := c.request(t, "prompts/get", object{"name": name, "arguments": arguments})
		require.Equal(t, -32602, code, name)
	}
	for _, r := range api.take() {
		require.True(t, r.Method == "GET" || r.Path == "/access/token" || r.Path == "/license/virtuozzo/order", "%v", r)
	}
}

func offeredOrder(t *testing.T, c host) func() object {
	return func() object {
		order := with(valid("")["order_virtuozzo_license"], "title", "offered")
		return c.ok(t, "order_virtuozzo_license", with(order, "confirm", c.ok(t, "order_virtuozzo_license", order)["confirm"]))
	}
}

// TestResourcesPromptsAndCompletions with the official Go SDK in both eras, and
// with the TypeScript SDK over every way.
func TestResourcesPromptsAndCompletions(t *testing.T) {
	for _, era := range eras {
		t.Run("Go "+era, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			c := connect(t, era, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")))
			everythingOffered(t, api, goClient{c}, offeredOrder(t, c))
		})
	}
	for _, way := range nodeWays {
		t.Run("TypeScript "+way.String(), func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			n := connectNode(t, way, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), false)
			everythingOffered(t, api, n, offeredOrder(t, n))
		})
	}
}

// TestAnOperationCanBeFollowed: its state is told when it changes, in both eras
// and over stdio and HTTP.
func TestAnOperationCanBeFollowed(t *testing.T) {
	for _, way := range append([]httpWay{{"stdio/2025-11-25", "2025-11-25", nil}, {"stdio/2026-07-28", "2026-07-28", nil}}, httpWays[1:3]...) {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
			var mu sync.Mutex
			var updated []string
			options := &mcp.ClientOptions{ResourceUpdatedHandler: func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
				mu.Lock()
				defer mu.Unlock()
				updated = append(updated, r.Params.URI)
			}}
			var c *client
			if way.transport == nil {
				c = connectWith(t, way.version, env, options)
			} else {
				s := serve(t, env)
				session, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, options).Connect(t.Context(), way.transport(s), &mcp.ClientSessionOptions{ProtocolVersion: way.version})
				require.NoError(t, err)
				t.Cleanup(func() { session.Close() })
				c = &client{ClientSession: session, process: s.process, stderr: s.stderr}
			}
			order := with(valid("")["order_virtuozzo_license"], "title", "followed")
			preview := c.ok(t, "order_virtuozzo_license", order)
			uri := "websoftsolus://operations/" + preview["operationId"].(string)
			require.NoError(t, c.Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}))
			if way.version == "2025-11-25" {
				require.Error(t, c.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "websoftsolus://rules"}), "only operations can be")
			}
			c.ok(t, "order_virtuozzo_license", with(order, "confirm", preview["confirm"]))
			require.Eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(updated) > 0 && updated[0] == uri
			}, 20*time.Second, 10*time.Millisecond)
		})
	}
}

// TestAnOperationCanBeFollowedByTheTypeScriptSDK, over every way.
func TestAnOperationCanBeFollowedByTheTypeScriptSDK(t *testing.T) {
	for _, way := range nodeWays {
		t.Run(way.String(), func(t *testing.T) {
			t.Parallel()
			n := connectNode(t, way, newAPI(t).variables(t, filepath.Join(t.TempDir(), "ledger.db")), false)
			order := with(valid("")["order_virtuozzo_license"], "title", "followed")
			preview := n.ok(t, "order_virtuozzo_license", order)
			uri := "websoftsolus://operations/" + preview["operationId"].(string)
			require.Nil(t, n.do(t, object{"op": "follow", "uri": uri}).Error)
			n.ok(t, "order_virtuozzo_license", with(order, "confirm", preview["confirm"]))
			told := n.do(t, object{"op": "told"})
			require.Nil(t, told.Error)
			require.Contains(t, told.Updated, uri)
		})
	}
}
