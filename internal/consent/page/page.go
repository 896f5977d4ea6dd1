// Package page is where a person approves orders and terminations that wait for
// it, in a browser: what waits, the preview, a field to type the key number or
// product name in, and what happened. It works without JavaScript and on a
// phone.
//
// [Page] is an http.Handler for everything below its Base. In HTTP mode it is
// mounted beside the MCP endpoint; over stdio a [Loopback] opens a port for it
// while something waits.
//
// A visitor comes by a link to one operation ([Page.Link]). The link may be in
// the model's hands, so it opens nothing by itself: the visitor signs in with a
// secret that the model does not see. Signing in spends the link, in the ledger,
// so that it is spent on every replica; five wrong secrets spend it too. What
// follows is a session of 15 minutes in a cookie that is sealed, HttpOnly and
// SameSite=Strict. Every change is a POST from this page with a token of the
// session and operation (forms.go).
//
// An approval on this page is performed at once, by this process. The ledger's
// claim makes it happen once, whoever else performs it too.
package page

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// Operations is what the page uses of *operations.Service.
type Operations interface {
	Waiting(ctx context.Context) ([]operations.Operation, error)
	Get(ctx context.Context, id string) (*operations.Operation, error)
	Approve(ctx context.Context, id, text string) (*operations.Operation, error)
	ConfirmApproved(ctx context.Context, id string) (*operations.Result, error)
	Decline(ctx context.Context, id string) (*operations.Operation, error)
	UseLink(ctx context.Context, id string, n int) error
}

// Page is the approval page. Operations, SignIn and Key must be set before it
// serves, and nothing be changed after.
type Page struct {
	Operations Operations
	// Base is the path that the page lives under, without a slash at its end;
	// "/approvals" where it is empty.
	Base string
	// SignIn says who has the secret. It compares in constant time, and refuses
	// whoever may not approve.
	SignIn func(ctx context.Context, secret string) (who string, ok bool)
	// SecretName tells the visitor what to type to sign in.
	SecretName string
	// Proposer returns what the caller of a name may do now. What was approved is
	// performed here in place of the one who proposed it, and within what their
	// token allows. nil, or a nil caller, sets no bounds.
	Proposer func(name string) *callers.Caller
	// Key seals links, sessions and forms. Replicas share it.
	Key func(ctx context.Context) ([]byte, error)
	// Hosts are the values of the Host header that are served; none means any.
	// On loopback they keep a site from reaching the page by a name of its own
	// that resolves here (DNS rebinding).
	Hosts []string
	// Secure keeps the cookie to TLS where a proxy ends it; a request that came
	// over TLS has that by itself.
	Secure bool
	Now    func() time.Time // nil is time.Now

	mu    sync.Mutex
	wrong map[string]int // wrong secrets by link
}

const (
	sessionLife = 15 * time.Minute
	maxWrong    = 5
	cookieName  = "websoftsolus_approvals"
	// performFor is how long a visitor waits for the outcome of what was approved.
	// It goes on after that, and the page looks again.
	performFor = 15 * time.Second
)

func (p *Page) base() string {
	if p.Base == "" {
		return "/approvals"
	}
	return p.Base
}

func (p *Page) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// Link is the path of a one-time link to an operation that waits. It is the same
// until it is used, and then another.
func (p *Page) Link(ctx context.Context, o *operations.Operation) (string, error) {
	mac, err := p.linkSeal(ctx, o.ID, o.LinksUsed+1)
	if err != nil {
		return "", err
	}
	return p.base() + "/l/" + o.ID + "." + mac, nil
}

// ServeHTTP serves the page.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if len(p.Hosts) > 0 && !slices.Contains(p.Hosts, r.Host) {
		p.tell(w, http.StatusMisdirectedRequest, "Wrong address", "This page is not served under that name.")
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		p.tell(w, http.StatusForbidden, "Refused", "The request came from another site.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	path := strings.TrimPrefix(r.URL.Path, p.base())
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		h.Set("Allow", "GET, HEAD, POST")
		p.tell(w, http.StatusMethodNotAllowed, "Refused", "Only GET and POST are served here.")
	case kind == "" && r.Method != http.MethodPost:
		p.list(w, r)
	case kind == "l":
		p.link(w, r, rest)
	case kind == "o":
		p.operation(w, r, rest)
	default:
		p.tell(w, http.StatusNotFound, "Not found", "There is no such page.")
	}
}

// list shows what waits to a visitor who has signed in.
func (p *Page) list(w http.ResponseWriter, r *http.Request) {
	if p.session(r) == nil {
		p.notSignedIn(w)
		return
	}
	waiting, err := p.Operations.Waiting(r.Context())
	if err != nil {
		p.tell(w, http.StatusServiceUnavailable, "Not now", plainError(err))
		return
	}
	v := view{Title: "What waits for approval", Base: p.base()}
	for i := range waiting {
		v.Waiting = append(v.Waiting, summary(&waiting[i]))
	}
	p.render(w, http.StatusOK, "list", v)
}

func (p *Page) notSignedIn(w http.ResponseWriter) {
	p.tell(w, http.StatusForbidden, "Not signed in", "Open the link that the agent or the server gave you; the one you used may have expired.")
}

