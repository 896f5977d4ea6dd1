package httpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// exchange is one POST and its answer, and to the library the client of that one
// request: what its handler says meanwhile goes onto this answer and no other.
// The answer is JSON until the handler says something first; then it is a stream
// of events whose last is the answer.
type exchange struct {
	server    *Server
	w         http.ResponseWriter
	ctx       context.Context // of the request; ends when the client goes
	session   *session        // nil from 2026-07-28 on, and while initializing
	canStream bool            // the client takes events
	id        string          // of the exchange as a session of the library's, where it has no other
	tag       json.RawMessage // id of the subscriptions/listen it serves; nil for none
	notifier  *rpc.Notifier

	mu           sync.Mutex
	stream       *stream // nil until something was said
	answered     bool
	version      string
	client       mcp.Implementation
	capabilities mcp.ClientCapabilities
	level        mcp.LoggingLevel
	filter       mcp.SubscriptionFilter
	filtered     bool

	subscriptions *rpc.Subscriptions // of a subscriptions/listen
}

var (
	_ server.SessionWithClientInfo         = (*exchange)(nil)
	_ server.SessionWithLogging            = (*exchange)(nil)
	_ server.SessionWithElicitation        = (*exchange)(nil)
	_ server.SessionWithSampling           = (*exchange)(nil)
	_ server.SessionWithRoots              = (*exchange)(nil)
	_ server.SessionWithProtocolVersion    = (*exchange)(nil)
	_ server.SessionWithSubscriptionFilter = (*exchange)(nil)

	_ server.SessionWithResourceSubscriptionsErr = (*exchange)(nil)
)

func (s *Server) newExchange(ctx context.Context, w http.ResponseWriter, r *http.Request, session *session) *exchange {
	e := &exchange{server: s, w: w, ctx: ctx, session: session, canStream: accepts(r, "text/event-stream"), level: mcp.LoggingLevelError}
	e.notifier = rpc.NewNotifier(e.tell)
	return e
}

// say sends a message before the answer, making the answer a stream. It reports
// false where the client takes no events or has gone.
func (e *exchange) say(message []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.canStream || e.answered {
		return false
	}
	if e.stream == nil {
		e.stream = openStream(e.ctx, e.w)
	}
	return e.stream.send(message) == nil
}

// tell sends a notification of this request's handler.
func (e *exchange) tell(n mcp.JSONRPCNotification) {
	if e.tag != nil {
		n.Params.Meta = cloneWith(n.Params.Meta, mcp.MetaKeySubscriptionID, e.tag)
	}
	if encoded, err := json.Marshal(n); err == nil {
		e.say(encoded)
	}
}

func cloneWith(meta map[string]any, key string, value any) map[string]any {
	clone := make(map[string]any, len(meta)+1)
	for k, v := range meta {
		clone[k] = v
	}
	clone[key] = value
	return clone
}

// answer ends the exchange with what its request is answered with; nothing
// where it needs no answer.
func (e *exchange) answer(status int, answer ...[]byte) {
	if !e.end(answer) {
		return
	}
	if len(answer) == 0 {
		e.w.WriteHeader(http.StatusAccepted)
		return
	}
	writeJSON(e.w, status, answer[0])
}

// answerBatch ends the exchange with the answers to a batch.
func (e *exchange) answerBatch(answers [][]byte) {
	if !e.end(answers) {
		return
	}
	if len(answers) == 0 {
		e.w.WriteHeader(http.StatusAccepted)
		return
	}
	writeJSON(e.w, http.StatusOK, append(append([]byte{'['}, bytes.Join(answers, []byte{','})...), ']'))
}

// end sends the answers where the exchange became a stream. It reports whether
// it did not, and somebody is there to be answered.
func (e *exchange) end(answers [][]byte) bool {
	e.notifier.Settle()
	e.mu.Lock()
	e.answered = true
	stream := e.stream
	e.mu.Unlock()
	e.notifier.Finish()
	if stream == nil {
		return e.ctx.Err() == nil
	}
	for _, answer := range answers {
		_ = stream.send(answer) // the client reads it, or has gone
	}
	stream.close()
	return false
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // fails where there is no connection: in a test
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not read it has gone
}

// What follows is the exchange as the library sees it.

func (e *exchange) SessionID() string {
	if e.session != nil {
		return e.session.id
	}
	return e.id
}

func (e *exchange) Initialize()       {}
func (e *exchange) Initialized() bool { return true }

