// Command stock is what the start of websoftsolus-mcp is compared with: the
// library's own server with its own stdio transport and one small tool, and
// nothing of ours.
package main

import (
	"context"
	"os"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func main() {
	s := server.NewMCPServer("stock", "1", server.WithToolCapabilities(false))
	s.AddTool(mcp.NewTool("one", mcp.WithDescription("One tool.")),
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText("one"), nil
		})
	if err := server.ServeStdio(s); err != nil {
		os.Exit(1)
	}
}
