package stdio_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/stdio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hello = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}}` + "\n"

// handlers are the tools of a test, by name.
type handlers map[string]server.ToolHandlerFunc

func echo(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	raw := json.RawMessage(`{"arguments":` + string(request.Params.RawArguments) + `}`)
	return &mcp.CallToolResult{
		Content:              []mcp.Content{mcp.NewTextContent(string(raw))},
		StructuredContent:    raw,
		RawStructuredContent: raw,
	}, nil
}

func newMCP(tools handlers) *server.MCPServer {
	s := server.NewMCPServer("test", "1", server.WithToolCapabilities(false), server.WithLogging())
	for name, handler := range tools {
		s.AddTool(mcp.NewToolWithRawSchema(name, name, json.RawMessage(`{"type":"object"}`)), handler)
	}
	return s
}

// client is the other end of a server at work, over pipes of the operating
// system.
type client struct {
	t      *testing.T
	in     *os.File
	out    *bufio.Reader
	stop   context.CancelFunc
	served chan error
	// stopping is closed when the server has seen the end of its context: that is
	// when it ends the read that waits.
	stopping chan struct{}
}

// stdin tells when the server ends its read.
type stdin struct {
	*os.File
	ended chan struct{}
}

func (s stdin) SetReadDeadline(at time.Time) error {
	close(s.ended)
	return s.File.SetReadDeadline(at)
}

func start(t *testing.T, s *stdio.Server) *client {
	t.Helper()
	serverIn, in, err := os.Pipe()
	require.NoError(t, err)
	out, serverOut, err := os.Pipe()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	c := &client{t: t, in: in, out: bufio.NewReader(out), stop: stop, served: make(chan error, 1), stopping: make(chan struct{})}
	go func() {
		err := s.Serve(ctx, stdin{serverIn, c.stopping}, serverOut)
		serverOut.Close()
		serverIn.Close()
		c.served <- err
	}()
	t.Cleanup(func() {
		in.Close()
		stop()
		out.Close()
	})
	return c
}

func (c *client) send(messages ...string) {
	c.t.Helper()
	_, err := io.WriteString(c.in, strings.Join(messages, "\n")+"\n")
	require.NoError(c.t, err)
}

// line is the next line of the server, as it came.
func (c *client) line() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	require.NoError(c.t, err)
	require.True(c.t, json.Valid([]byte(line)), line)
	return strings.TrimSuffix(line, "\n")
}

// end closes the input, and returns what is left of the output once the server
// has ended.
func (c *client) end() []string {
	c.t.Helper()
	require.NoError(c.t, c.in.Close())
	rest, err := io.ReadAll(c.out)
	require.NoError(c.t, err)
	require.NoError(c.t, <-c.served)
	return strings.Split(strings.TrimSuffix(string(rest), "\n"), "\n")
}

// answers serves a whole input and returns its answers by the bytes of their id.
func answers(t *testing.T, s *stdio.Server, input string) map[string]string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, s.Serve(t.Context(), strings.NewReader(input), &out))
	byID := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if line == "" {
			continue
		}
		var answer struct {
			ID json.RawMessage `json:"id"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &answer), line)
		_, twice := byID[string(answer.ID)]
		require.False(t, twice, "%s answered twice", answer.ID)
		byID[string(answer.ID)] = line
	}
	return byID
}

func call(id, tool, arguments string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, tool, arguments)
}

// both runs a test with calls through the library and with direct calls: what a
// client sees is the same.
func both(t *testing.T, test func(t *testing.T, direct bool)) {
	for name, direct := range map[string]bool{"through the library": false, "direct": true} {
		t.Run(name, func(t *testing.T) { test(t, direct) })
	}
}

func TestEveryRequestBeforeEOFIsAnswered(t *testing.T) {
	both(t, func(t *testing.T, direct bool) {
		s := &stdio.Server{MaxCalls: 4, Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo}), Direct: direct}}
		for range 50 {
			var input strings.Builder
			input.WriteString(hello)
			for i := range 100 {
				input.WriteString(call(fmt.Sprint(i), "echo", fmt.Sprintf(`{"n":%d}`, i)) + "\n")
			}
			got := answers(t, s, strings.TrimSuffix(input.String(), "\n"))
			require.Len(t, got, 101)
			for i := range 100 {
				require.Contains(t, got[fmt.Sprint(i)], fmt.Sprintf(`"structuredContent":{"arguments":{"n":%d}}`, i))
			}
		}
	})
}

