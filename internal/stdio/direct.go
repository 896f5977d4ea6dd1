package stdio

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// callDirectly answers a plain tools/call: of a tool that there is, in the
// initialize era, with nothing but a name, arguments and a progress token. It
// reports false, and has called nothing, for any other; and for one whose
// handler wants to ask the client something, which the library can do and which
// handlers are made to be called again for.
func (l *loop) callDirectly(ctx context.Context, m message) ([]byte, bool) {
	call := mcp.CallToolRequest{Request: mcp.Request{Method: m.method}}
	plain := true
	err := members.Each(m.params, func(name, value []byte) {
		switch string(name) {
		case "name":
			var ok bool
			call.Params.Name, ok = members.Text(value)
			plain = plain && ok
		case "arguments":
			call.Params.RawArguments = value
		case "_meta":
			// A request of 2026-07-28 or later says so here, and its answer carries more.
			plain = plain && !bytes.Contains(value, []byte("modelcontextprotocol")) && json.Unmarshal(value, &call.Params.Meta) == nil
		default: // a task, an answer to a question of the handler's, or what is not known
			plain = false
		}
	})
	if err != nil || !plain {
		return nil, false
	}
	tool := l.mcp.GetTool(call.Params.Name)
	if tool == nil {
		return nil, false
	}
	result, err := tool.Handler(ctx, call)
	switch {
	case err != nil:
		return refusal(m.id, mcp.INTERNAL_ERROR, err.Error()), true
	case result == nil || len(result.InputRequests) > 0 || result.RequestState != "":
		return nil, false
	}
	encoded, err := encodeResult(result)
	if err != nil {
		return refusal(m.id, mcp.INTERNAL_ERROR, "the answer could not be encoded"), true
	}
	return envelope(m.id, "result", encoded), true
}
