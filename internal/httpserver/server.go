// Package httpserver serves many MCP clients on one listener:
//
//	POST, GET, DELETE /mcp   Streamable HTTP of 2025-03-26 to 2025-11-25, and of 2026-07-28
//	GET /sse, POST /message  HTTP with SSE of 2024-11-05, for older hosts
//	GET /healthz, /readyz    whether the process lives, and whether it can work
//
// and what [Options] adds to those. It is a front of its own over the library's
// HandleMessage, as package stdio is: the library's loses and misroutes
// notifications, and checks neither Origin nor size.
//
// [New] makes a Server, [Server.Serve] runs it. A request passes the guard
// (guard.go: Host, Origin, CORS, who calls, how much), then the handler of its
// path: mcp.go decides the era, legacy.go and modern.go answer, exchange.go is
// one request and what its handler says meanwhile, sse.go the older transport.
//
// What it promises: a notification goes to the stream of the request it belongs
// to, and before its answer. A session belongs to its caller; its id is sealed,
// so any replica with the same key accepts it (session_id.go), and what a replica
// keeps of a session is nothing that another would miss (sessions.go). A client
// that cannot be asked is never asked. When the server is told to stop, calls in
// flight are answered and none begins.
package httpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// Bounds on a client. They are generous for one that works and final for one
// that does not.
const (
	defaultMaxBody     = 8 << 20
	maxHeader          = 64 << 10
	headerTimeout      = 10 * time.Second
	bodyTimeout        = 30 * time.Second
	writeTimeout       = 30 * time.Second // of one write to a client that reads slowly
	idleTimeout        = 2 * time.Minute
	heartbeat          = 25 * time.Second // on streams, below the idle limit of common proxies
	defaultSessionIdle = 30 * time.Minute
)

// Options are what a Server is made of. Answerer must be set.
type Options struct {
	Answerer *rpc.Answerer

	// Watch lets clients subscribe to resources; nil lets them subscribe to none.
	Watch rpc.Watch

	// Hosts are the names, without port, under which clients may call; every
	// other Host is refused (DNS rebinding). Loopback names are always among them
	// on a request that came over loopback.
	Hosts []string
	// Origins are the web origins ("https://host:port") whose pages may call, and
	// for whom CORS is on. A page of the same origin as the server may always.
	Origins []string
	// RepairProtocolHeader takes the version in a request's _meta for the right
	// one where the header names an older one: a connector of a mainstream host
	// sends such.
	RepairProtocolHeader bool

	// Authenticate says who calls; nil lets everybody in. On failure it has
	// answered the request and returns false.
	Authenticate func(w http.ResponseWriter, r *http.Request) (*callers.Caller, bool)
	// Forbidden, if set, is asked before an authenticated caller's call of a tool,
	// and says how to answer it instead; nil lets it pass.
	Forbidden func(caller *callers.Caller, tool string) *callers.Error
	// Context, if set, adds to the context of every request that was let in.
	Context func(ctx context.Context, h http.Header) context.Context
	// RequestsPerSecond is how many requests one authenticated caller may make,
	// with bursts of twice that; 0 means no limit.
	RequestsPerSecond int
	// CallsInFlight is how many requests of one caller may be under way; 0 means
	// no limit.
	CallsInFlight int
	// StreamsPerCaller is how many streams one caller may hold open; 0 means no
	// limit.
	StreamsPerCaller int

	// Key returns the key that seals session ids, the same on every replica. Where
	// it is nil or fails, ids are good for this process alone.
	Key func(context.Context) ([]byte, error)
	// EndSession and EndedSessions share with the other replicas, and with the next
	// process, which sessions were ended by their client, and until when they have
	// to stay dead; nil keeps that in this process. EndedSessions names each by its operations.SessionDigest.
	EndSession    func(ctx context.Context, id string, until time.Time) error
	EndedSessions func(ctx context.Context) (map[string]time.Time, error)
	// Replicas says that a client's next request may reach another process. A
	// client of an older version is not asked then: its answer could not be
	// brought to who asked.
	Replicas bool
	// SessionIdle is how long what is kept of a session stays without use; 30
	// minutes where it is 0.
	SessionIdle time.Duration
	// SessionsPerCaller is of how many sessions of one caller anything is kept: of
	// more, those unused for longest are forgotten as if they were idle; 0 means no
	// limit.
	SessionsPerCaller int
	// Calmed is called once a wave of unused sessions has been dropped: it is the
	// moment to give memory back. nil does nothing.
	Calmed func()
	// MaxBody is how long a request may be, in bytes; 8 MiB where it is 0.
	MaxBody int64

	// Ready says what is in the way of working; nil is always ready.
	Ready func(context.Context) error
	// Routes are further handlers by their pattern, behind the checks of Host and
	// Origin, and not behind authentication.
	Routes map[string]http.Handler
	// Metrics is behind authentication where there is any; nil leaves it out.
	Metrics http.Handler

	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil logs nothing
}

