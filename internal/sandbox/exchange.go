package sandbox

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody is far more than any form of this API; what is larger is refused.
const maxBody = 1 << 20

// exchange is one request on its way to its answer.
type exchange struct {
	route      route
	form       Form
	unreadable *refusal // why the parameters could not be read; nil if they could
	token      string   // of the Authorization header; empty for none
	plan       plan
	request    *Request // the journal's entry, to be touched under the lock alone
}

// ServeHTTP answers a request to the API, or to the sandbox's control interface
// where that is on.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, nil)
}

// serve is ServeHTTP; closing, which may be nil, ends everything that waits.
func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request, closing <-chan struct{}) {
	if s.control != nil && strings.HasPrefix(r.URL.Path, controlPrefix) {
		s.control.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the client broke off: no request arrived
	}
	e, wait := s.arrive(r, body, err)
	pause(wait+e.plan.delayBefore, closing)
	var a answer
	if f := e.plan.instead; f == nil || f.After {
		outcome, dialect := s.act(e)
		a = dialect.answer(outcome)
		pause(e.plan.delayAfter, closing)
	} else {
		// What a fault shortens, lengthens or slows where nothing took effect.
		a = jsonAnswer(http.StatusOK, object{{"success", true}})
		pause(e.plan.delayAfter, closing)
	}
	if f := e.plan.instead; f != nil {
		s.misbehave(w, r, e, f, a, closing)
		return
	}
	s.answered(e, a.status)
	a.write(w, e.plan.slow, closing)
}

// arrive writes the request into the journal and decides what goes wrong with
// it. The time it returns is the latency.
func (s *Sandbox) arrive(r *http.Request, body []byte, readError error) (*exchange, time.Duration) {
	e := &exchange{route: s.route(r.Method, r.URL.EscapedPath()), token: bearerToken(r.Header.Get("Authorization"))}
	if e.form, e.unreadable = readForm(r, body); readError != nil {
		e.unreadable = &refusal{status: http.StatusRequestEntityTooLarge, code: "too_large", message: "the request is too large"}
	}
	e.request = &Request{
		Environment: e.route.environment,
		Endpoint:    e.route.endpoint,
		Method:      r.Method,
		Path:        r.URL.EscapedPath(),
		Family:      e.route.family,
		KeyNumber:   e.route.keyNumber,
		Form:        e.form.withoutSecret(),
		ContentType: r.Header.Get("Content-Type"),
		UserAgent:   r.UserAgent(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.request.Time = s.now()
	e.request.Bearer = s.bearer(s.environment(e.route.environment), e.token)
	e.plan, e.request.Faults = s.plan(r, e.route)
	s.journal.arrived(e.request)
	return e, s.drawn(s.latency)
}

// answered notes the status that is about to be sent.
func (s *Sandbox) answered(e *exchange, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.request.Status = status
}

// pause waits. A client that goes away does not shorten it, since it would not
// stop a real server either; the end of the sandbox does, without an effect.
func pause(d time.Duration, closing <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closing:
		panic(http.ErrAbortHandler)
	}
}

// write sends the answer, its body a tenth at a time where it is slow.
func (a answer) write(w http.ResponseWriter, slow time.Duration, closing <-chan struct{}) {
	a.writeHead(w)
	if slow <= 0 {
		io.WriteString(w, a.body)
		return
	}
	const parts = 10
	flush := http.NewResponseController(w)
	for i := range parts {
		from, to := len(a.body)*i/parts, len(a.body)*(i+1)/parts
		if _, err := io.WriteString(w, a.body[from:to]); err != nil {
			return // the client has gone
		}
		_ = flush.Flush() // a writer that cannot flush is no network connection
		pause(slow/parts, closing)
	}
}

func (a answer) writeHead(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	} else {
		w.Header()["Content-Type"] = nil // none, rather than a guess
	}
	w.WriteHeader(a.status)
}
