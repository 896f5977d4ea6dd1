package httpserver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/logging"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// logged gives every request an id, which its log lines and its answer carry,
// and logs it when it is done: never its query, which may hold a session id.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:16]
		w.Header().Set("X-Request-Id", id)
		ctx := logging.With(r.Context(), slog.String("request", id))
		if !s.log.Enabled(ctx, slog.LevelDebug) {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		start := s.now()
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r.WithContext(ctx))
		s.log.DebugContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "status", status.status, "took", s.now().Sub(start))
	})
}

// statusWriter remembers the status that was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// guarded lets a request pass that comes to one of our names, from no web page
// or from one that may.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hostAllowed(r) {
			refuse(w, http.StatusForbidden, "this server does not answer to the host name of the request; name it with --allowed-hosts or --public-url")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if !s.originAllowed(origin, r.Host) {
				refuse(w, http.StatusForbidden, "pages of this origin may not call; name it with --allowed-origins")
				return
			}
			if s.origins[canonicalOrigin(origin)] {
				cors(w.Header(), origin)
				if r.Method == http.MethodOptions {
					w.WriteHeader(http.StatusNoContent)
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// called is guarded, and knows who calls.
func (s *Server) called(next func(http.ResponseWriter, *http.Request, *callers.Caller)) http.Handler {
	return s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, "the server is stopping; nothing was done")
			return
		}
		var caller *callers.Caller
		if s.o.Authenticate != nil {
			var ok bool
			if caller, ok = s.o.Authenticate(w, r); !ok {
				return
			}
			if wait, ok := s.limits.take(caller.Name, s.o.RequestsPerSecond, s.now()); !ok {
				tooMany(w, wait, "this caller makes too many requests")
				return
			}
		}
		if s.o.Context != nil {
			r = r.WithContext(s.o.Context(r.Context(), r.Header))
		}
		next(w, r, caller)
	}))
}

// callContext is the context of what a request asks for: who asks, and how.
func callContext(ctx context.Context, caller *callers.Caller, transport string) context.Context {
	actor := operations.Actor{Transport: transport}
	if caller != nil {
		actor.Principal = caller.Name
		ctx = callers.With(ctx, caller)
		ctx = logging.With(ctx, slog.String("caller", caller.Name))
	}
	return operations.WithActor(ctx, actor)
}

func callerName(caller *callers.Caller) string {
	if caller == nil {
		return ""
	}
	return caller.Name
}

// hostAllowed checks the Host header (DNS rebinding: a page whose name was
// pointed at this machine sends its own name).
func (s *Server) hostAllowed(r *http.Request) bool {
	host := canonicalHost(r.Host)
	if s.hosts[host] {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	if address, ok := local.(*net.TCPAddr); ok {
		if address.IP.IsLoopback() {
			return websoftsolus.IsLoopback(host)
		}
		// Over an address of its own the listener was named by that address alone:
		// there is no name that could have been rebound.
		ip := net.ParseIP(host)
		return ip != nil && ip.Equal(address.IP)
	}
	return false
}

// canonicalHost is a host in lower case, without port, brackets and final dot.
func canonicalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func (s *Server) originAllowed(origin, host string) bool {
	canonical := canonicalOrigin(origin)
	if s.origins[canonical] {
		return true
	}
	parsed, err := url.Parse(origin)
	// The scheme is not compared: TLS may end in front of this server.
	return err == nil && parsed.Host != "" && strings.EqualFold(parsed.Host, host)
}

func canonicalOrigin(origin string) string {
	return strings.ToLower(strings.TrimSuffix(origin, "/"))
}

func cors(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID")
	h.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate, X-Request-Id")
	h.Set("Access-Control-Max-Age", "600")
}

// refuse answers with a status and one sentence.
func refuse(w http.ResponseWriter, status int, reason string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // fails where there is no connection: in a test
	w.WriteHeader(status)
	_, _ = w.Write([]byte(reason + "\n")) // who does not read it has gone
}