// Server serves MCP over HTTP.
type Server struct {
	o        Options
	log      *slog.Logger
	now      func() time.Time
	handler  http.Handler
	hosts    map[string]bool
	origins  map[string]bool
	limits   limits
	seal     seal
	sessions sessions
	sse      sseSessions
	dropped  bool // sessions, in the round of housekeeping before

	// streams ends when the server is told to stop; requests do not.
	streams    context.Context
	endStreams context.CancelFunc
	stopping   atomic.Bool
	work       sync.WaitGroup
}

// New returns a Server that listens nowhere yet.
func New(o Options) *Server {
	s := &Server{o: o, log: o.Logger, now: o.Now, hosts: map[string]bool{}, origins: map[string]bool{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.o.MaxBody <= 0 {
		s.o.MaxBody = defaultMaxBody
	}
	if s.o.SessionIdle <= 0 {
		s.o.SessionIdle = defaultSessionIdle
	}
	for _, host := range o.Hosts {
		s.hosts[canonicalHost(host)] = true
	}
	for _, origin := range o.Origins {
		s.origins[canonicalOrigin(origin)] = true
	}
	s.sessions.perCaller = o.SessionsPerCaller
	rand.Read(s.seal.own[:]) // never fails
	s.streams, s.endStreams = context.WithCancel(context.Background())

	mux := http.NewServeMux()
	mux.Handle("/mcp", s.called(s.serveMCP))
	mux.Handle("/sse", s.called(s.serveSSE))
	mux.Handle("/message", s.called(s.serveMessage))
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.HandleFunc("GET /readyz", s.serveReady)
	if o.Metrics != nil {
		mux.Handle("GET /metrics", s.called(func(w http.ResponseWriter, r *http.Request, _ *callers.Caller) { o.Metrics.ServeHTTP(w, r) }))
	}
	for pattern, handler := range o.Routes {
		mux.Handle(pattern, s.guarded(handler))
	}
	s.handler = s.logged(mux)
	return s
}

// ServeHTTP answers one request. Over a listener of one's own the bounds on
// headers and idle connections are for who listens to set.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve serves the listener until ctx ends, and then until every request that
// was read is answered, for no longer than the timeout. Its error is that of
// listening, or says that requests were cut off.
func (s *Server) Serve(ctx context.Context, listener net.Listener, timeout time.Duration) error {
	web := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what clients get wrong below HTTP
	}
	s.work.Go(s.housekeeping)
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	var failed error
	select {
	case failed = <-served:
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return errors.Join(failed, s.shutdown(stop, web))
}

// shutdown lets nothing begin, has what runs answered, and ends streams.
func (s *Server) shutdown(ctx context.Context, web *http.Server) error {
	s.stopping.Store(true)
	s.endStreams()
	err := web.Shutdown(ctx)
	if err != nil {
		err = errors.Join(errors.New("requests in flight were cut off: the time to stop was over"), web.Close())
	}
	s.work.Wait()
	s.sessions.closeAll()
	return err
}

// housekeeping drops what is kept of idle sessions and callers, and learns which
// sessions other replicas ended.
func (s *Server) housekeeping() {
	s.tidy() // sessions may have been ended before this process began
	every := time.NewTicker(2 * time.Second)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			s.tidy()
		case <-s.streams.Done():
			return
		}
	}
}

// tidy is one round of housekeeping.
func (s *Server) tidy() {
	now := s.now()
	if dropped := s.sessions.dropIdle(now.Add(-s.o.SessionIdle), now); dropped > 0 {
		s.dropped = true
	} else if s.dropped && s.o.Calmed != nil {
		s.dropped = false
		s.o.Calmed()
	}
	s.limits.dropIdle()
	if s.o.EndedSessions == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.streams, 5*time.Second)
	defer cancel()
	ended, err := s.o.EndedSessions(ctx)
	if err != nil {
		if s.streams.Err() == nil {
			s.log.Debug("which sessions ended elsewhere could not be read", "error", err)
		}
		return
	}
	s.sessions.endedElsewhere(ended, now)
}

// Sessions returns how many sessions something is kept of.
func (s *Server) Sessions() int { return s.sessions.count() + s.sse.count() }
