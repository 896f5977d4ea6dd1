//go:build !conformance

package cli

import "github.com/mark3labs/mcp-go/server"

// addFixtures adds nothing. The build for the official conformance suite
// (-tags conformance) adds what the suite calls.
func addFixtures(*server.MCPServer) {}