func TestIDsComeBackByteForByte(t *testing.T) {
	both(t, func(t *testing.T, direct bool) {
		s := &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo}), Direct: direct}}
		ids := []string{`1`, `"1"`, `1.0`, `1e3`, `1000`, `-0`, `9007199254740993`, `123456789012345678901234567890`, `""`, `"\u00e4\n\""`, `"ä"`}
		var input strings.Builder
		for _, id := range ids {
			input.WriteString(call(id, "echo", "{}") + "\n")
		}
		got := answers(t, s, input.String())
		require.Len(t, got, len(ids))
		for _, id := range ids {
			require.Contains(t, got[id], `"result"`, id)
		}
	})
}

func TestWhatIsNoRequestIsRefusedAndTheLoopGoesOn(t *testing.T) {
	for name, row := range map[string]struct {
		line string
		code string
		id   string
	}{
		"no JSON":             {`{"jsonrpc":`, "-32700", "null"},
		"text":                {`hello`, "-32700", "null"},
		"a batch":             {`[` + call("1", "echo", "{}") + `]`, "-32600", "null"},
		"a string":            {`"hello"`, "-32600", "null"},
		"no version":          {`{"id":1,"method":"ping"}`, "-32600", "1"},
		"another version":     {`{"jsonrpc":"1.0","id":1,"method":"ping"}`, "-32600", "1"},
		"null id":             {`{"jsonrpc":"2.0","id":null,"method":"ping"}`, "-32600", "null"},
		"an object as id":     {`{"jsonrpc":"2.0","id":{},"method":"ping"}`, "-32600", "null"},
		"no method":           {`{"jsonrpc":"2.0","id":1}`, "-32600", "1"},
		"a number as method":  {`{"jsonrpc":"2.0","id":1,"method":7}`, "-32600", "1"},
		"an array as params":  {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1]}`, "-32600", "1"},
		"an unknown method":   {`{"jsonrpc":"2.0","id":1,"method":"nonsense"}`, "-32601", "1"},
		"an unknown tool":     {call("1", "none", "{}"), "-32602", "1"},
		"too long":            {call("1", "echo", `{"x":"`+strings.Repeat("x", 2000)+`"}`), "-32600", "null"},
		"a name as a number":  {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}`, "-32600", "1"},
		"not UTF-8 and no id": {"{\"jsonrpc\":\"2.0\",\"id\":\"\xff", "-32700", "null"},
	} {
		for _, direct := range []bool{false, true} {
			s := &stdio.Server{MaxLine: 1500, Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo}), Direct: direct}}
			got := answers(t, s, row.line+"\r\n\n  \n"+call("2", "echo", "{}"))
			require.Len(t, got, 2, name)
			require.Contains(t, got[row.id], `"code":`+row.code, "%s: %s", name, got[row.id])
			require.Contains(t, got["2"], `"result"`, name)
		}
	}
}

func TestALineOfEightMegabytesIsTheLimit(t *testing.T) {
	fits := call("1", "echo", `{"x":"`+strings.Repeat("x", 8<<20-200)+`"}`)
	tooLong := call("2", "echo", `{"x":"`+strings.Repeat("x", 8<<20)+`"}`)
	got := answers(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo}), Direct: true}}, tooLong+"\n"+fits+"\n"+call("3", "echo", "{}"))
	require.Contains(t, got["1"][:100], `"result"`)
	require.Contains(t, got["null"], "longer than 8388608 bytes")
	require.Contains(t, got["3"], `"result"`)
}

func TestNoAnswerToAnAnswer(t *testing.T) {
	got := answers(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(nil)}}, strings.Join([]string{
		`{"jsonrpc":"2.0","id":"nobody","result":{}}`,
		`{"jsonrpc":"2.0","id":"nobody","error":{"code":1,"message":"m"}}`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}`,
		`{"jsonrpc":"2.0","method":"notifications/nonsense","params":{}}`,
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`,
	}, "\n"))
	require.Len(t, got, 1)
	require.Equal(t, `{"jsonrpc":"2.0","id":1,"result":{}}`, got["1"])
}

