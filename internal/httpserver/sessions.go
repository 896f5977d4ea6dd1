package httpserver

import (
	"container/list"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// session is what this process keeps of a session of an older version. Another
// replica that meets the id makes one of its own, without the client's
// capabilities: it asks the client nothing.
type session struct {
	id        string
	identity  identity
	caller    string
	place     *list.Element // in its caller's list; of sessions.mu
	questions rpc.Questions
	notifier  *rpc.Notifier // of what belongs to no request
	// subscriptions are to resources; nil until the first.
	subscriptions *rpc.Subscriptions

	mu           sync.Mutex
	capabilities mcp.ClientCapabilities
	level        mcp.LoggingLevel
	used         time.Time
	under        int // requests and streams under way
	cancels      map[string]context.CancelFunc
	streams      []*stream // open GET streams, newest last
	registered   bool
	ended        bool
}

// sessions are the sessions of this process, and which were ended.
type sessions struct {
	perCaller int // how many are kept of one caller; 0 means no limit

	mu       sync.Mutex
	byID     map[string]*session
	byCaller map[string]*list.List // of *session, the last used in front
	dead     map[string]dead       // by operations.SessionDigest of the id
	endedBy  map[string]int        // how many of dead a caller of this process ended
}

// dead is an ended session.
type dead struct {
	until  time.Time // when its id dies by itself
	caller string    // who ended it, where that was here
	here   bool
}

// maxEnded is how many sessions that one caller ended are remembered at a time.
const maxEnded = 10_000

// keep and drop are called with mu held, which every change of byID needs.

func (t *sessions) keep(s *session) {
	if t.byID == nil {
		t.byID, t.byCaller = map[string]*session{}, map[string]*list.List{}
	}
	t.byID[s.id] = s
	of := t.byCaller[s.caller]
	if of == nil {
		of = list.New()
		t.byCaller[s.caller] = of
	}
	s.place = of.PushFront(s)
}

func (t *sessions) drop(s *session) {
	delete(t.byID, s.id)
	of := t.byCaller[s.caller]
	if of.Remove(s.place); of.Len() == 0 {
		delete(t.byCaller, s.caller)
	}
}

// surplus takes away the session that its caller has not used for longest, where
// one more would be too many: nil where there is room, or all are in use. Its id
// stays good, as an idle one's does.
func (t *sessions) surplus(caller string) *session {
	of := t.byCaller[caller]
	if of == nil || t.perCaller <= 0 || of.Len() < t.perCaller {
		return nil
	}
	for place := of.Back(); place != nil; place = place.Prev() {
		s := place.Value.(*session)
		s.mu.Lock()
		unused := s.under == 0
		s.mu.Unlock()
		if unused {
			t.drop(s)
			return s
		}
	}
	return nil
}

// use returns the session of an id that was checked, making one where this
// process has none; done ends the use. It reports false for an ended session.
func (t *sessions) use(id, caller string, who identity, now func() time.Time) (s *session, done func(), ok bool) {
	var surplus *session
	defer func() {
		if surplus != nil {
			surplus.close()
		}
	}()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.dead) > 0 {
		if _, ended := t.dead[operations.SessionDigest(id)]; ended {
			return nil, nil, false
		}
	}
	if s = t.byID[id]; s != nil {
		t.byCaller[s.caller].MoveToFront(s.place)
	} else {
		surplus = t.surplus(caller)
		s = newSession(id, caller, who)
		t.keep(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = now()
	s.under++
	return s, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used = now()
		s.under--
	}, true
}

func newSession(id, caller string, who identity) *session {
	s := &session{id: id, caller: caller, identity: who, level: mcp.LoggingLevelError}
	s.notifier = rpc.NewNotifier(s.tell)
	return s
}

// end ends a session and remembers that it did. It reports false where that
// would be more of the caller's than are remembered: the session lives on.
func (t *sessions) end(id, caller string, until time.Time) bool {
	t.mu.Lock()
	if t.endedBy[caller] >= maxEnded {
		t.mu.Unlock()
		return false
	}
	t.remember(operations.SessionDigest(id), dead{until, caller, true})
	s := t.byID[id]
	if s != nil {
		t.drop(s)
	}
	t.mu.Unlock()
	if s != nil {
		s.close()
	}
	return true
}

// remember and forget are called with mu held.

func (t *sessions) remember(digest string, d dead) {
	if t.dead == nil {
		t.dead, t.endedBy = map[string]dead{}, map[string]int{}
	}
	t.forget(digest)
	t.dead[digest] = d
	if d.here {
		t.endedBy[d.caller]++
	}
}

func (t *sessions) forget(digest string) {
	d, known := t.dead[digest]
	if !known {
		return
	}
	delete(t.dead, digest)
	if d.here {
		if t.endedBy[d.caller]--; t.endedBy[d.caller] == 0 {
			delete(t.endedBy, d.caller)
		}
	}
}

// endedElsewhere takes over which ids, as digests, other replicas ended, and
// until when each stays dead.
func (t *sessions) endedElsewhere(ended map[string]time.Time, now time.Time) {
	var gone []*session
	t.mu.Lock()
	fresh := map[string]bool{}
	for d, until := range ended {
		if _, known := t.dead[d]; !known && now.Before(until) {
			t.remember(d, dead{until: until})
			fresh[d] = true
		}
	}
	if len(fresh) > 0 {
		for id, s := range t.byID {
			if fresh[operations.SessionDigest(id)] {
				gone = append(gone, s)
				t.drop(s)
			}
		}
	}
	t.mu.Unlock()
	for _, s := range gone {
		s.close()
	}
}

// dropIdle forgets what is kept of sessions that nobody used since, whose ids
// stay good, and which sessions were ended whose ids have died by themselves.
// It returns how many sessions it forgot.
func (t *sessions) dropIdle(since, now time.Time) int {
	var idle []*session
	t.mu.Lock()
	for digest, d := range t.dead {
		if now.After(d.until) {
			t.forget(digest)
		}
	}
	for _, s := range t.byID {
		s.mu.Lock()
		if s.under == 0 && s.used.Before(since) {
			t.drop(s)
			idle = append(idle, s)
		}
		s.mu.Unlock()
	}
	t.mu.Unlock()
	for _, s := range idle {
		s.close()
	}
	return len(idle)
}

func (t *sessions) closeAll() {
	t.mu.Lock()
	all := t.byID
	t.byID, t.byCaller = nil, nil
	t.mu.Unlock()
	for _, s := range all {
		s.close()
	}
}

func (t *sessions) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// close ends what a session holds: its streams, and questions that wait.
func (s *session) close() {
	s.questions.Close()
	s.mu.Lock()
	s.ended = true
	streams := s.streams
	s.streams = nil
	cancels := s.cancels
	s.cancels = nil
	subscriptions := s.subscriptions
	s.mu.Unlock()
	if subscriptions != nil {
		subscriptions.Close()
	}
	for _, stream := range streams {
		stream.end()
	}
	for _, cancel := range cancels {
		cancel()
	}
	s.notifier.Finish()
}

// begin lets a request be cancelled by its id. It reports false where a request
// with the id is under way.
func (s *session) begin(id json.RawMessage, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancels == nil {
		s.cancels = map[string]context.CancelFunc{}
	}
	if s.cancels[string(id)] != nil {
		return false
	}
	s.cancels[string(id)] = cancel
	return true
}

func (s *session) finish(id json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cancels, string(id))
}

