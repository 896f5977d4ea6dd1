package consent_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/stdio"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eras are the protocol versions in which everything is shown.
var eras = []string{"2025-11-25", "2026-07-28"}

type object = map[string]any

// bench is the server's parts in one process: the sandbox behind real HTTP, a
// ledger file, the tools and the stdio loop, with a clock that the test moves.
type bench struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	service *operations.Service
	client  *websoftsolus.Client
	consent *consent.Consent
	clock   *clock
	journal string

	mu     sync.Mutex
	writes []string // requests that are neither a read nor a token's
}

type clock struct {
	mu   sync.Mutex
	past time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(c.past)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past += d
}

func newBench(t *testing.T, mode consent.Mode) *bench {
	b := &bench{t: t, sandbox: sandbox.New(sandbox.Options{}), clock: &clock{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.URL.Path != "/access/token" {
			b.mu.Lock()
			b.writes = append(b.writes, r.Method+" "+r.URL.Path)
			b.mu.Unlock()
		}
		b.sandbox.ServeHTTP(w, r)
	}))
	login, secret := b.sandbox.Credentials()
	b.client = &websoftsolus.Client{BaseURL: server.URL + "/", Login: login, Secret: secret}
	b.follow(mode, "")
	t.Cleanup(func() {
		require.NoError(t, b.service.Close(context.Background()))
		server.Close()
	})
	return b
}

// follow makes the server one of the mode and the policy, on the ledger that the
// bench has.
func (b *bench) follow(mode consent.Mode, rules string) {
	b.t.Helper()
	if b.service != nil {
		require.NoError(b.t, b.service.Close(b.t.Context()))
	} else {
		b.journal = filepath.Join(b.t.TempDir(), "ledger.db")
	}
	b.consent = &consent.Consent{Mode: mode, Now: b.clock.now}
	config := operations.Config{
		API: b.client, Environment: "live", BaseURL: b.client.BaseURL, Now: b.clock.now,
		Open: func(context.Context) (operations.Store, error) { return operations.OpenSQLite(b.journal) },
	}
	if rules != "" {
		p, err := policy.Parse("policy.yaml", []byte("version: 1\n"+rules))
		require.NoError(b.t, err)
		config.Policy = p.Decide
	}
	b.service = operations.NewService(config)
}

// sent returns what was written to the API.
func (b *bench) sent() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.writes...)
}

func (b *bench) set() *tools.Set {
	return &tools.Set{API: b.client, Operations: b.service, Environment: "live", Consent: b.consent}
}

// person answers a question; nil for a client that cannot ask.
type person func(ctx context.Context, question *mcp.ElicitParams) (*mcp.ElicitResult, error)

// session is a client of the official Go SDK over the stdio loop.
type session struct {
	*mcp.ClientSession
	t *testing.T
}

func (b *bench) connect(era string, p person, change ...func(*mcp.ClientOptions)) *session {
	b.t.Helper()
	serverIn, clientOut := io.Pipe()
	clientIn, serverOut := io.Pipe()
	served := make(chan error, 1)
	go func() {
		err := (&stdio.Server{Answerer: &rpc.Answerer{MCP: tools.NewServer(b.set(), "test"), Direct: true}}).Serve(
			operations.WithActor(context.Background(), operations.Actor{Transport: "stdio"}), serverIn, serverOut)
		serverOut.Close()
		served <- err
	}()
	options := &mcp.ClientOptions{}
	if p != nil {
		options.ElicitationHandler = func(ctx context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) { return p(ctx, r.Params) }
	}
	for _, c := range change {
		c(options)
	}
	c, err := mcp.NewClient(&mcp.Implementation{Name: "bench", Version: "1"}, options).Connect(b.t.Context(),
		&mcp.IOTransport{Reader: clientIn, Writer: clientOut}, &mcp.ClientSessionOptions{ProtocolVersion: era})
	require.NoError(b.t, err)
	require.Equal(b.t, era, c.InitializeResult().ProtocolVersion)
	b.t.Cleanup(func() {
		c.Close()
		clientOut.Close()
		require.NoError(b.t, <-served)
	})
	return &session{c, b.t}
}

// call calls a tool and returns its result, and its error object where it
// failed.
func (s *session) call(tool string, args object) (result, failure object) {
	s.t.Helper()
	answer, err := s.CallTool(s.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal([]byte(answer.Content[0].(*mcp.TextContent).Text), &result))
	if answer.IsError {
		failure = result["error"].(object)
	}
	return result, failure
}

// typing is a person who accepts and types the text.
func typing(text string) person {
	return func(context.Context, *mcp.ElicitParams) (*mcp.ElicitResult, error) {
		return &mcp.ElicitResult{Action: "accept", Content: object{"typed": text}}, nil
	}
}

func answering(action string) person {
	return func(context.Context, *mcp.ElicitParams) (*mcp.ElicitResult, error) {
		return &mcp.ElicitResult{Action: action}, nil
	}
}

const product = "PLESK_12_WEB_HOST"

func order(title string) object {
	return object{"product": product, "title": title, "period": "12", "confirm": ""}
}

// target is a licence that the sandbox starts with.
func (b *bench) target() sandbox.License {
	return b.sandbox.Licenses(websoftsolus.Plesk)[0]
}

func terminate(key string) object {
	return object{"family": "plesk", "keyNumber": key, "confirm": ""}
}

// state is where an operation stands.
func (b *bench) state(id any) operations.State {
	b.t.Helper()
	o, err := b.service.Get(b.t.Context(), id.(string))
	require.NoError(b.t, err)
	return o.State
}

// newest is the operation that was proposed last.
func (b *bench) newest() operations.Operation {
	b.t.Helper()
	page, err := b.service.List(b.t.Context(), operations.Filter{Limit: 1})
	require.NoError(b.t, err)
	require.NotEmpty(b.t, page.Operations)
	return page.Operations[0]
}