// gate is a tool that waits until the test lets it go.
type gate struct {
	entered chan struct{}
	release chan struct{}
	ended   atomic.Int32 // calls whose context ended while they waited
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 1000), release: make(chan struct{})}
}

func (g *gate) handle(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	g.entered <- struct{}{}
	select {
	case <-g.release:
	case <-ctx.Done():
		g.ended.Add(1)
		return nil, ctx.Err()
	}
	return echo(ctx, request)
}

func TestTwentyCallsRunAtOnceAndAPingIsAnsweredMeanwhile(t *testing.T) {
	both(t, func(t *testing.T, direct bool) {
		g := newGate()
		c := start(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"wait": g.handle}), Direct: direct}})
		for i := range 20 {
			c.send(call(fmt.Sprint(i), "wait", "{}"))
		}
		for range 20 {
			<-g.entered // all are inside before any has ended
		}
		c.send(`{"jsonrpc":"2.0","id":"p","method":"ping"}`, `{"jsonrpc":"2.0","id":"l","method":"tools/list"}`)
		require.Equal(t, `{"jsonrpc":"2.0","id":"p","result":{}}`, c.line())
		require.Contains(t, c.line(), `"id":"l"`)
		close(g.release)
		require.Len(t, c.end(), 20)
	})
}

func TestCallsBeyondTheBoundWaitTheirTurn(t *testing.T) {
	g := newGate()
	var running, most atomic.Int32
	c := start(t, &stdio.Server{MaxCalls: 3, MaxQueue: 5, Answerer: &rpc.Answerer{MCP: newMCP(handlers{
		"wait": func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			defer running.Add(-1)
			now := running.Add(1)
			for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
			}
			return g.handle(ctx, request)
		},
	}), Direct: true}})
	for i := range 3 {
		c.send(call(fmt.Sprint(i), "wait", "{}"))
		<-g.entered
	}
	for i := range 6 {
		c.send(call(fmt.Sprint(3+i), "wait", "{}"))
	}
	require.Contains(t, c.line(), `"id":8,"error"`, "the sixth that would wait is refused at once")
	close(g.release)
	require.Len(t, c.end(), 8)
	require.EqualValues(t, 3, most.Load())
}

func TestAnIDInUseIsRefusedAndFreeAfterwards(t *testing.T) {
	g := newGate()
	c := start(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"wait": g.handle})}})
	c.send(call("1", "wait", `{"first":true}`))
	<-g.entered
	c.send(call("1", "wait", `{"second":true}`))
	require.Contains(t, c.line(), "under way; nothing was done")
	close(g.release)
	require.Contains(t, c.line(), `{"first":true}`)
	c.send(call("1", "wait", `{"third":true}`))
	require.Contains(t, c.line(), `{"third":true}`)
	c.end()
}

func cancelled(id string) string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`
}

func TestRunningAndQueuedCallsCanBeCancelled(t *testing.T) {
	both(t, func(t *testing.T, direct bool) {
		g := newGate()
		c := start(t, &stdio.Server{MaxCalls: 1, Answerer: &rpc.Answerer{MCP: newMCP(handlers{"wait": g.handle}), Direct: direct}})
		c.send(call("1", "wait", "{}"), call("2", "wait", "{}"), call(`"2"`, "wait", "{}"))
		<-g.entered
		c.send(cancelled("2"), cancelled("7"), cancelled("1"))
		<-g.entered // the one that was not cancelled
		close(g.release)
		rest := c.end()
		require.Len(t, rest, 1, "what was cancelled gets no answer")
		require.Contains(t, rest[0], `"id":"2","result"`)
		require.EqualValues(t, 1, g.ended.Load())
		require.Empty(t, g.entered, "what was cancelled in the queue never began")
	})
}

func TestHandshakeTakesEffectInOrder(t *testing.T) {
	for range 100 {
		got := []string{}
		var out bytes.Buffer
		s := &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"level": func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			session := server.ClientSessionFromContext(ctx)
			return mcp.NewToolResultText(fmt.Sprint(session.Initialized(),
				session.(server.SessionWithLogging).GetLogLevel(),
				session.(server.SessionWithClientInfo).GetClientInfo().Name,
				session.(server.SessionWithProtocolVersion).ProtocolVersion())), nil
		}})}}
		require.NoError(t, s.Serve(t.Context(), strings.NewReader(hello+
			`{"jsonrpc":"2.0","id":"list","method":"tools/list"}`+"\n"+
			`{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n"+
			`{"jsonrpc":"2.0","id":"set","method":"logging/setLevel","params":{"level":"debug"}}`+"\n"+
			call(`"call"`, "level", "{}")), &out))
		for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			var answer struct{ ID string }
			require.NoError(t, json.Unmarshal([]byte(line), &answer))
			got = append(got, answer.ID)
		}
		require.Equal(t, []string{"hello", "list", "set", "call"}, got)
		require.Contains(t, out.String(), `truedebugt2025-11-25`)
	}
}

