package sandbox

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// outcome is what a request came to, before a dialect gives it a shape. What it
// holds is a copy: nothing in it changes with the sandbox.
type outcome struct {
	endpoint Endpoint
	refused  *refusal
	token    *object
	licenses []License // the list; one for get and order
	products []Product
	location string // of a new licence
}

func (o outcome) key() string { return o.licenses[0].KeyNumber }

// act does what the request asks for, or refuses it. This is the one place where
// anything takes effect. The order of the checks is that of a web server with an
// API behind it: path, method, token, parameters, licence.
func (s *Sandbox) act(e *exchange) (outcome, Dialect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.plan.expireBefore {
		s.expireTokens()
	}
	o := s.do(e)
	o.endpoint = e.route.endpoint
	if e.plan.expireAfter {
		s.expireTokens()
	}
	return o, s.dialect
}

func (s *Sandbox) do(e *exchange) outcome {
	no := func(r *refusal) outcome { return outcome{refused: r} }
	env := s.environment(e.route.environment)
	switch {
	case e.route.allow != "":
		return no(&refusal{status: http.StatusMethodNotAllowed, code: "method_not_allowed", message: "this path takes " + e.route.allow, allow: e.route.allow})
	case e.route.endpoint == Unknown:
		return no(notFound("no such path"))
	case e.route.endpoint == Token:
		return s.answerToken(env, e)
	}
	switch s.bearer(env, e.token) {
	case NoBearer:
		return no(unauthorized("unauthorized", "an access token is required"))
	case ValidBearer:
	default:
		return no(unauthorized("invalid_token", "the access token is wrong or has expired"))
	}
	if e.unreadable != nil {
		return no(e.unreadable)
	}
	family, shelf := e.route.family, env.shelf(e.route.family)
	var r *record
	if e.route.keyNumber != "" {
		if r = shelf.byKey[e.route.keyNumber]; r == nil || r.Status == Terminated && s.dialect.terminatedIsGone() && e.route.endpoint != Get {
			return no(noLicense())
		}
	}
	if e.route.endpoint != Order {
		if refused := refuseFields(checkParameters(e.route.endpoint, e.form)); refused != nil {
			return no(refused)
		}
	}
	switch e.route.endpoint {
	case List:
		return outcome{licenses: s.listed(shelf)}
	case Get:
		l := r.seen(inGet, s.now())
		if l == nil || l.Status == Terminated && s.dialect.terminatedIsGone() {
			return no(noLicense())
		}
		return outcome{licenses: []License{*l}}
	case Versions:
		return outcome{products: s.catalogue[family]}
	case Order:
		if refused := refuseFields(s.checkOrder(family, e.form)); refused != nil {
			return no(refused)
		}
		return s.create(env, shelf, e)
	}
	if r.Status == Terminated {
		return no(&refusal{status: http.StatusConflict, code: "terminated", message: "the licence is terminated", application: true})
	}
	before := r.License
	if e.route.endpoint == Edit {
		values := e.form.values()
		r.Title, r.Comment = values.Get("title"), values.Get("comment")
	} else {
		r.Status = Terminated
	}
	s.took(e, r, &before)
	return outcome{licenses: []License{r.License}}
}

func noLicense() *refusal {
	r := notFound("no licence with this key number")
	r.application = true
	return r
}

func (d Dialect) terminatedIsGone() bool { return d.terminated == "" || d.terminated == "gone" }

// answerToken issues a token for the right login and secret.
func (s *Sandbox) answerToken(env *environment, e *exchange) outcome {
	if e.unreadable != nil {
		return outcome{refused: e.unreadable}
	}
	problems := checkParameters(Token, e.form)
	for _, f := range e.form {
		if f.Name == "secret" && f.InURL {
			return outcome{refused: &refusal{
				status: http.StatusBadRequest, code: "invalid_request", message: "a secret in a URL ends in access logs; send it in the body",
			}}
		}
	}
	if refused := refuseFields(problems); refused != nil {
		return outcome{refused: refused}
	}
	values := e.form.values()
	login := subtle.ConstantTimeCompare([]byte(values.Get("login")), []byte(s.login))
	secret := subtle.ConstantTimeCompare([]byte(values.Get("secret")), []byte(s.secret))
	if login&secret != 1 {
		return outcome{refused: unauthorized("invalid_client", "wrong login or secret")}
	}
	return outcome{token: &object{
		{"access_token", s.issue(env)},
		{"expires_in", int(s.lifetime / time.Second)},
		{"token_type", "Bearer"},
	}}
}

// listed is what a list shows now. A terminated licence stays in it where the
// dialect or a late effect says so.
func (s *Sandbox) listed(shelf *shelf) []License {
	now := s.now()
	licenses := make([]License, 0, len(shelf.records))
	for _, r := range shelf.records {
		l := &r.License
		if r.late != nil {
			l = r.seen(inList, now)
		}
		if l != nil && (l.Status != Terminated || s.dialect.terminated == "listed") {
			licenses = append(licenses, *l)
		}
	}
	return licenses
}

// create makes the licence of an order that passed the rules.
func (s *Sandbox) create(env *environment, shelf *shelf, e *exchange) outcome {
	l := env.ordered(e.route.family, e.form, s.now())
	l.Status = newStatus(s.dialect.order)
	r := shelf.put(l)
	s.took(e, r, nil)
	location := s.base
	if env.name == Test {
		location += "test/"
	}
	return outcome{
		licenses: []License{r.License},
		location: location + "license/" + string(e.route.family) + "/" + r.KeyNumber,
	}
}

// took writes an effect into the journal and hides it from reads where a fault
// makes it late.
func (s *Sandbox) took(e *exchange, r *record, before *License) {
	s.journal.effect(Effect{Kind: effectOf[e.route.endpoint], Time: s.now(), License: r.License, Before: before}, e.request)
	f := e.plan.late
	if f == nil {
		return
	}
	if r.late != nil { // still hidden from before: reads go on showing the oldest
		before = r.late.before
	}
	r.late = &late{before: before}
	until := time.Time{}
	if f.Delay.Max > 0 {
		until = s.now().Add(s.drawn(f.Delay))
	}
	if f.In != "get" {
		r.late.lists, r.late.listUntil = f.Reads, until
	}
	if f.In != "list" {
		r.late.gets, r.late.getUntil = f.Reads, until
	}
}

// bearer judges an Authorization header. The caller holds the lock.
func (s *Sandbox) bearer(env *environment, token string) Bearer {
	if token == "" {
		return NoBearer
	}
	ends, ok := env.tokens[token]
	switch {
	case !ok:
		return UnknownBearer
	case !s.now().Before(ends):
		return ExpiredBearer
	}
	return ValidBearer
}

// bearerToken returns the token of an Authorization header, which begins with
// the token_type that the API gave, in its spelling. A header of another kind
// stands for a token that was never issued.
func bearerToken(header string) string {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if header != "" && (!ok || token == "") {
		return "not a bearer token"
	}
	return token
}
