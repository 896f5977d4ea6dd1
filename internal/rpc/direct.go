package rpc

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// call answers a plain tools/call, of either era: of a tool that there is, with
// nothing but a name, arguments, _meta and, in the era that has them, what a
// handler asked for before. It reports false, and has called nothing, for any
// other. It also reports false for one of the initialize era
// whose handler wants to ask the client something: the library can do that, and
// handlers are made to be called again for it.
func (a *Answerer) call(ctx context.Context, m Message) ([]byte, bool) {
	call := mcp.CallToolRequest{Request: mcp.Request{Method: m.Method}}
	var inputs []byte
	retried := false
	p, ok := a.protocol(m, func(name string, value []byte) bool {
		switch name {
		case "name":
			var ok bool
			call.Params.Name, ok = members.Text(value)
			return ok
		case "arguments":
			call.Params.RawArguments = value
			return true
		case "inputResponses":
			inputs, retried = value, true
			return true
		case "requestState":
			var ok bool
			call.Params.RequestState, ok = members.Text(value)
			retried = true
			return ok
		}
		return name == "_meta" // not a task, or what is not known
	})
	if !ok || retried && !p.info.Modern {
		return nil, false
	}
	if inputs != nil && json.Unmarshal(inputs, &call.Params.InputResponses) != nil {
		return nil, false
	}
	tool := a.MCP.GetTool(call.Params.Name)
	if tool == nil {
		return nil, false
	}
	call.Params.Meta = p.meta
	var signature []byte
	if p.info.Modern {
		if signature = a.serverSignature(); signature == nil {
			return nil, false
		}
		// What the library tells a handler of such a request.
		ctx = server.WithRequestProtocolInfo(ctx, p.info)
		if session := server.ClientSessionFromContext(ctx); session != nil && !session.Initialized() {
			session.Initialize()
		}
	}
	result, err := tool.Handler(ctx, call)
	switch {
	case err != nil:
		return fault(m.ID, err), true
	case result == nil:
		return nil, false
	case !p.info.Modern && (len(result.InputRequests) > 0 || result.RequestState != ""):
		return nil, false
	}
	encoded, err := encodeCalled(result, signature)
	if err != nil {
		return Refusal(m.ID, mcp.INTERNAL_ERROR, "the answer could not be encoded"), true
	}
	return Envelope(m.ID, "result", encoded), true
}
