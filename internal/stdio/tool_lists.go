package stdio

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// toolLists keeps the answer to tools/list. The tools do not change while a
// server runs, and encoding them takes longer than everything else about the
// request. One answer is kept for requests of the initialize era without
// parameters, and one for requests whose parameters are the same, byte for byte,
// as those of one that was answered: a client of 2026-07-28 repeats its _meta
// with every request.
type toolLists struct {
	plain  []byte
	params string // what keyed was the answer to
	keyed  []byte
}

// result returns the kept result, having the library make it first where it has
// not. It reports false for a request that the library refuses or pages: that
// one goes the way of every other. It is called by the reader alone.
func (t *toolLists) result(ctx context.Context, s *server.MCPServer, m message) ([]byte, bool) {
	params := string(m.params)
	if params == "{}" || params == "null" {
		params = ""
	}
	if params == "" && t.plain != nil {
		return t.plain, true
	}
	if params != "" && params == t.params {
		return t.keyed, true
	}
	response, ok := s.HandleMessage(ctx, m.line).(mcp.JSONRPCResponse)
	if !ok {
		return nil, false
	}
	result, err := json.Marshal(response.Result)
	if err != nil {
		return nil, false
	}
	if params == "" {
		t.plain = result
	} else {
		t.params, t.keyed = params, result
	}
	return result, true
}
