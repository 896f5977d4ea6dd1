package httpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"golang.org/x/sync/errgroup"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// Before 2026-07-28 a client shakes hands first, and its session id stands on
// every request after that.

const sessionHeader = "Mcp-Session-Id"

// A batch counts as one request to the limits, so it is short: maxBatch messages,
// of which batchAtATime run beside one another.
const (
	maxBatch     = 50
	batchAtATime = 8
)

// legacy answers a message of an older version.
func (s *Server) legacy(w http.ResponseWriter, r *http.Request, caller *callers.Caller, m rpc.Message, header string) {
	if m.Method == string(mcp.MethodInitialize) && m.Kind == rpc.Request {
		s.initialize(w, r, caller, m)
		return
	}
	session, done, ok := s.session(w, r, caller, header)
	if !ok {
		return
	}
	defer done()
	e := s.newExchange(callContext(r.Context(), caller, "http"), w, r, session)
	answer := s.within(e, session, m)
	if answer == nil {
		e.answer(http.StatusAccepted)
		return
	}
	e.answer(http.StatusOK, answer)
}

// initialize shakes hands and gives out a session id.
func (s *Server) initialize(w http.ResponseWriter, r *http.Request, caller *callers.Caller, m rpc.Message) {
	ctx := callContext(r.Context(), caller, "http")
	e := s.newExchange(ctx, w, r, nil)
	e.id = "initializing"
	answer := s.o.Answerer.Answer(s.o.Answerer.MCP.WithContext(ctx, e), m)
	if rpc.FaultCode(answer, m.ID) != 0 {
		e.answer(http.StatusBadRequest, answer)
		return
	}
	who := newIdentity(s.now(), e.version, e.client)
	id := s.newSessionID(ctx, callerName(caller), who)
	session, done, ok := s.sessions.use(id, callerName(caller), who, s.now)
	if ok {
		session.SetClientCapabilities(e.capabilities)
		done()
	}
	w.Header().Set(sessionHeader, id)
	e.answer(http.StatusOK, answer)
}

// session returns the session that a request names, or answers why there is
// none.
func (s *Server) session(w http.ResponseWriter, r *http.Request, caller *callers.Caller, header string) (*session, func(), bool) {
	if header != "" && !mcp.IsValidProtocolVersion(header) {
		refuse(w, http.StatusBadRequest, "the protocol version of the header "+mcp.HeaderProtocolVersion+" is not supported")
		return nil, nil, false
	}
	id := r.Header.Get(sessionHeader)
	if id == "" {
		refuse(w, http.StatusBadRequest, "the header "+sessionHeader+" is missing: send initialize first, and its session id with every request")
		return nil, nil, false
	}
	who, err := s.readSessionID(r.Context(), callerName(caller), id)
	if err == nil {
		if session, done, ok := s.sessions.use(id, callerName(caller), who, s.now); ok {
			return session, done, true
		}
	}
	refuse(w, http.StatusNotFound, "there is no such session any more; send initialize for a new one")
	return nil, nil, false
}