// link signs a visitor in.
func (p *Page) link(w http.ResponseWriter, r *http.Request, token string) {
	o := p.linked(r.Context(), token)
	if o == nil {
		p.tell(w, http.StatusGone, "This link leads nowhere any more", "It was used, its time is over, or somebody else decided. Ask the agent to try again for a new one.")
		return
	}
	v := view{Title: "Sign in to approve", Base: p.base(), Action: p.base() + "/l/" + token, SecretName: p.SecretName}
	if r.Method != http.MethodPost {
		p.render(w, http.StatusOK, "signin", v)
		return
	}
	who, ok := p.SignIn(r.Context(), strings.TrimSpace(r.PostFormValue("secret")))
	if !ok {
		if p.countWrong(token) < maxWrong {
			v.Message = "That is not right."
			p.render(w, http.StatusUnauthorized, "signin", v)
			return
		}
		_ = p.Operations.UseLink(r.Context(), o.ID, o.LinksUsed+1) // refused only where it leads nowhere already
		p.tell(w, http.StatusTooManyRequests, "This link is locked", "The wrong secret was typed too often. Ask the agent to try again for a new link.")
		return
	}
	if err := p.Operations.UseLink(r.Context(), o.ID, o.LinksUsed+1); err != nil {
		p.tell(w, http.StatusGone, "This link leads nowhere any more", plainError(err))
		return
	}
	if err := p.begin(w, r, who); err != nil {
		p.tell(w, http.StatusServiceUnavailable, "Not now", err.Error())
		return
	}
	http.Redirect(w, r, p.base()+"/o/"+o.ID, http.StatusSeeOther)
}

// linked returns the operation that a link leads to, nil for none.
func (p *Page) linked(ctx context.Context, token string) *operations.Operation {
	id, given, _ := strings.Cut(token, ".")
	o, err := p.Operations.Get(ctx, id)
	if err != nil || !o.Waiting(p.now()) {
		return nil
	}
	mac, err := p.linkSeal(ctx, o.ID, o.LinksUsed+1)
	if err != nil || !equal(mac, given) {
		return nil
	}
	return o
}

// countWrong counts a wrong secret and returns how many there were.
func (p *Page) countWrong(link string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wrong == nil || len(p.wrong) > 10_000 {
		p.wrong = map[string]int{}
	}
	p.wrong[link]++
	return p.wrong[link]
}

// operation shows one operation, and does what the visitor decides.
func (p *Page) operation(w http.ResponseWriter, r *http.Request, id string) {
	s := p.session(r)
	if s == nil {
		p.notSignedIn(w)
		return
	}
	ctx := operations.WithActor(r.Context(), operations.Actor{Transport: "page", Principal: s.Who})
	if r.Method == http.MethodPost {
		token, err := p.formSeal(ctx, s, id)
		if err != nil || !equal(token, r.PostFormValue("token")) {
			p.tell(w, http.StatusForbidden, "Refused", "The form is not one of this session. Open the page again.")
			return
		}
		if err := p.decide(ctx, id, r); err != nil {
			p.show(w, ctx, s, id, err)
			return
		}
		http.Redirect(w, r, p.base()+"/o/"+id, http.StatusSeeOther)
		return
	}
	p.show(w, ctx, s, id, nil)
}

// decide approves and performs the operation, or declines it. Its error is for
// the visitor: the decision was not made, or what was approved was refused.
func (p *Page) decide(ctx context.Context, id string, r *http.Request) error {
	switch r.PostFormValue("decision") {
	case "decline":
		_, err := p.Operations.Decline(ctx, id)
		return err
	case "approve":
		o, err := p.Operations.Approve(ctx, id, r.PostFormValue("typed"))
		if err != nil {
			return err
		}
		if p.Proposer != nil {
			if caller := p.Proposer(o.Actor.Principal); caller != nil {
				ctx = callers.With(ctx, caller)
			}
		}
		// Not the visitor's leaving, but time ends the waiting.
		waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), performFor)
		defer cancel()
		_, err = p.Operations.ConfirmApproved(waiting, id)
		var refusal *operations.Refusal
		if errors.As(err, &refusal) && refusal.Operation != nil && refusal.Operation.ID == id && !refusal.Operation.ClaimedAt.IsZero() {
			return nil // the operation tells what became of it
		}
		return err
	}
	return errors.New("choose one of the two buttons")
}

// show renders an operation as it stands, with what went wrong.
func (p *Page) show(w http.ResponseWriter, ctx context.Context, s *session, id string, wrong error) {
	o, err := p.Operations.Get(ctx, id)
	if err != nil || o.Way != operations.ByApproval {
		p.tell(w, http.StatusNotFound, "Not found", "There is no such operation here.")
		return
	}
	token, err := p.formSeal(ctx, s, id)
	if err != nil {
		p.tell(w, http.StatusServiceUnavailable, "Not now", err.Error())
		return
	}
	v := operationView(o, p.now())
	v.Base, v.Action, v.Token = p.base(), p.base()+"/o/"+o.ID, token
	status := http.StatusOK
	if wrong != nil {
		v.Message, status = plainError(wrong), http.StatusUnprocessableEntity
	}
	p.render(w, status, "operation", v)
}

// tell renders a page that holds one message.
func (p *Page) tell(w http.ResponseWriter, status int, title, message string) {
	p.render(w, status, "message", view{Title: title, Message: message, Base: p.base()})
}

// RandomKey returns a key for one process.
func RandomKey() func(context.Context) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return func(context.Context) ([]byte, error) { return key, nil }
}

func nonce() string {
	b := make([]byte, 16)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
