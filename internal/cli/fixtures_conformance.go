//go:build conformance

package cli

import (
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/conformance"
)

// addFixtures adds what the official conformance suite calls.
func addFixtures(s *server.MCPServer) { conformance.Register(s) }
