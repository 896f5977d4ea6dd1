package httpserver

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// stream is an open answer of server-sent events (WHATWG HTML, "Server-sent
// events"), one message an event. A client that does not read within
// writeTimeout has gone.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	ctx     context.Context // ends with the stream
	end     context.CancelFunc

	mu     sync.Mutex
	failed error
}

var errStreamEnded = errors.New("the stream has ended")

// openStream begins an answer of events, which lasts until ctx ends, somebody
// ends it, or the client cannot be written to. beat keeps proxies from taking it
// for dead; it stops with the stream.
func openStream(ctx context.Context, w http.ResponseWriter) *stream {
	s := &stream{w: w, control: http.NewResponseController(w)}
	s.ctx, s.end = context.WithCancel(ctx)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back otherwise
	w.WriteHeader(http.StatusOK)
	go s.beat()
	return s
}

func (s *stream) beat() {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if s.write([]byte(": alive\n\n")) != nil {
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// send sends one message.
func (s *stream) send(message []byte) error { return s.event("message", message) }

// event sends one event. Its data is a single line: JSON has none within, and
// where it was written with some between its tokens, they become spaces.
func (s *stream) event(name string, data []byte) error {
	b := make([]byte, 0, len(data)+len(name)+20)
	b = append(b, "event: "...)
	b = append(b, name...)
	b = append(b, "\ndata: "...)
	start := len(b)
	b = append(b, data...)
	if bytes.ContainsAny(data, "\r\n") {
		oneLine(b[start:])
	}
	return s.write(append(b, "\n\n"...))
}

// write sends text as it is. It fails where the stream has ended.
func (s *stream) write(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed != nil:
		return s.failed
	case s.ctx.Err() != nil:
		s.failed = errStreamEnded
		return s.failed
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails where there is no connection: in a test
	_, err := s.w.Write(text)
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		s.failed = err
		s.end()
	}
	return err
}

// close ends the stream, after which nothing is written: the handler may return.
func (s *stream) close() {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = errStreamEnded
	}
}

// oneLine turns line breaks into spaces. In JSON they stand between tokens only
// (RFC 8259, section 7).
func oneLine(text []byte) {
	for i, c := range text {
		if c == '\n' || c == '\r' {
			text[i] = ' '
		}
	}
}
