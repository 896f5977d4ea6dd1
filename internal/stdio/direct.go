package stdio

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
)

// callDirectly answers a plain tools/call: of a tool that there is, in the
// initialize era, with nothing but a name, arguments and a progress token. It
// reports false, and has called nothing, for any other; and for one whose
// handler wants to ask the client something, which the library can do and which
// handlers are made to be called again for.
func (l *loop) callDirectly(ctx context.Context, m message) ([]byte, bool) {
	var params struct {
		Name           string          `json:"name"`
		Arguments      json.RawMessage `json:"arguments"`
		Meta           json.RawMessage `json:"_meta"`
		Task           json.RawMessage `json:"task"`
		InputResponses json.RawMessage `json:"inputResponses"`
		RequestState   json.RawMessage `json:"requestState"`
	}
	if json.Unmarshal(m.params, &params) != nil || params.Task != nil || params.InputResponses != nil || params.RequestState != nil {
		return nil, false
	}
	call := mcp.CallToolRequest{
		Request: mcp.Request{Method: m.method},
		Params:  mcp.CallToolParams{Name: params.Name, RawArguments: params.Arguments},
	}
	if params.Meta != nil {
		// A request of 2026-07-28 or later says so here, and its answer carries more.
		if bytes.Contains(params.Meta, []byte("modelcontextprotocol")) || json.Unmarshal(params.Meta, &call.Params.Meta) != nil {
			return nil, false
		}
	}
	tool := l.mcp.GetTool(params.Name)
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
