//go:build conformance

// Package conformance is what the official conformance suite calls: tools,
// resources and prompts with fixed names that do nothing but show what a server
// can say (@modelcontextprotocol/conformance; each scenario of the suite
// describes its fixtures). [Register] adds them to the server that the program
// assembles, so that the suite meets the program's own transports.
//
// The build tag keeps them out of every release: without -tags conformance this
// package is empty, and a test looks for a fixture's name in the binary.
//
// content.go holds tools that answer at once, ask.go those that ask the client
// on the way (before 2026-07-28), input.go those that end a call to ask (from
// 2026-07-28), notify.go those that say something besides their answer, and
// offers.go resources, prompts and completion.
package conformance

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// fixture is a tool of the suite's.
type fixture struct {
	name, description string
	schema            string // of its arguments; takes none where it is empty
	handle            server.ToolHandlerFunc
}

const noArguments = `{"type":"object","properties":{},"additionalProperties":false}`

// Register adds the fixtures to a server that serves nobody yet. The tools that
// the server lists by itself stay in front.
func Register(s *server.MCPServer) {
	for _, option := range []server.ServerOption{
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(true, true),
		server.WithPromptCapabilities(true),
		server.WithLogging(),
		server.WithCompletions(),
		server.WithElicitation(),
	} {
		option(s)
	}
	s.EnableSampling()
	var listed []mcp.Tool
	for _, fixtures := range [][]fixture{contentTools(), askingTools(s), inputTools(), notifyingTools(s)} {
		for _, f := range fixtures {
			if f.schema == "" {
				f.schema = noArguments
			}
			tool := mcp.NewToolWithRawSchema(f.name, f.description, json.RawMessage(f.schema))
			s.AddTool(tool, f.handle)
			listed = append(listed, tool)
		}
	}
	// The server's own hook leaves out what it does not know.
	s.GetHooks().AddAfterListTools(func(_ context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		result.Tools = append(result.Tools, listed...)
	})
	offer(s)
}

// text is a tool's answer of one text.
func text(s string) (*mcp.CallToolResult, error) { return mcp.NewToolResultText(s), nil }
