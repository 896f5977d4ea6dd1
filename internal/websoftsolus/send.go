package websoftsolus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// errRedirect and the like are causes that a person is shown.
var (
	errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
)

// read makes a request that may be repeated: a GET, or the one for a token. It
// is tried up to maxAttempts times on what may pass, and a clean 401 renews the
// token once.
func (c *Client) read(ctx context.Context, r call) (*answer, error) {
	renewed := false
	for attempt := 1; ; attempt++ {
		token := ""
		if !r.noToken {
			var err error
			if token, err = c.bearer(ctx, r.op, readMargin); err != nil {
				return nil, err
			}
		}
		a, err := c.attempt(ctx, r, token, attempt)
		if err == nil {
			return a, nil
		}
		if err.Kind == Unauthorized && err.Status == http.StatusUnauthorized && !r.noToken && !renewed {
			renewed = true
			c.token.drop(token)
			attempt--
			continue
		}
		if attempt >= maxAttempts || !repeatable(err) || ctx.Err() != nil {
			return nil, err
		}
		wait := c.backoff(attempt)
		if err.RetryAfter > 0 {
			wait = err.RetryAfter
		}
		if deadline, ok := ctx.Deadline(); wait > maxRetryAfter || ok && c.Now().Add(wait).After(deadline) {
			return nil, err
		}
		if c.Sleep(ctx, wait) != nil {
			return nil, &Error{Op: r.op, Kind: Canceled, Outcome: NotDone, Err: ctx.Err()}
		}
	}
}

// backoff is full jitter over a doubling span (AWS Architecture Blog,
// "Exponential Backoff And Jitter").
func (c *Client) backoff(attempt int) time.Duration {
	return c.Jitter(min(firstBackoff<<(attempt-1), maxBackoff)) + time.Millisecond
}

// repeatable says whether a read may do better in a moment.
func repeatable(e *Error) bool {
	switch e.Kind {
	case RateLimited, Network:
		return true
	case Unavailable:
		return e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	}
	return false
}

// write makes a request that must not be repeated. The token is made fresh
// first, so that a 401 is an answer and not a matter of time.
func (c *Client) write(ctx context.Context, r call) (*answer, error) {
	token, err := c.bearer(ctx, r.op, writeMargin)
	if err != nil {
		return nil, err
	}
	a, failed := c.attempt(ctx, r, token, 1)
	if failed != nil {
		if failed.Status == http.StatusUnauthorized {
			c.token.drop(token)
		}
		return nil, failed
	}
	return a, nil
}

// attempt sends one request once and reads its answer whole. An answer that is
// not a 2xx is an error.
func (c *Client) attempt(ctx context.Context, r call, token string, number int) (*answer, *Error) {
	c.start()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, &Error{Op: r.op, Kind: Canceled, Outcome: NotDone, Err: ctx.Err()}
	}
	begun := time.Now()
	a, status, err := c.exchange(ctx, r, token)
	if c.Observe != nil {
		observed := Attempt{Method: r.method, Endpoint: r.endpoint, Number: number, Status: status, Took: time.Since(begun)}
		if err != nil {
			observed.Kind = err.Kind
		}
		c.Observe(observed)
	}
	return a, err
}

func (c *Client) exchange(caller context.Context, r call, token string) (_ *answer, status int, failed *Error) {
	ctx, cancel := context.WithTimeout(caller, c.Timeout)
	defer cancel()
	var left atomic.Bool // whether any of the request may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { left.Store(true) },
	})
	fail := func(kind ErrorKind, err error) *Error {
		e := &Error{Op: r.op, Kind: kind, Outcome: NotDone, Status: status, Err: err}
		if r.write() && left.Load() {
			e.Outcome = Unknown
		}
		if caller.Err() != nil {
			e.Kind, e.Err = Canceled, caller.Err()
		}
		return e
	}
	request, err := c.request(ctx, r, token)
	if err != nil {
		return nil, 0, fail(Network, err)
	}
	hops := 0
	var response *http.Response
	for {
		response, err = c.http.Do(request)
		if err != nil {
			return nil, 0, fail(Network, withoutURL(err))
		}
		status = response.StatusCode
		next := followable(r, request.URL, response)
		if next == nil || hops == 3 {
			break
		}
		hops++
		drain(response.Body)
		request = request.Clone(ctx)
		request.URL, request.Host = next, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, status, fail(Network, fmt.Errorf("the answer broke off: %w", withoutURL(err)))
	}
	if len(body) > maxBody {
		return nil, status, fail(Unreadable, errTooLarge)
	}
	sum := sha256.Sum256(body)
	a := &answer{status: status, header: response.Header, digest: hex.EncodeToString(sum[:]), body: toUTF8(body, response.Header.Get("Content-Type"))}
	if status >= 200 && status < 300 {
		return a, status, nil
	}
	e := fail(Rejected, nil)
	e.Kind, e.Digest = kindOf(status), a.digest
	e.Message, e.Fields = errorText(a.body)
	e.RetryAfter = c.retryAfter(response.Header)
	e.page = isHTML(a.body)
	if definite(status) {
		e.Outcome = NotDone
	}
	if e.Kind == Redirected {
		e.Err = errors.New("the API answered with a redirect that is not followed")
	}
	return nil, status, e
}

// definite says whether a status is a clear no. A 408 and a 499 come from a
// server or proxy that stopped waiting for something, perhaps for what it had
// already passed on; a redirect may follow upon the deed; a 5xx says nothing.
func definite(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != 499
}

func kindOf(status int) ErrorKind {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Unauthorized
	case status == http.StatusNotFound:
		return NotFound
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status >= 500:
		return Unavailable
	case status >= 400:
		return Rejected
	default:
		return Redirected
	}
}

// request builds the request. A write's body cannot be read a second time, so
// net/http cannot send it a second time either.
func (c *Client) request(ctx context.Context, r call, token string) (*http.Request, error) {
	base, err := ParseBaseURL(c.BaseURL)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if r.form != nil {
		body = io.NopCloser(strings.NewReader(r.form.Encode()))
	}
	request, err := http.NewRequestWithContext(ctx, r.method, base+r.path, body)
	if err != nil {
		return nil, errors.New("the request cannot be built")
	}
	if r.form != nil {
		request.ContentLength = int64(len(r.form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.UserAgent)
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	return request, nil
}

// followable returns where a redirect of a GET leads, if that is the same
// server; nil for every other answer.
func followable(r call, from *url.URL, response *http.Response) *url.URL {
	if r.method != http.MethodGet || response.StatusCode < 300 || response.StatusCode >= 400 {
		return nil
	}
	to, err := response.Location()
	if err != nil || to.Scheme != from.Scheme || !strings.EqualFold(to.Host, from.Host) || to.User != nil {
		return nil
	}
	return to
}

func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, 64<<10))
	body.Close()
}

// withoutURL drops the URL that net/http puts around an error: it is long, and
// says nothing that the operation does not.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return errors.New("no answer in time")
		}
		return wrapped.Err
	}
	return err
}

func (c *Client) retryAfter(header http.Header) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 86400)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(c.Now()))
	}
	return 0
}