func TestToolsListIsTheLibrarysInBothErasHoweverOftenItIsAsked(t *testing.T) {
	m := newMCP(handlers{"echo": echo, "other": echo})
	modern := `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}`
	for name, params := range map[string]string{
		"without parameters":   ``,
		"with empty ones":      `,"params":{}`,
		"of 2026-07-28":        `,` + modern,
		"with a wrong cursor":  `,"params":{"cursor":"%%%"}`,
		"of a future protocol": `,"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}}`,
	} {
		request := `{"jsonrpc":"2.0","id":1,"method":"tools/list"` + params + `}`
		want, err := json.Marshal(m.HandleMessage(t.Context(), json.RawMessage(request)))
		require.NoError(t, err)
		c := start(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: m}})
		for range 3 {
			c.send(request)
			require.JSONEq(t, string(want), c.line(), name)
			c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
			require.Contains(t, c.line(), `"echo"`)
		}
		c.end()
	}
}

func TestAPanicIsAnErrorAndTheServerGoesOn(t *testing.T) {
	both(t, func(t *testing.T, direct bool) {
		s := &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo, "panics": func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			panic("argument 12345")
		}}), Direct: direct}}
		got := answers(t, s, call("1", "panics", "{}")+"\n"+call("2", "echo", "{}"))
		require.Contains(t, got["1"], `"error"`)
		require.NotContains(t, got["1"], "12345")
		require.Contains(t, got["2"], `"result"`)
	})
}

func TestNotificationsComeBeforeTheAnswerAndNoneIsLost(t *testing.T) {
	both(t, func(t *testing.T, direct bool) {
		const calls, each = 20, 10
		s := &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"tell": func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			for i := range each {
				err := server.ServerFromContext(ctx).SendNotificationToClient(ctx, "notifications/progress",
					map[string]any{"progressToken": string(request.Params.RawArguments), "progress": i})
				if err != nil {
					return nil, err
				}
			}
			return echo(ctx, request)
		}}), Direct: direct}}
		var input strings.Builder
		input.WriteString(hello)
		for i := range calls {
			input.WriteString(call(fmt.Sprint(i), "tell", fmt.Sprintf(`{"n":%d}`, i)) + "\n")
		}
		var out bytes.Buffer
		require.NoError(t, s.Serve(t.Context(), strings.NewReader(input.String()), &out))
		told := map[string]int{}
		for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			var m struct {
				ID     json.RawMessage
				Method string
				Params struct{ ProgressToken string }
				Result struct {
					StructuredContent struct{ Arguments json.RawMessage }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(line), &m))
			switch {
			case m.Method == "notifications/progress":
				told[m.Params.ProgressToken]++
			case m.Result.StructuredContent.Arguments != nil:
				require.Equal(t, each, told[string(m.Result.StructuredContent.Arguments)], "all before the answer")
			}
		}
		require.Len(t, told, calls)
	})
}