// within answers a message of a session; nil where it has no answer.
func (s *Server) within(e *exchange, session *session, m rpc.Message) []byte {
	switch {
	case m.Kind == rpc.Response:
		session.questions.Answered(m)
		return nil
	case m.Kind == rpc.Notification && m.Method == "notifications/cancelled":
		session.cancel(m.Params)
		return nil
	case m.Kind == rpc.Notification:
		s.o.Answerer.Answer(s.o.Answerer.MCP.WithContext(e.ctx, e), m)
		return nil
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	if !session.begin(m.ID, cancel) {
		return rpc.Refusal(m.ID, mcp.INVALID_REQUEST, "a request with this id is under way; nothing was done")
	}
	defer session.finish(m.ID)
	return s.o.Answerer.Answer(s.o.Answerer.MCP.WithContext(ctx, e), m)
}

// batch answers an array of messages, which the revision of 2025-03-26 has and
// no other (its section "Batching").
func (s *Server) batch(w http.ResponseWriter, r *http.Request, caller *callers.Caller, body []byte) {
	session, done, ok := s.session(w, r, caller, r.Header.Get(mcp.HeaderProtocolVersion))
	if !ok {
		return
	}
	defer done()
	if session.identity.version != "2025-03-26" {
		writeJSON(w, http.StatusBadRequest, rpc.Refusal(nil, mcp.INVALID_REQUEST, "batches belong to protocol version 2025-03-26; send one message at a time"))
		return
	}
	var messages []json.RawMessage
	if err := json.Unmarshal(body, &messages); err != nil {
		writeJSON(w, http.StatusBadRequest, parseRefusal(err))
		return
	}
	if len(messages) == 0 {
		writeJSON(w, http.StatusBadRequest, rpc.Refusal(nil, mcp.INVALID_REQUEST, "the batch is empty"))
		return
	}
	if len(messages) > maxBatch {
		writeJSON(w, http.StatusBadRequest, rpc.Refusal(nil, mcp.INVALID_REQUEST,
			fmt.Sprintf("the batch has %d messages, and at most %d are taken; nothing was done", len(messages), maxBatch)))
		return
	}
	e := s.newExchange(callContext(r.Context(), caller, "http"), w, r, session)
	answers := make([][]byte, len(messages))
	var group errgroup.Group
	group.SetLimit(batchAtATime)
	for i, raw := range messages {
		m, err := rpc.Parse(raw)
		switch {
		case err != nil:
			answers[i] = parseRefusal(err)
		case m.Method == string(mcp.MethodInitialize):
			answers[i] = rpc.Refusal(m.ID, mcp.INVALID_REQUEST, "initialize must not be part of a batch")
		default:
			group.Go(func() error {
				answers[i] = s.within(e, session, m)
				return nil
			})
		}
	}
	_ = group.Wait() // none fails
	var due [][]byte
	for _, answer := range answers {
		if answer != nil {
			due = append(due, answer)
		}
	}
	e.answerBatch(due)
}

// listen serves a stream for what belongs to no request, until the client goes,
// the session ends, or the server stops.
func (s *Server) listen(w http.ResponseWriter, r *http.Request, caller *callers.Caller) {
	if !accepts(r, "text/event-stream") {
		refuse(w, http.StatusNotAcceptable, "Accept must name text/event-stream")
		return
	}
	done, ok := s.limits.begin(callerName(caller), s.o.StreamsPerCaller, streams)
	if !ok {
		tooMany(w, time.Second, "this caller holds too many streams open")
		return
	}
	defer done()
	session, used, ok := s.session(w, r, caller, r.Header.Get(mcp.HeaderProtocolVersion))
	if !ok {
		return
	}
	defer used()
	ctx, cancel := joined(r.Context(), s.streams)
	defer cancel()
	stream := openStream(ctx, w)
	defer stream.close()
	if stream.write([]byte(": open\n\n")) != nil || !session.attach(stream) {
		return
	}
	s.register(session)
	<-stream.ctx.Done()
	if session.detach(stream) == 0 {
		s.unregister(session)
	}
}

// register lets broadcasts reach a session that has a stream.
func (s *Server) register(session *session) {
	session.mu.Lock()
	defer session.mu.Unlock()
	if !session.registered {
		session.registered = s.o.Answerer.MCP.RegisterSession(context.Background(), session) == nil
	}
}

func (s *Server) unregister(session *session) {
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.registered && len(session.streams) == 0 {
		s.o.Answerer.MCP.UnregisterSession(context.Background(), session.id)
		session.registered = false
	}
}

// endSession ends a session for good, on every replica.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request, caller *callers.Caller) {
	session, done, ok := s.session(w, r, caller, r.Header.Get(mcp.HeaderProtocolVersion))
	if !ok {
		return
	}
	done()
	until := session.identity.began.Add(sessionLife)
	if !s.sessions.end(session.id, callerName(caller), until) {
		tooMany(w, time.Hour, "this caller ended too many sessions, which are remembered for 7 days each")
		return
	}
	if s.o.EndSession != nil {
		if err := s.o.EndSession(r.Context(), session.id, until); err != nil {
			s.log.WarnContext(r.Context(), "a session was ended here alone; another replica may still accept it", "error", err)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// joined is a context that ends with either.
func joined(a, b context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(a)
	stop := context.AfterFunc(b, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// isBatch says whether a body is an array.
func isBatch(body []byte) bool {
	for _, c := range body {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == '['
		}
	}
	return false
}
