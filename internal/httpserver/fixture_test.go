package httpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a Server behind a real listener, with tools that do what a test
// needs:
//
//	echo      answers its arguments
//	progress  sends as many notifications as "n" says, under "token", and returns at once
//	hold      tells the test that it runs, and waits for the test or its context
//	ask       asks the person, for a second at most
//	can       answers whether the client can be asked
type fixture struct {
	*Server
	t       *testing.T
	mcp     *server.MCPServer
	url     string
	began   chan string   // arguments of calls of hold
	proceed chan struct{} // lets one call of hold return
	ended   chan error    // how the context of a hold stood at its end
	clock   *clock
}

// clock is a time that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

func newFixture(t *testing.T, change ...func(*Options)) *fixture {
	f := newUnserved(t, change...)
	web := httptest.NewServer(f.Server)
	t.Cleanup(func() {
		f.endStreams()
		web.Close()
		f.sessions.closeAll()
	})
	f.url = web.URL
	return f
}

// newUnserved is a fixture that listens nowhere.
func newUnserved(t *testing.T, change ...func(*Options)) *fixture {
	f := &fixture{
		t: t, began: make(chan string, 1000), proceed: make(chan struct{}), ended: make(chan error, 1000),
		clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	f.mcp = server.NewMCPServer("fixture", "1", server.WithToolCapabilities(true), server.WithResourceCapabilities(true, false), server.WithLogging())
	tool := func(name string, handler func(context.Context, json.RawMessage) (string, error)) {
		f.mcp.AddTool(mcp.NewToolWithRawSchema(name, name, json.RawMessage(`{"type":"object"}`)), func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			text, err := handler(ctx, r.Params.RawArguments)
			if err != nil {
				return nil, err
			}
			return mcp.NewToolResultText(text), nil
		})
	}
	tool("echo", func(_ context.Context, args json.RawMessage) (string, error) { return string(args), nil })
	tool("progress", func(ctx context.Context, args json.RawMessage) (string, error) {
		var asked struct {
			N     int
			Token string
		}
		if err := json.Unmarshal(args, &asked); err != nil {
			return "", err
		}
		for i := range asked.N {
			if err := f.mcp.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progressToken": asked.Token, "progress": i}); err != nil {
				return "", err
			}
		}
		return asked.Token, nil
	})
	tool("hold", func(ctx context.Context, args json.RawMessage) (string, error) {
		f.began <- string(args)
		select {
		case <-f.proceed:
			f.ended <- nil
			return "held", nil
		case <-ctx.Done():
			f.ended <- ctx.Err()
			return "", ctx.Err()
		}
	})
	tool("ask", func(ctx context.Context, _ json.RawMessage) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		answer, err := f.mcp.RequestElicitation(ctx, mcp.ElicitationRequest{Params: mcp.ElicitationParams{
			Message: "really?", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{"typed": map[string]any{"type": "string"}}},
		}})
		if err != nil {
			return "not asked: " + err.Error(), nil
		}
		return fmt.Sprint(answer.Action, answer.Content), nil
	})
	tool("can", func(ctx context.Context, _ json.RawMessage) (string, error) {
		session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo)
		return fmt.Sprint(ok && session.GetClientCapabilities().Elicitation != nil), nil
	})
	o := Options{Answerer: &rpc.Answerer{MCP: f.mcp, Direct: true}, Now: f.clock.Now}
	for _, c := range change {
		c(&o)
	}
	f.Server = New(o)
	return f
}

// answer is an answer over HTTP, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// messages are the JSON-RPC messages of an answer, in order: one of JSON, those
// of its events, or those of a batch.
func (a answer) messages(t *testing.T) (all []message) {
	t.Helper()
	add := func(raw string) {
		if strings.HasPrefix(raw, "[") {
			var batch []message
			require.NoError(t, json.Unmarshal([]byte(raw), &batch), raw)
			all = append(all, batch...)
			return
		}
		var m message
		require.NoError(t, json.Unmarshal([]byte(raw), &m), raw)
		all = append(all, m)
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		add(a.body)
		return all
	}
	for line := range strings.SplitSeq(a.body, "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			add(data)
		}
	}
	return all
}