func (e *exchange) NotificationChannel() chan<- mcp.JSONRPCNotification { return e.notifier.Channel() }

func (e *exchange) SetProtocolVersion(version string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.version = version
}

func (e *exchange) ProtocolVersion() string {
	if e.session != nil {
		return e.session.identity.version
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.version
}

func (e *exchange) SetClientInfo(client mcp.Implementation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.client = client
}

func (e *exchange) GetClientInfo() mcp.Implementation {
	if e.session != nil {
		return e.session.GetClientInfo()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.client
}

func (e *exchange) SetClientCapabilities(capabilities mcp.ClientCapabilities) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.capabilities = capabilities
}

// GetClientCapabilities are those that can be used on this exchange: a client of
// an older version that takes no events, or whose answer may reach another
// replica, cannot be asked anything, whatever it declared.
func (e *exchange) GetClientCapabilities() mcp.ClientCapabilities {
	if e.session == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.capabilities
	}
	capabilities := e.session.GetClientCapabilities()
	if !e.canStream || e.server.o.Replicas {
		capabilities.Elicitation, capabilities.Sampling, capabilities.Roots = nil, nil, nil
	}
	return capabilities
}

func (e *exchange) SetLogLevel(level mcp.LoggingLevel) {
	if e.session != nil {
		e.session.SetLogLevel(level)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.level = level
}

func (e *exchange) GetLogLevel() mcp.LoggingLevel {
	if e.session != nil {
		return e.session.GetLogLevel()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.level
}

func (e *exchange) SetSubscriptionFilter(filter mcp.SubscriptionFilter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.filter = filter
}

// SubscriptionFilter is what a listen stream asked for: nothing until it is
// recorded. Other exchanges take no broadcasts, because the library does not
// know of them.
func (e *exchange) SubscriptionFilter() (mcp.SubscriptionFilter, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.filter, e.filtered
}

// question sends a request to the client of an older version, on this exchange's
// answer.
func (e *exchange) question() (*rpc.Questions, func([]byte), error) {
	if e.session == nil || !e.canStream || e.server.o.Replicas {
		return nil, nil, rpc.ErrGone
	}
	return &e.session.questions, func(message []byte) { e.say(message) }, nil
}

// RequestElicitation asks the person behind the client. The caller has made
// sure that the client can.
func (e *exchange) RequestElicitation(ctx context.Context, request mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	questions, write, err := e.question()
	if err != nil {
		return nil, err
	}
	return questions.Elicit(ctx, write, request)
}

// RequestSampling asks the client's model (MCP specification, "Sampling").
func (e *exchange) RequestSampling(ctx context.Context, request mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	questions, write, err := e.question()
	if err != nil {
		return nil, err
	}
	return questions.Sample(ctx, write, request)
}

// ListRoots asks for the client's roots (MCP specification, "Roots").
func (e *exchange) ListRoots(ctx context.Context, _ mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	questions, write, err := e.question()
	if err != nil {
		return nil, err
	}
	return questions.Roots(ctx, write)
}

// subscribed are the client's subscriptions: of the stream that the exchange is
// from 2026-07-28 on, of the session before. nil where there can be none.
func (e *exchange) subscribed() *rpc.Subscriptions {
	if e.session != nil {
		return e.session.subscribed(e.ctx, e.server.o.Watch)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.subscriptions == nil && e.tag != nil {
		e.subscriptions = rpc.NewSubscriptions(e.ctx, e.server.o.Watch, e.notifier.Tell)
	}
	return e.subscriptions
}

// SubscribeToResourceErr begins to tell the client of a resource. Before
// 2026-07-28 it is told on its GET stream.
func (e *exchange) SubscribeToResourceErr(uri string) error {
	subscriptions := e.subscribed()
	if subscriptions == nil {
		return errStreamEnded
	}
	return subscriptions.Subscribe(uri)
}

func (e *exchange) SubscribeToResource(uri string) { _ = e.SubscribeToResourceErr(uri) }

func (e *exchange) UnsubscribeFromResource(uri string) {
	if subscriptions := e.subscribed(); subscriptions != nil {
		subscriptions.Unsubscribe(uri)
	}
}

func (e *exchange) SubscribedResources() []string {
	if subscriptions := e.subscribed(); subscriptions != nil {
		return subscriptions.All()
	}
	return nil
}

func (e *exchange) IsSubscribedToResource(uri string) bool {
	subscriptions := e.subscribed()
	return subscriptions != nil && subscriptions.Has(uri)
}
