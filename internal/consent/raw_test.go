package consent_test

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// raw is one tools/call of 2026-07-28 as a hostile client may write it.
type raw struct {
	tool    string // order_plesk12_license where empty
	args    object
	state   string
	answers object
	caller  string // authenticated; none where empty
	noForms bool   // the client declares no elicitation
}

// accepts is a client's claim that the person typed text.
func accepts(text any) object {
	return object{"confirm": object{"action": "accept", "content": object{"typed": text}}}
}

// rawAnswer is what came back.
type rawAnswer struct {
	ResultType        string
	RequestState      string
	InputRequests     object
	StructuredContent object
	IsError           bool
}

func (a rawAnswer) code() any {
	failure, _ := a.StructuredContent["error"].(object)
	return failure["code"]
}

// server is one that many calls share.
func (b *bench) server() *server.MCPServer { return tools.NewServer(b.set(), "test") }

func (b *bench) send(s *server.MCPServer, r raw) rawAnswer {
	b.t.Helper()
	ctx := b.t.Context()
	if r.caller != "" {
		ctx = callers.With(ctx, &callers.Caller{Name: r.caller, Scopes: callers.Scopes})
	}
	capabilities := object{"elicitation": object{"form": object{}}}
	if r.noForms {
		capabilities = object{}
	}
	if r.tool == "" {
		r.tool = "order_plesk12_license"
	}
	params := object{"name": r.tool, "arguments": r.args, "_meta": object{
		"io.modelcontextprotocol/protocolVersion":    "2026-07-28",
		"io.modelcontextprotocol/clientInfo":         object{"name": "raw", "version": "1"},
		"io.modelcontextprotocol/clientCapabilities": capabilities,
	}}
	if r.state != "" {
		params["requestState"] = r.state
	}
	if r.answers != nil {
		params["inputResponses"] = r.answers
	}
	message, err := json.Marshal(object{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
	require.NoError(b.t, err)
	encoded, err := json.Marshal(s.HandleMessage(ctx, message))
	require.NoError(b.t, err)
	var response struct {
		Result rawAnswer
		Error  any
	}
	require.NoError(b.t, json.Unmarshal(encoded, &response))
	require.Nil(b.t, response.Error, string(encoded))
	return response.Result
}

// raw sends one order.
func (b *bench) raw(args, answers object) rawAnswer {
	return b.send(b.server(), raw{args: args, answers: answers})
}
