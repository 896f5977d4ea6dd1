package httpserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/stdio"
)

// HTTP with SSE (MCP specification 2024-11-05, "HTTP with SSE"): answers come on
// a stream, requests as POSTs that name it. A stream with its POSTs is a pair of
// streams as stdio has it, so package stdio serves it. It lives in the process
// that holds the stream: with several replicas a balancer has to keep a client
// on one of them, or the client has to use /mcp.

// sseSessions are the open streams by their ids.
type sseSessions struct {
	mu   sync.Mutex
	byID map[string]*sseSession
}

type sseSession struct {
	caller string
	in     *io.PipeWriter
}

func (t *sseSessions) add(id string, s *sseSession) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*sseSession{}
	}
	t.byID[id] = s
}

func (t *sseSessions) remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, id)
}

// of returns the caller's stream with the id; nil where there is none.
func (t *sseSessions) of(caller, id string) *sseSession {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byID[id]
	if s == nil || s.caller != caller {
		return nil
	}
	return s
}

func (t *sseSessions) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// serveSSE opens a stream and serves its client until it goes or the server
// stops.
func (s *Server) serveSSE(w http.ResponseWriter, r *http.Request, caller *callers.Caller) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "GET opens a stream; its first event names where to POST")
		return
	}
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
	id := rand.Text()
	in, posted := io.Pipe()
	s.sse.add(id, &sseSession{caller: callerName(caller), in: posted})
	defer s.sse.remove(id)
	defer in.CloseWithError(errStreamEnded)

	stream := openStream(r.Context(), w)
	defer stream.close()
	if stream.event("endpoint", []byte("/message?sessionId="+id)) != nil {
		return
	}
	// The client's going ends its calls; the server's stopping lets them finish.
	ctx := callContext(r.Context(), caller, "sse")
	until, cancel := joined(context.WithoutCancel(ctx), s.streams)
	defer cancel()
	defer context.AfterFunc(stream.ctx, cancel)()
	loop := stdio.Server{
		Answerer:  s.o.Answerer,
		Watch:     s.o.Watch,
		SessionID: "sse-" + id,
		Admit: func() (func(), bool) {
			return s.limits.begin(callerName(caller), s.o.CallsInFlight, calls)
		},
		MaxCalls: s.o.CallsInFlight,
		MaxLine:  int(s.o.MaxBody),
		Gone:     stream.ctx.Done(),
	}
	if err := loop.Serve(until, in, &sseWriter{stream}); err != nil {
		s.log.DebugContext(ctx, "a stream ended", "error", err)
	}
}

// sseWriter sends each line that is written as a message.
type sseWriter struct{ stream *stream }

func (w *sseWriter) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		if err := w.stream.send(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return 0, err
		}
	}
	return len(lines), nil
}

// serveMessage takes a message for a stream. It is answered there.
func (s *Server) serveMessage(w http.ResponseWriter, r *http.Request, caller *callers.Caller) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "POST a message here; GET /sse opens the stream for its answer")
		return
	}
	session := s.sse.of(callerName(caller), r.URL.Query().Get("sessionId"))
	if session == nil {
		refuse(w, http.StatusNotFound, "there is no such stream here: open one with GET /sse; behind a balancer use /mcp, or keep a client on one replica")
		return
	}
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	oneLine(body)
	if _, err := session.in.Write(append(body, '\n')); err != nil {
		refuse(w, http.StatusNotFound, "the stream has ended; nothing was done")
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
