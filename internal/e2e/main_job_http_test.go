package e2e

import (
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// TestMainJobOverHTTP does the main job in each of the three ways over HTTP, with
// the client of the official Go SDK, and shows the same requests on the wire as
// over stdio.
func TestMainJobOverHTTP(t *testing.T) {
	for _, way := range httpWays {
		eachJob(t, way.name, func(t *testing.T, env []string) host { return serve(t, env).connect(t, way) })
	}
}

// TestMainJobWithTheTypeScriptSDK is the same with the TypeScript SDK's clients,
// in Node, over stdio and HTTP.
func TestMainJobWithTheTypeScriptSDK(t *testing.T) {
	for _, way := range nodeWays {
		eachJob(t, way.String(), func(t *testing.T, env []string) host { return connectNode(t, way, env, false) })
	}
}

// httpWay is one way over HTTP, in one version of the protocol.
type httpWay struct {
	name, version string
	transport     func(s *served) mcp.Transport
}

var httpWays = []httpWay{
	{"streamable/2025-03-26", "2025-03-26", streamable},
	{"streamable/2025-11-25", "2025-11-25", streamable},
	{"streamable/2026-07-28", "2026-07-28", streamable},
	{"sse/2024-11-05", "2024-11-05", sse},
	{"sse/2025-11-25", "2025-11-25", sse},
}

func streamable(s *served) mcp.Transport {
	return &mcp.StreamableClientTransport{Endpoint: s.url, HTTPClient: webClient}
}

func sse(s *served) mcp.Transport {
	return &mcp.SSEClientTransport{Endpoint: s.at("/sse"), HTTPClient: webClient}
}

// at is the address of a path on the server.
func (s *served) at(path string) string { return strings.TrimSuffix(s.url, "/mcp") + path }

// connect connects the official Go SDK's client in the given way.
func (s *served) connect(t *testing.T, way httpWay) *client {
	t.Helper()
	sdk := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil)
	session, err := sdk.Connect(t.Context(), way.transport(s), &mcp.ClientSessionOptions{ProtocolVersion: way.version})
	require.NoError(t, err, "stderr: %s", s.stderr)
	require.Equal(t, way.version, session.InitializeResult().ProtocolVersion)
	t.Cleanup(func() { session.Close() })
	return &client{ClientSession: session, process: s.process, stderr: s.stderr}
}