// text is the text of the one result.
func (a answer) text(t *testing.T) string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	all := a.messages(t)
	require.NotEmpty(t, all, a.body)
	last := all[len(all)-1]
	require.Len(t, last.Result.Content, 1, a.body)
	return last.Result.Content[0].Text
}

type message struct {
	ID     any
	Method string
	Params struct {
		ProgressToken string
		Progress      float64
		Message       string
		Meta          map[string]any `json:"_meta"`
	}
	Result struct {
		Content         []struct{ Text string }
		ProtocolVersion string
	}
	Error struct {
		Code    int
		Message string
	}
}

// request makes a request. Headers come in pairs; one with an empty value is
// left out, where it would be sent otherwise.
func (f *fixture) request(ctx context.Context, method, path, body string, headers ...string) *http.Request {
	f.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, f.url+path, strings.NewReader(body))
	require.NoError(f.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		switch {
		case headers[i] == "Host":
			r.Host = headers[i+1]
		case headers[i+1] == "":
			r.Header.Del(headers[i])
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

// do sends a request and reads its answer to the end.
func (f *fixture) do(method, path, body string, headers ...string) answer {
	f.t.Helper()
	response, err := http.DefaultClient.Do(f.request(f.t.Context(), method, path, body, headers...))
	require.NoError(f.t, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return answer{response.StatusCode, response.Header, string(read)}
}

func (f *fixture) post(body string, headers ...string) answer {
	f.t.Helper()
	return f.do(http.MethodPost, "/mcp", body, headers...)
}

// open begins a request whose answer is read as it comes. It ends with the test,
// or with the function that it returns.
func (f *fixture) open(method, path, body string, headers ...string) (*http.Response, *bufio.Reader, context.CancelFunc) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	response, err := http.DefaultClient.Do(f.request(ctx, method, path, body, headers...))
	require.NoError(f.t, err)
	stop := func() {
		cancel()
		response.Body.Close()
	}
	f.t.Cleanup(stop)
	return response, bufio.NewReader(response.Body), stop
}

// event reads the next message of a stream of events.
func event(t *testing.T, from *bufio.Reader) (name, data string) {
	t.Helper()
	for {
		line, err := from.ReadString('\n')
		require.NoError(t, err)
		if value, ok := strings.CutPrefix(line, "event: "); ok {
			name = strings.TrimSpace(value)
		}
		if value, ok := strings.CutPrefix(line, "data: "); ok {
			return name, strings.TrimSpace(value)
		}
	}
}

func hello(version, capabilities string) string {
	return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + version + `","capabilities":` + capabilities + `,"clientInfo":{"name":"test","version":"1"}}}`
}

// session shakes hands and returns the headers of the session.
func (f *fixture) session(version, capabilities string, headers ...string) []string {
	f.t.Helper()
	a := f.post(hello(version, capabilities), headers...)
	require.Equal(f.t, http.StatusOK, a.status, a.body)
	require.Equal(f.t, version, a.messages(f.t)[0].Result.ProtocolVersion)
	require.NotEmpty(f.t, a.header.Get(sessionHeader))
	return append([]string{sessionHeader, a.header.Get(sessionHeader), mcp.HeaderProtocolVersion, version}, headers...)
}

// call is a tools/call of an older version.
func call(id any, tool, args string) string {
	encoded, _ := json.Marshal(id) // a string or a number
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, encoded, tool, args)
}

const (
	modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"}}`
	ping       = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
)

// modernCall is a tools/call of 2026-07-28 and its headers.
func modernCall(id any, tool, args string) (string, []string) {
	encoded, _ := json.Marshal(id) // a string or a number
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s,%s}}`, encoded, tool, args, modernMeta),
		modernHeaders("tools/call", "Mcp-Name", tool)
}

func modernHeaders(method string, more ...string) []string {
	return append([]string{mcp.HeaderProtocolVersion, "2026-07-28", "Mcp-Method", method}, more...)
}
