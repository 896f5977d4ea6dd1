package sandbox

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultOversize = 9 << 20 // more than the 8 MiB that the client reads
	defaultDepth    = 100_000
	maintenance     = "the service is being maintained"
)

// misbehave does what a fault puts in the place of the answer a. When the fault
// strikes before the effect, a is a plain success that nothing stands behind.
func (s *Sandbox) misbehave(w http.ResponseWriter, r *http.Request, e *exchange, f *Fault, a answer, closing <-chan struct{}) {
	send := func(a answer) {
		s.answered(e, a.status)
		a.write(w, e.plan.slow, closing)
	}
	switch f.Kind {
	case Status:
		send(s.failure(f))
	case HTML:
		send(answer{status: http.StatusOK, contentType: htmlType, body: page(http.StatusServiceUnavailable, maintenance)})
	case Redirect:
		to := f.To
		if to == "" {
			to = r.URL.RequestURI()
		}
		send(answer{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {to}}})
	case Drop, Reset:
		breakOff(w, f.Kind == Reset)
	case Hang:
		select {
		case <-r.Context().Done():
		case <-closing:
		}
		panic(http.ErrAbortHandler)
	case Truncated:
		s.answered(e, a.status)
		if a.body == "" { // an answer without a body has none to break in
			a.status, a.body = http.StatusOK, "{}"
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		a.writeHead(w)
		io.WriteString(w, a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush() // nothing to do for a writer that cannot
		panic(http.ErrAbortHandler)
	case Cut:
		a.body = a.body[:len(a.body)/2]
		send(a)
	case Oversized:
		s.answered(e, bodied(a.status))
		a.status = bodied(a.status)
		a.writeHead(w)
		io.WriteString(w, a.body)
		writeSpaces(w, orDefault(f.Size, defaultOversize)-len(a.body))
	case Deep:
		depth := orDefault(f.Size, defaultDepth)
		send(answer{status: http.StatusOK, contentType: jsonType, body: strings.Repeat("[", depth) + strings.Repeat("]", depth)})
	case Garbled:
		if connection := hijack(w); connection != nil {
			defer connection.Close()
			fmt.Fprint(connection, "ERR upstream gone\r\n\r\n") // a client that has gone needs no answer
		}
	}
}

// failure is the answer of a Status fault. One below 400 carries a plain
// success, or nothing where the body is to be empty.
func (s *Sandbox) failure(f *Fault) answer {
	s.mu.Lock()
	d := s.dialect
	s.mu.Unlock()
	if f.Body != "" {
		d.errors = f.Body
	}
	r := &refusal{status: orDefault(f.Status, http.StatusServiceUnavailable), message: maintenance}
	r.code = strings.ReplaceAll(strings.ToLower(http.StatusText(r.status)), " ", "_")
	if f.RetryAfter > 0 {
		r.retryAfter = strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds())))
	}
	if r.status == http.StatusMethodNotAllowed {
		r.allow = http.MethodGet
	}
	a := d.answer(outcome{refused: r})
	if r.status < http.StatusBadRequest && f.Body == "" {
		a.contentType, a.body = jsonType, `{"success":true}`
	}
	if r.status == http.StatusNoContent || r.status == http.StatusNotModified {
		a.contentType, a.body = "", ""
	}
	return a
}

// bodied is the status, 200 where it allows no body.
func bodied(status int) int {
	if status == http.StatusNoContent {
		return http.StatusOK
	}
	return status
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

func writeSpaces(w io.Writer, n int) {
	spaces := strings.Repeat(" ", 64<<10)
	for n > 0 {
		written, err := io.WriteString(w, spaces[:min(n, len(spaces))])
		if err != nil {
			return // the client has read enough
		}
		n -= written
	}
}

// hijack takes the connection over, nil where there is none to take.
func hijack(w http.ResponseWriter) net.Conn {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	_ = connection.SetDeadline(time.Now().Add(time.Second)) // a dead client must hold nothing up
	return connection
}

// breakOff ends the connection without an answer, with a TCP reset if asked.
func breakOff(w http.ResponseWriter, reset bool) {
	connection := hijack(w)
	if connection == nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // without it this is a plain close, which breaks the answer too
	}
	connection.Close()
}
