package httpserver

import (
	"context"
	"net/http"
	"time"
)

// readyTimeout is how long a look at what the server needs may take.
const readyTimeout = 5 * time.Second

// serveHealth says that the process lives. It checks nothing, so that nobody
// restarts a server whose database is away.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	text(w, http.StatusOK, "ok\n")
}

// serveReady says whether requests should be sent here. What is in the way is
// for the log: the answer is for everybody.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		text(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if s.o.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := s.o.Ready(ctx); err != nil {
			s.log.WarnContext(ctx, "not ready", "error", err)
			text(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
	}
	text(w, http.StatusOK, "ready\n")
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // who does not read it has gone
}
