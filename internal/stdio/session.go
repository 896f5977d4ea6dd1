package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// session is the client as handlers see it. It implements the library's
// ClientSession, and those of its extensions that stdio has a use for.
type session struct {
	id            string
	out           *writer
	notifications chan mcp.JSONRPCNotification
	notified      atomic.Bool // somebody asked for the channel
	flushed       chan struct{}
	flushing      sync.Mutex
	written       chan struct{} // closed when the goroutine of notifications has ended

	mu           sync.Mutex
	initialized  bool
	level        mcp.LoggingLevel
	version      string
	info         mcp.Implementation
	capabilities mcp.ClientCapabilities
	closed       bool
	serial       int64
	pending      map[string]chan rpc.Message // our requests, by id
}

var (
	_ server.SessionWithClientInfo      = (*session)(nil)
	_ server.SessionWithLogging         = (*session)(nil)
	_ server.SessionWithElicitation     = (*session)(nil)
	_ server.SessionWithProtocolVersion = (*session)(nil)
)

func newSession(id string, out *writer) *session {
	if id == "" {
		id = "stdio"
	}
	return &session{
		id:            id,
		out:           out,
		notifications: make(chan mcp.JSONRPCNotification, 1000),
		flushed:       make(chan struct{}),
		written:       make(chan struct{}),
		level:         mcp.LoggingLevelError,
		pending:       map[string]chan rpc.Message{},
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

// flush and end are no notifications. The first asks that what stands before it
// in the channel be written, the second ends the writing.
const (
	flush = "\x00flush"
	end   = "\x00end"
)

// NotificationChannel is where the library puts what a handler has to say
// meanwhile.
func (s *session) NotificationChannel() chan<- mcp.JSONRPCNotification {
	if s.notified.CompareAndSwap(false, true) {
		go s.writeNotifications()
	}
	return s.notifications
}

func (s *session) writeNotifications() {
	defer close(s.written)
	for n := range s.notifications {
		switch n.Method {
		case flush:
			s.flushed <- struct{}{}
		case end:
			return
		default:
			if encoded, err := json.Marshal(n); err == nil {
				s.out.write(append(encoded, '\n'))
			}
		}
	}
}

// settle returns when every notification so far is written, so that an answer
// comes after the notifications of its call.
func (s *session) settle() {
	if !s.notified.Load() {
		return
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.notifications <- mcp.JSONRPCNotification{Notification: mcp.Notification{Method: flush}}
	<-s.flushed
}

// finish writes the last notifications. Nothing may be said after it.
func (s *session) finish() {
	if s.notified.Load() {
		s.notifications <- mcp.JSONRPCNotification{Notification: mcp.Notification{Method: end}}
		<-s.written
	}
}

// errGone is the end of every request to a client that can answer no more.
var errGone = errors.New("the client cannot answer any more: its stream has ended")

// request asks the client something, by the name of one of the specification's
// methods, and waits for its answer, for as long as ctx
// lasts. Whether the client can answer is for the caller to know.
func (s *session) request(ctx context.Context, method string, params any) (json.RawMessage, error) {
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	answer := make(chan rpc.Message, 1)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errGone
	}
	s.serial++
	id := `"server-` + strconv.FormatInt(s.serial, 10) + `"`
	s.pending[id] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.pending, id)
	}()
	s.out.write([]byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":` + string(encoded) + "}\n"))
	select {
	case m, ok := <-answer:
		if !ok {
			return nil, errGone
		}
		if m.Fault != nil {
			var fault mcp.JSONRPCErrorDetails
			_ = json.Unmarshal(m.Fault, &fault) // what cannot be read has no words
			return nil, fmt.Errorf("the client answered %s with an error %d: %s", method, fault.Code, fault.Message)
		}
		return m.Result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answered hands an answer to whoever waits for it. One that nobody waits for,
// or not any more, is ignored.
func (s *session) answered(m rpc.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer := s.pending[string(m.ID)]; answer != nil {
		delete(s.pending, string(m.ID))
		answer <- m
	}
}

// close ends every request that waits: nothing is read any more.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for id, answer := range s.pending {
		delete(s.pending, id)
		close(answer)
	}
}

// RequestElicitation asks the person behind the client (MCP specification,
// "Elicitation"). The caller has made sure that the client can.
func (s *session) RequestElicitation(ctx context.Context, request mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	answer, err := s.request(ctx, string(mcp.MethodElicitationCreate), request.Params)
	if err != nil {
		return nil, err
	}
	var result mcp.ElicitationResult
	if err := json.Unmarshal(answer, &result); err != nil {
		return nil, fmt.Errorf("the client's answer to %s cannot be read: %w", mcp.MethodElicitationCreate, err)
	}
	return &result, nil
}
