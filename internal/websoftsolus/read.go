package websoftsolus

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxAttempts   = 4
	firstBackoff  = 250 * time.Millisecond
	maxBackoff    = 4 * time.Second
	maxRetryAfter = 30 * time.Second // a longer wait is the caller's to make
	noRetryAfter  = 24 * time.Hour   // what a longer one is taken for
)

// read makes a request that may be repeated: a GET, or the one for a token. It
// is tried up to maxAttempts times on what may pass, and a clean 401 renews the
// token once.
func (c *Client) read(ctx context.Context, r call) (*answer, error) {
	base, err := c.configured(r.op)
	if err != nil {
		return nil, err
	}
	r.base = base
	renewed := false
	for number, failures := 1, 0; ; number++ {
		token := ""
		if !r.noToken {
			if token, err = c.bearer(ctx, r.op, readMargin); err != nil {
				return nil, err
			}
		}
		a, failed := c.attempt(ctx, r, token, number)
		if failed == nil {
			return a, nil
		}
		if failed.Status == http.StatusUnauthorized && !r.noToken && !renewed {
			renewed = true
			c.token.drop(token)
			continue
		}
		failures++
		if failures >= maxAttempts || !repeatable(failed) || ctx.Err() != nil {
			return nil, failed
		}
		wait := failed.RetryAfter
		if wait == 0 {
			wait = c.Jitter(min(firstBackoff<<(failures-1), maxBackoff))
		}
		if deadline, ok := ctx.Deadline(); wait > maxRetryAfter || ok && wait >= time.Until(deadline) {
			return nil, failed
		}
		if c.Sleep(ctx, wait) != nil {
			return nil, canceled(r.op, ctx)
		}
	}
}

// repeatable says whether a read may do better in a moment.
func repeatable(e *Error) bool {
	switch e.Kind {
	case RateLimited:
		return true
	case Network:
		var certificate *tls.CertificateVerificationError
		return !errors.As(e.Err, &certificate)
	case Unavailable:
		return e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	}
	return false
}

// retryAfter reads the header of that name, in seconds or a date (RFC 9110,
// section 10.2.3); 0 where there is none to go by.
func (c *Client) retryAfter(header http.Header) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds > int(noRetryAfter/time.Second) {
			return noRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(c.Now())), noRetryAfter)
	}
	return 0
}

// canceled is the failure of a request of which nothing was sent.
func canceled(op string, ctx context.Context) *Error {
	return &Error{Op: op, Kind: Canceled, Outcome: NotDone, Err: ctx.Err()}
}
