package websoftsolus

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	standardLifetime = time.Hour        // API document: expires_in 3600
	readMargin       = 10 * time.Second // a read's token must live this long yet
	writeMargin      = 2 * time.Minute  // and a write's this long
)

// tokens holds the one token of a client. It does what x/oauth2's reusing source
// does, and three things that one cannot: a caller stops waiting when its own
// context ends, writes ask for a token that lives longer, and a token that the
// API no longer takes is dropped.
type tokens struct {
	mu      sync.Mutex
	header  string // "Bearer …"
	expires time.Time
	fetch   *fetch // under way; nil otherwise
}

type fetch struct {
	done   chan struct{}
	header string
	err    *Error
}

// drop forgets a token, unless it has been renewed meanwhile.
func (t *tokens) drop(header string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.header == header {
		t.header = ""
	}
}

// bearer returns an Authorization header that is good for the margin at least,
// or just fetched. Callers that come together share one request for a token; one
// that goes away frees itself and not the request.
func (c *Client) bearer(ctx context.Context, op string, margin time.Duration) (string, error) {
	t := &c.token
	t.mu.Lock()
	if t.header != "" && c.Now().Add(margin).Before(t.expires) {
		defer t.mu.Unlock()
		return t.header, nil
	}
	if ctx.Err() != nil {
		t.mu.Unlock()
		return "", canceled(op, ctx)
	}
	f := t.fetch
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		t.fetch = f
		go c.fetchToken(context.WithoutCancel(ctx), f)
	}
	t.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return "", canceled(op, ctx)
	}
	if f.err != nil {
		failed := *f.err
		failed.Op = op + ": " + failed.Op
		return "", &failed
	}
	return f.header, nil
}

const tokenOp = "get access token"

// fetchToken asks for a token (API document, "Get Access Token") and hands it to
// all who wait.
func (c *Client) fetchToken(ctx context.Context, f *fetch) {
	ctx, cancel := context.WithTimeout(ctx, 2*c.Timeout)
	defer cancel()
	begun := c.Now() // the token lives from some moment after this
	a, err := c.read(ctx, call{op: tokenOp, method: http.MethodPost, endpoint: "/access/token", path: "access/token",
		form: url.Values{"login": {c.Login}, "secret": {c.Secret}}, noToken: true})
	var lifetime time.Duration
	if err == nil {
		f.header, lifetime, err = decodeToken(a)
	}
	f.err = tokenError(err)
	t := &c.token
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fetch = nil
	if err == nil {
		t.header, t.expires = f.header, begun.Add(lifetime)
	}
	close(f.done)
}

// tokenError says what to check. It is never NotFound: a token that cannot be had
// says nothing of a licence.
func tokenError(err error) *Error {
	var failed *Error
	if !errors.As(err, &failed) {
		return nil
	}
	const credentials = "check WEBSOFTSOLUS_LOGIN and WEBSOFTSOLUS_SECRET, and that the API key belongs to this environment"
	failed.Outcome = NotDone
	switch failed.Kind {
	case Canceled: // the fetch has a time of its own
		failed.Kind, failed.Err = Network, errors.New("no access token in time")
	case NotFound:
		failed.Kind, failed.Err = Unreadable, errors.New("no access token is given out there; check WEBSOFTSOLUS_URL")
	case Rejected, Unauthorized:
		failed.Kind, failed.Err = Unauthorized, errors.New(credentials)
	}
	return failed
}

// decodeToken reads {"access_token","expires_in":3600,"token_type":"Bearer"}, flat
// or wrapped, and the header and lifetime that it means.
func decodeToken(a *answer) (header string, lifetime time.Duration, err error) {
	unreadable := &Error{Op: tokenOp, Kind: Unreadable, Outcome: NotDone, Status: a.status, Digest: a.digest,
		Err: errors.New("the answer is no access token; check WEBSOFTSOLUS_URL")}
	value, err := decodeJSON(a.body)
	if err != nil {
		return "", 0, unreadable
	}
	members, ok := value.(object)
	if !ok {
		return "", 0, unreadable
	}
	if !members.has("access_token") {
		if failed := errorInside(members); failed != nil {
			failed.Op, failed.Kind, failed.Status, failed.Digest = tokenOp, Unauthorized, a.status, a.digest
			return "", 0, failed
		}
		inner, _ := unwrap(members)
		if members, ok = inner.(object); !ok {
			return "", 0, unreadable
		}
	}
	token, kind := scalarKey(members.get("access_token")), scalarKey(members.get("token_type"))
	if kind == "" {
		kind = "Bearer"
	}
	if !visible(token) || !visible(kind) {
		return "", 0, unreadable
	}
	lifetime = standardLifetime
	if seconds, err := strconv.ParseFloat(scalarKey(members.get("expires_in")), 64); err == nil && seconds >= 1 && seconds < 1e9 {
		lifetime = time.Duration(seconds * float64(time.Second))
	}
	return kind + " " + token, lifetime, nil
}

// visible says whether a text may stand in a header as one word.
func visible(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
