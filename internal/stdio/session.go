package stdio

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// session is the client as handlers see it. It implements the library's
// ClientSession, and those of its extensions that stdio has a use for.
type session struct {
	id            string
	out           *writer
	notifier      *rpc.Notifier
	questions     rpc.Questions // to the client
	subscriptions *rpc.Subscriptions

	mu           sync.Mutex
	initialized  bool
	level        mcp.LoggingLevel
	version      string
	info         mcp.Implementation
	capabilities mcp.ClientCapabilities
}

var (
	_ server.SessionWithClientInfo      = (*session)(nil)
	_ server.SessionWithLogging         = (*session)(nil)
	_ server.SessionWithElicitation     = (*session)(nil)
	_ server.SessionWithProtocolVersion = (*session)(nil)

	_ server.SessionWithResourceSubscriptionsErr = (*session)(nil)
)

func newSession(id string, out *writer) *session {
	if id == "" {
		id = "stdio"
	}
	return &session{
		id:  id,
		out: out,
		notifier: rpc.NewNotifier(func(n mcp.JSONRPCNotification) {
			if encoded, err := json.Marshal(n); err == nil {
				out.writeLine(encoded)
			}
		}),
		level: mcp.LoggingLevelError,
	}
}

func (s *session) SessionID() string { return s.id }

func (s *session) Initialize() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.initialized = true
}

func (s *session) Initialized() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initialized
}

func (s *session) SetLogLevel(level mcp.LoggingLevel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = level
}

func (s *session) GetLogLevel() mcp.LoggingLevel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.level
}

func (s *session) SetProtocolVersion(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

func (s *session) ProtocolVersion() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func (s *session) SetClientInfo(info mcp.Implementation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = info
}

func (s *session) GetClientInfo() mcp.Implementation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

func (s *session) SetClientCapabilities(capabilities mcp.ClientCapabilities) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.capabilities = capabilities
}

func (s *session) GetClientCapabilities() mcp.ClientCapabilities {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.capabilities
}

// NotificationChannel is where the library puts what a handler has to say
// meanwhile.
func (s *session) NotificationChannel() chan<- mcp.JSONRPCNotification { return s.notifier.Channel() }

// RequestElicitation asks the person behind the client. The caller has made
// sure that the client can.
func (s *session) RequestElicitation(ctx context.Context, request mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return s.questions.Elicit(ctx, s.out.writeLine, request)
}

// What the client subscribed to before 2026-07-28, when that was not a stream of
// its own.

func (s *session) SubscribeToResource(uri string)          { _ = s.subscriptions.Subscribe(uri) }
func (s *session) SubscribeToResourceErr(uri string) error { return s.subscriptions.Subscribe(uri) }
func (s *session) UnsubscribeFromResource(uri string)      { s.subscriptions.Unsubscribe(uri) }
func (s *session) SubscribedResources() []string           { return s.subscriptions.All() }
func (s *session) IsSubscribedToResource(uri string) bool  { return s.subscriptions.Has(uri) }
