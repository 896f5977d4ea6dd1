package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

func newMCP(tools map[string]server.ToolHandlerFunc) *server.MCPServer {
	m := server.NewMCPServer("test", "1", server.WithToolCapabilities(false))
	for name, handler := range tools {
		m.AddTool(mcp.NewTool(name), handler)
	}
	return m
}

// TestDirectCallsAnswerAsTheLibraryDoes sends the same calls both ways.
func TestDirectCallsAnswerAsTheLibraryDoes(t *testing.T) {
	tools := map[string]server.ToolHandlerFunc{
		"echo": func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			raw := json.RawMessage(`{"a":1}`)
			return &mcp.CallToolResult{Content: []mcp.Content{mcp.NewTextContent("<&>\"\\\n\x01ä\xff")}, StructuredContent: raw, RawStructuredContent: raw, IsError: true}, nil
		},
		"text": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText("t"), nil
		},
		"fails": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, errors.New("failed")
		},
		"silent": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) { return nil, nil },
		"signs": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			result := mcp.NewToolResultText("t")
			result.EnsureResultMeta().SetMetaField("own", 1)
			return result, nil
		},
		"asks": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			result := mcp.NewToolResultText("")
			result.ResultType = mcp.ResultTypeInputRequired
			result.InputRequests = mcp.InputRequests{"q": mcp.NewElicitationInputRequest(mcp.ElicitationParams{Message: "m"})}
			result.RequestState = "state"
			return result, nil
		},
		"answered": func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			name := ""
			if answer := server.ElicitationResponse(request.Params.InputResponses, "q"); answer != nil {
				name = fmt.Sprint(answer.Content)
			}
			return mcp.NewToolResultText(fmt.Sprint(len(request.Params.InputResponses), name, request.Params.RequestState)), nil
		},
		"meta": func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText(fmt.Sprint(request.Params.Meta.ProgressToken)), nil
		},
	}
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	for _, params := range []string{
		`{"name":"echo","arguments":{}}`,
		`{"name":"echo"}`,
		`{"name":"text","arguments":{"x":1}}`,
		`{"name":"fails"}`,
		`{"name":"silent"}`,
		`{"name":"meta","_meta":{"progressToken":"p"}}`,
		`{"name":"meta","_meta":{"progressToken":7}}`,
		`{"name":"none"}`,
		`{"name":"echo","arguments":{},` + meta + `}`,
		`{"name":"text","arguments":{},` + meta + `}`,
		`{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}`,
		`{"name":"meta","arguments":{},` + strings.Replace(meta, "{", `{"progressToken":3,`, 1) + `}`,
		`{"name":"signs","arguments":{},` + meta + `}`,
		`{"name":"asks","arguments":{},` + meta + `}`,
		`{"name":"answered","inputResponses":{"q":{"action":"accept","content":{"a":1}},"other":7},"requestState":"s\u0031",` + meta + `}`,
		`{"name":"answered","requestState":"s",` + meta + `}`,
		`{"name":"answered","inputResponses":null,"requestState":null,` + meta + `}`,
		`{"name":"answered","inputResponses":{"q":12345},` + meta + `}`,
		`{"name":"answered","inputResponses":[],` + meta + `}`,
		`{"name":"answered","inputResponses":{},"requestState":1,` + meta + `}`,
		`{"name":"answered","inputResponses":{"q":{"action":"accept"}},"requestState":"s"}`,
		`{"name":"signs"}`,
		`{}`,
	} {
		m, err := rpc.Parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`))
		require.NoError(t, err)
		mcpServer := newMCP(tools)
		library := &rpc.Answerer{MCP: mcpServer}
		direct := &rpc.Answerer{MCP: mcpServer, Direct: true}
		require.JSONEq(t, string(library.Answer(t.Context(), m)), string(direct.Answer(t.Context(), m)), params)
	}
}

// TestAHandlerChoosesTheCode shows that a handler can answer with a code of its
// own, which the library does not let it.
func TestAHandlerChoosesTheCode(t *testing.T) {
	a := &rpc.Answerer{Direct: true, MCP: newMCP(map[string]server.ToolHandlerFunc{
		"coded": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, &rpc.Error{Code: -32021, Message: "needs more", Data: map[string]any{"a": 1}}
		},
	})}
	m, err := rpc.Parse([]byte(`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"coded"}}`))
	require.NoError(t, err)
	want := `{"jsonrpc":"2.0","id":"x","error":{"code":-32021,"message":"needs more","data":{"a":1}}}`
	require.JSONEq(t, want, string(a.Answer(t.Context(), m)))
	m, err = rpc.Parse([]byte(`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"coded","inputResponses":{},"requestState":"s",` +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`))
	require.NoError(t, err)
	require.JSONEq(t, want, string(a.Answer(t.Context(), m)))
}

// TestToolsListIsKept shows that kept lists answer as the library does, in both
// eras and per caller.
func TestToolsListIsKept(t *testing.T) {
	type key struct{}
	m := newMCP(map[string]server.ToolHandlerFunc{"a": nil, "b": nil})
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(func(ctx context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		if ctx.Value(key{}) == "one" {
			result.Tools = result.Tools[:1]
		}
	})
	server.WithHooks(hooks)(m)
	kept := &rpc.Answerer{MCP: m, Direct: true, ListKey: func(ctx context.Context) string {
		caller, _ := ctx.Value(key{}).(string)
		return caller
	}}
	library := &rpc.Answerer{MCP: m}
	meta := `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}`
	for range 2 {
		for _, caller := range []string{"all", "one"} {
			for _, params := range []string{`{}`, `null`, meta, `{"_meta":{"progressToken":1}}`, `{"cursor":"YQ=="}`, `{"cursor":"?"}`, strings.Replace(meta, "2026-07-28", "2999-01-01", 1)} {
				message, err := rpc.Parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":` + params + `}`))
				require.NoError(t, err)
				ctx := context.WithValue(t.Context(), key{}, caller)
				require.JSONEq(t, string(library.Answer(ctx, message)), string(kept.Answer(ctx, message)), params)
			}
		}
	}
}

// TestAnUnknownResourceIsNamed shows that a resource that there is not stands in
// the error's data, in both eras.
func TestAnUnknownResourceIsNamed(t *testing.T) {
	m := server.NewMCPServer("test", "1", server.WithResourceCapabilities(false, false))
	a := &rpc.Answerer{Direct: true, MCP: m}
	modern := `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	for meta, code := range map[string]int{"": mcp.RESOURCE_NOT_FOUND, modern: mcp.INVALID_PARAMS} {
		message, err := rpc.Parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"test://none"` + meta + `}}`))
		require.NoError(t, err)
		var answer struct {
			Error struct {
				Code int
				Data json.RawMessage
			}
		}
		require.NoError(t, json.Unmarshal(a.Answer(t.Context(), message), &answer))
		require.Equal(t, code, answer.Error.Code)
		require.JSONEq(t, `{"uri":"test://none"}`, string(answer.Error.Data))
	}
}
