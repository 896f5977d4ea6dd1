package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"
)

// node is a client of the TypeScript SDK in a process of its own
// (testdata/node/client.mjs).
type node struct {
	in      io.Writer
	answers *bufio.Scanner
	stderr  *lockedBuffer
}

// nodeWay is a way in which clients of the TypeScript SDK reach the server.
type nodeWay struct{ sdk, transport string }

// nodeWays are all of them: version 1 of the SDK speaks 2025-11-25, version 2
// speaks 2026-07-28.
var nodeWays = []nodeWay{{"v1", "stdio"}, {"v1", "http"}, {"v1", "sse"}, {"v2", "stdio"}, {"v2", "http"}}

func (w nodeWay) String() string { return w.sdk + " over " + w.transport }

// nodeAnswer is what one command came to.
type nodeAnswer struct {
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
	}
	Asked   []object
	Updated []string
}

// connectNode starts a client, and the server that it talks to: over stdio the
// client starts it.
func connectNode(t *testing.T, way nodeWay, env []string, elicitation bool, flags ...string) *node {
	t.Helper()
	needNode(t)
	config := object{"elicitation": elicitation}
	if way.transport == "stdio" {
		variables := map[string]string{}
		for _, variable := range env {
			name, value, _ := strings.Cut(variable, "=")
			variables[name] = value
		}
		config["command"], config["args"], config["env"] = binary, flags, variables
	} else {
		config["url"] = serve(t, env, flags...).at(way.path())
	}
	return startNode(t, way, config)
}

// path is where a way over HTTP leads.
func (w nodeWay) path() string {
	if w.transport == "sse" {
		return "/sse"
	}
	return "/mcp"
}

// nodeTools is the folder of the npm packages.
const nodeTools = "../../.tools"

func needNode(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(nodeTools, "node_modules/@modelcontextprotocol/client")); err != nil {
		missing(t, "the TypeScript SDK is not installed in .tools: make node-tools")
	}
}

// startNode starts a client and waits until it is connected.
func startNode(t *testing.T, way nodeWay, config object) *node {
	t.Helper()
	tools, err := filepath.Abs(nodeTools)
	require.NoError(t, err)
	config["tools"], config["sdk"], config["transport"] = tools, way.sdk, way.transport
	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	process := exec.Command("node", "testdata/node/client.mjs", string(encoded))
	n := &node{stderr: &lockedBuffer{}}
	process.Stderr = n.stderr
	in, err := process.StdinPipe()
	require.NoError(t, err)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		in.Close()
		if process.Wait() != nil {
			t.Logf("the client: %s", n.stderr)
		}
	})
	n.in, n.answers = in, bufio.NewScanner(out)
	n.answers.Buffer(nil, 8<<20)
	n.read(t)
	return n
}

func (n *node) read(t *testing.T) nodeAnswer {
	t.Helper()
	require.True(t, n.answers.Scan(), "the client ended: %s", n.stderr)
	var answer nodeAnswer
	require.NoError(t, json.Unmarshal(n.answers.Bytes(), &answer), n.answers.Text())
	return answer
}

func (n *node) do(t *testing.T, command object) nodeAnswer {
	t.Helper()
	encoded, err := json.Marshal(command)
	require.NoError(t, err)
	_, err = fmt.Fprintf(n.in, "%s\n", encoded)
	require.NoError(t, err)
	return n.read(t)
}

// person says what the person answers from now on.
func (n *node) person(t *testing.T, answer any) { n.do(t, object{"op": "answer", "with": answer}) }

// call calls a tool and returns its one JSON object, and what the person was
// asked meanwhile.
func (n *node) call(t *testing.T, tool string, args object) (result object, isError bool, asked []object) {
	t.Helper()
	answer := n.do(t, object{"op": "call", "name": tool, "args": args})
	require.Nil(t, answer.Error, "%s: %+v; stderr: %s", tool, answer.Error, n.stderr)
	var called struct {
		Content           []mcp.TextContent
		StructuredContent json.RawMessage
		IsError           bool
	}
	require.NoError(t, json.Unmarshal(answer.Result, &called))
	require.Len(t, called.Content, 1)
	return checked(t, tool, called.Content[0].Text, called.StructuredContent, called.IsError), called.IsError, answer.Asked
}

func (n *node) toolNames(t *testing.T) (names []string) {
	t.Helper()
	answer := n.do(t, object{"op": "request", "method": "tools/list", "params": object{}})
	require.Nil(t, answer.Error)
	var listed struct{ Tools []struct{ Name string } }
	require.NoError(t, json.Unmarshal(answer.Result, &listed))
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
	}
	return names
}

func (n *node) ok(t *testing.T, tool string, args object) object {
	t.Helper()
	result, isError, _ := n.call(t, tool, args)
	require.False(t, isError, "%s: %v", tool, result)
	return result
}

// TestThePersonIsAskedByTheTypeScriptSDK: right text, wrong text, decline,
// cancel, an empty form, no answer, and a client that cannot ask.
func TestThePersonIsAskedByTheTypeScriptSDK(t *testing.T) {
	for _, way := range nodeWays {
		t.Run(way.String(), func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
			n := connectNode(t, way, env, true, "--answer-within", "1s")
			order := with(valid("")["order_virtuozzo_license"], "title", "asked")
			api.take()
			declined := func(name string, answer any) {
				n.person(t, answer)
				result, isError, asked := n.call(t, "order_virtuozzo_license", with(order, "title", name))
				require.True(t, isError, name)
				require.Len(t, asked, 1, name)
				require.Contains(t, asked[0]["message"], order["product"])
				failure := result["error"].(object)
				require.Equal(t, []any{"declined", "not_done"}, []any{failure["code"], failure["outcome"]}, name)
				require.Equal(t, "declined", result["state"], name)
			}
			accept := func(content object) object { return object{"action": "accept", "content": content} }
			declined("wrong", accept(object{"typed": "VIRTUOZZO"}))
			declined("empty", accept(object{}))
			declined("decline", object{"action": "decline"})
			declined("cancel", object{"action": "cancel"})
			for _, r := range api.take() {
				require.NotEqual(t, "/license/virtuozzo/order POST", r.Path+" "+r.Method, "something was sent")
			}
			if way.sdk == "v1" { // from 2026-07-28 on nothing waits for the client, which has not come back
				declined("never", "never")
			}

			n.person(t, accept(object{"typed": order["product"]}))
			result, isError, asked := n.call(t, "order_virtuozzo_license", order)
			require.False(t, isError, "%v", result)
			require.Len(t, asked, 1)
			require.Equal(t, "succeeded", result["state"])
			key := result["keyNumber"]
			_, isError, _ = n.call(t, "order_virtuozzo_license", with(order, "confirm", "order "+order["product"].(string)+" for 1 month [AAAA-AAAA]"))
			require.True(t, isError, "a phrase where the person is asked")

			end := object{"family": "virtuozzo", "keyNumber": key, "confirm": ""}
			n.person(t, accept(object{"typed": key}))
			result, isError, asked = n.call(t, "terminate_license", end)
			require.False(t, isError, "%v", result)
			require.Contains(t, asked[0]["message"], key)
			require.Equal(t, "succeeded", result["state"])
			writes := 0
			for _, r := range api.take() {
				if strings.HasPrefix(r.Path, "/license/") && r.Method != "GET" {
					writes++
				}
			}
			require.Equal(t, 2, writes)

			silent := connectNode(t, way, env, false)
			preview := silent.ok(t, "order_virtuozzo_license", with(order, "title", "phrase"))
			require.NotEmpty(t, preview["confirm"], "a client that cannot ask gets the phrase")
		})
	}
}
