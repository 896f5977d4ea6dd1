// Command stock is what websoftsolus-mcp is compared with as a process: the
// library's own server with its own transports and one small tool, and nothing of
// ours. With the argument http it serves over HTTP and prints where.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
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
	serve := server.ServeStdio
	if len(os.Args) > 1 && os.Args[1] == "http" {
		serve = serveHTTP
	}
	if err := serve(s); err != nil {
		os.Exit(1)
	}
}

func serveHTTP(s *server.MCPServer, _ ...server.StdioOption) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("{\"url\":\"http://%s/mcp\"}\n", listener.Addr())
	return http.Serve(listener, server.NewStreamableHTTPServer(s))
}