func TestStopLetsRunningCallsEndAndBeginsNone(t *testing.T) {
	g := newGate()
	c := start(t, &stdio.Server{MaxCalls: 1, Answerer: &rpc.Answerer{MCP: newMCP(handlers{"wait": g.handle})}})
	c.send(call("1", "wait", "{}"), call("2", "wait", "{}"))
	<-g.entered
	c.send(`{"jsonrpc":"2.0","id":"p","method":"ping"}`)
	c.line() // so both calls were read
	c.stop()
	<-c.stopping
	close(g.release)
	rest, err := io.ReadAll(c.out)
	require.NoError(t, err)
	require.NoError(t, <-c.served, "though stdin is still open")
	lines := strings.Split(strings.TrimSpace(string(rest)), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], `"id":1,"result"`)
	require.Contains(t, lines[1], `"id":2,"error"`)
	require.Contains(t, lines[1], "nothing was done")
	require.Zero(t, g.ended.Load(), "no call's context ended")
	require.Empty(t, g.entered)
}

func TestAClientThatIsGoneEndsTheServer(t *testing.T) {
	c := start(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo})}})
	out, in, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, out.Close())
	defer in.Close()
	serverIn, send, err := os.Pipe()
	require.NoError(t, err)
	defer send.Close()
	served := make(chan error, 1)
	go func() {
		served <- (&stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": echo})}}).Serve(t.Context(), serverIn, in)
		serverIn.Close()
	}()
	_, err = io.WriteString(send, hello)
	require.NoError(t, err)
	require.ErrorContains(t, <-served, "write stdout")
	c.end()
}

func TestTheClientIsAskedAndItsAnswerFindsTheCall(t *testing.T) {
	ask := func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		result, err := server.ServerFromContext(ctx).RequestElicitation(ctx, mcp.ElicitationRequest{Params: mcp.ElicitationParams{
			Message:         string(request.Params.RawArguments),
			RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{"key": map[string]any{"type": "string"}}},
		}})
		if err != nil {
			return mcp.NewToolResultError(err.Error()), nil
		}
		return mcp.NewToolResultText(fmt.Sprint(result.Action, result.Content)), nil
	}
	c := start(t, &stdio.Server{Answerer: &rpc.Answerer{MCP: newMCP(handlers{"ask": ask}), Direct: true}})
	c.send(strings.TrimSpace(hello))
	c.line()
	c.send(call("1", "ask", `{"n":1}`), call("2", "ask", `{"n":2}`), call("3", "ask", `{"n":3}`))
	asked := map[string]string{} // their id by what is asked
	for range 3 {
		var m struct {
			ID     json.RawMessage
			Method string
			Params struct{ Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(c.line()), &m))
		require.Equal(t, "elicitation/create", m.Method)
		asked[m.Params.Message] = string(m.ID)
	}
	c.send(`{"jsonrpc":"2.0","id":` + asked[`{"n":2}`] + `,"result":{"action":"accept","content":{"key":"two"}}}`)
	require.Contains(t, c.line(), `acceptmap[key:two]`)
	c.send(`{"jsonrpc":"2.0","id":` + asked[`{"n":1}`] + `,"error":{"code":-1,"message":"no person here"}}`)
	require.Contains(t, c.line(), "no person here")
	rest := c.end()
	require.Len(t, rest, 1)
	require.Contains(t, rest[0], "cannot answer any more", "nobody waits for a client that is gone")
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(hello + call("1", "echo", "{}") + "\n" + cancelled("1")))
	f.Add([]byte("{\"jsonrpc\":\"2.0\",\"id\":1e2,\"method\":\"tools/call\"}\r\n[]\n\x00\n\"\n"))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		var out bytes.Buffer
		var mu sync.Mutex
		calls := 0
		s := &stdio.Server{MaxLine: 4096, Answerer: &rpc.Answerer{MCP: newMCP(handlers{"echo": func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			mu.Lock()
			defer mu.Unlock()
			calls++
			return mcp.NewToolResultText("t"), nil
		}}), Direct: true}}
		if err := s.Serve(t.Context(), bytes.NewReader(input), &out); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
		if out.Len() > 0 && len(lines) > bytes.Count(input, []byte("\n"))+1 {
			t.Fatalf("%d lines in, %d out", bytes.Count(input, []byte("\n"))+1, len(lines))
		}
		for _, line := range lines {
			if out.Len() > 0 && !json.Valid(line) {
				t.Fatalf("not JSON: %q", line)
			}
		}
	})
}
