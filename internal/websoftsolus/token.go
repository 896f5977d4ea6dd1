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

// tokens holds the one token of a client.
type tokens struct {
	mu      sync.Mutex
	header  string // "Bearer …"
	expires time.Time
	fetch   *fetch // under way; nil otherwise
}

type fetch struct {
	done   chan struct{}
	header string
	err    error
}

func (t *tokens) drop(header string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.header == header {
		t.header = ""
	}
}

// bearer returns an Authorization header that is good for the margin at least.
// Callers that come together share one request for a token; one that goes away
// frees itself and not the request.
func (c *Client) bearer(ctx context.Context, op string, margin time.Duration) (string, error) {
	c.start()
	if c.Login == "" || c.Secret == "" {
		return "", &Error{Op: op, Kind: NotConfigured, Outcome: NotDone, Err: errors.New("the API login or secret is not set")}
	}
	t := &c.token
	t.mu.Lock()
	if t.header != "" && c.Now().Add(margin).Before(t.expires) {
		defer t.mu.Unlock()
		return t.header, nil
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
		return "", &Error{Op: op, Kind: Canceled, Outcome: NotDone, Err: ctx.Err()}
	}
	if f.err != nil {
		var failed *Error
		if errors.As(f.err, &failed) {
			copied := *failed
			copied.Op = op + ": " + failed.Op
			return "", &copied
		}
		return "", f.err
	}
	return f.header, nil
}

func (c *Client) fetchToken(ctx context.Context, f *fetch) {
	ctx, cancel := context.WithTimeout(ctx, 2*c.Timeout)
	defer cancel()
	a, err := c.read(ctx, call{op: "get access token", method: http.MethodPost, endpoint: "/access/token", path: "access/token",
		form: url.Values{"login": {c.Login}, "secret": {c.Secret}}, noToken: true})
	var lifetime time.Duration
	if err == nil {
		f.header, lifetime, err = decodeToken(a)
	}
	if failed := (*Error)(nil); errors.As(err, &failed) {
		if failed.Kind == Rejected {
			failed.Kind = Unauthorized
		}
		// an API that repeats what it was sent must not put the secret into a message
		failed.Message = strings.ReplaceAll(failed.Message, c.Secret, "…")
		for name := range failed.Fields {
			for i, text := range failed.Fields[name] {
				failed.Fields[name][i] = strings.ReplaceAll(text, c.Secret, "…")
			}
		}
	}
	f.err = err
	t := &c.token
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fetch = nil
	if err == nil {
		t.header, t.expires = f.header, c.Now().Add(lifetime)
	}
	close(f.done)
}

func decodeToken(a *answer) (header string, lifetime time.Duration, err error) {
	unreadable := &Error{Op: "get access token", Kind: Unreadable, Outcome: NotDone, Status: a.status, Digest: a.digest, Err: errors.New("the answer is no access token")}
	value, err := decodeJSON(a.body)
	if err != nil {
		return "", 0, unreadable
	}
	members, ok := value.(object)
	if !ok {
		return "", 0, unreadable
	}
	if inner, wrapped := members.only().(object); wrapped {
		members = inner
	}
	token := scalar(members.get("access_token"))
	if token == "" {
		if failed := errorInside(value); failed != nil {
			failed.Op, failed.Kind, failed.Outcome, failed.Status, failed.Digest = "get access token", Unauthorized, NotDone, a.status, a.digest
			return "", 0, failed
		}
		return "", 0, unreadable
	}
	kind := scalar(members.get("token_type"))
	if kind == "" {
		kind = "Bearer"
	}
	if strings.ContainsAny(token+kind, " \r\n\t") {
		return "", 0, unreadable
	}
	lifetime = standardLifetime
	if seconds, err := strconv.ParseFloat(scalar(members.get("expires_in")), 64); err == nil && seconds > 0 && seconds < 1e9 {
		lifetime = time.Duration(seconds * float64(time.Second))
	}
	return kind + " " + token, lifetime, nil
}
