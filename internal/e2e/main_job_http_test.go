package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
// in Node.
func TestMainJobWithTheTypeScriptSDK(t *testing.T) {
	for _, way := range []nodeWay{
		{name: "streamable", path: "/mcp", version: "2025-11-25"},
		{name: "sse", path: "/sse", version: "2025-11-25"},
		{name: "2026-07-28", path: "/mcp", version: "2026-07-28"},
	} {
		eachJob(t, way.name, func(t *testing.T, env []string) host { return startNode(t, way, serve(t, env)) })
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

func streamable(s *served) mcp.Transport { return &mcp.StreamableClientTransport{Endpoint: s.url} }

func sse(s *served) mcp.Transport { return &mcp.SSEClientTransport{Endpoint: s.at("/sse")} }

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

// nodeWay is a way of testdata/node/http.mjs.
type nodeWay struct{ name, path, version string }

// nodeClient is a client of the TypeScript SDK in a process of its own.
type nodeClient struct {
	in     io.Writer
	out    *bufio.Reader
	stderr *lockedBuffer
}

func startNode(t *testing.T, way nodeWay, s *served) *nodeClient {
	t.Helper()
	tools, err := filepath.Abs("../../.tools")
	require.NoError(t, err)
	for _, sdk := range []string{"sdk", "client"} {
		if _, err := os.Stat(filepath.Join(tools, "node_modules/@modelcontextprotocol", sdk)); err != nil {
			missing(t, "the TypeScript SDK is not installed in .tools: make node-tools")
		}
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "there is no node to run the TypeScript SDK with")
	}
	c := &nodeClient{stderr: &lockedBuffer{}}
	process := exec.Command(node, "testdata/node/http.mjs", tools, way.name, s.at(way.path))
	process.Stderr = c.stderr
	in, err := process.StdinPipe()
	require.NoError(t, err)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out) // it says nothing more
		require.NoError(t, process.Wait(), c.stderr)
	})
	c.in, c.out = in, bufio.NewReader(out)
	var hello struct{ Version string }
	c.read(t, &hello)
	require.Equal(t, way.version, hello.Version)
	return c
}

func (c *nodeClient) read(t *testing.T, into any) {
	t.Helper()
	line, err := c.out.ReadBytes('\n')
	require.NoError(t, err, "stderr: %s", c.stderr)
	var failure struct{ Failed string }
	require.NoError(t, json.Unmarshal(line, &failure), string(line))
	require.Empty(t, failure.Failed)
	require.NoError(t, json.Unmarshal(line, into), string(line))
}

func (c *nodeClient) ask(t *testing.T, question object, into any) {
	t.Helper()
	require.NoError(t, json.NewEncoder(c.in).Encode(question))
	c.read(t, into)
}

func (c *nodeClient) toolNames(t *testing.T) []string {
	t.Helper()
	var listed struct{ Tools []string }
	c.ask(t, object{"list": true}, &listed)
	return listed.Tools
}

func (c *nodeClient) ok(t *testing.T, tool string, args object) object {
	t.Helper()
	var answer struct {
		Called struct {
			Content           []struct{ Type, Text string }
			StructuredContent any
			IsError           bool
		}
	}
	c.ask(t, object{"tool": tool, "arguments": args}, &answer)
	require.Len(t, answer.Called.Content, 1)
	require.Equal(t, "text", answer.Called.Content[0].Type)
	result := checked(t, tool, answer.Called.Content[0].Text, answer.Called.StructuredContent, answer.Called.IsError)
	require.False(t, answer.Called.IsError, "%s: %v", tool, result)
	return result
}