// cancel ends the context of the request that a notification names (MCP
// specification, "Cancellation"). One that is unknown or done is ignored.
func (s *session) cancel(params json.RawMessage) {
	var named struct {
		RequestID json.RawMessage `json:"requestId"`
	}
	if json.Unmarshal(params, &named) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancels[string(named.RequestID)]; cancel != nil {
		cancel()
	}
}

// subscribed are the subscriptions of the session, made for the caller of ctx
// where there are none yet; nil where the session has ended.
func (s *session) subscribed(ctx context.Context, watch rpc.Watch) *rpc.Subscriptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscriptions == nil && !s.ended {
		s.subscriptions = rpc.NewSubscriptions(context.WithoutCancel(ctx), watch, s.notifier.Tell)
	}
	return s.subscriptions
}

// attach makes a GET stream one of the session's. It reports false where the
// session has ended meanwhile.
func (s *session) attach(stream *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.streams = append(s.streams, stream)
	return true
}

// detach takes a stream away and returns how many are left.
func (s *session) detach(stream *stream) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, one := range s.streams {
		if one == stream {
			s.streams = append(s.streams[:i], s.streams[i+1:]...)
			break
		}
	}
	return len(s.streams)
}

// tell sends a notification that belongs to no request: on one stream alone, the
// newest that takes it (MCP specification 2025-11-25, "Multiple Connections").
// Without a stream it is lost, as the specification has it.
func (s *session) tell(n mcp.JSONRPCNotification) {
	encoded, err := json.Marshal(n)
	if err != nil {
		return
	}
	s.mu.Lock()
	streams := append([]*stream(nil), s.streams...)
	s.mu.Unlock()
	for i := len(streams) - 1; i >= 0; i-- {
		if streams[i].send(encoded) == nil {
			return
		}
	}
}

// A session is a client to the library for what belongs to no request. Within a
// request the client is its exchange.
var (
	_ server.ClientSession         = (*session)(nil)
	_ server.SessionWithLogging    = (*session)(nil)
	_ server.SessionWithClientInfo = (*session)(nil)
)

func (s *session) SessionID() string { return s.id }
func (s *session) Initialize()       {}
func (s *session) Initialized() bool { return true }

func (s *session) NotificationChannel() chan<- mcp.JSONRPCNotification { return s.notifier.Channel() }

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

func (s *session) SetClientInfo(mcp.Implementation) {} // its id says it

func (s *session) GetClientInfo() mcp.Implementation { return s.identity.client }

// SetClientCapabilities keeps what a client can be asked. What else it says of
// itself is of any size, and nobody needs it.
func (s *session) SetClientCapabilities(capabilities mcp.ClientCapabilities) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.capabilities = mcp.ClientCapabilities{Elicitation: capabilities.Elicitation, Sampling: capabilities.Sampling, Roots: capabilities.Roots}
}

func (s *session) GetClientCapabilities() mcp.ClientCapabilities {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.capabilities
}
