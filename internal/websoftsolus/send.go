package websoftsolus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const maxRedirects = 3 // of a read

var (
	errTooLarge  = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
	errBrokenOff = errors.New("the answer broke off")
)

// write makes a request that must not be repeated. The token is made fresh
// first, so that a 401 is an answer and not a matter of time.
func (c *Client) write(ctx context.Context, r call) (*answer, error) {
	base, err := c.configured(r.op)
	if err != nil {
		return nil, err
	}
	r.base = base
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

// attempt waits for a turn, sends one request once and reads its answer whole.
// An answer that is not a 2xx is an error.
func (c *Client) attempt(ctx context.Context, r call, token string, number int) (*answer, *Error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // also where a slot came at the same time
		return nil, canceled(r.op, ctx)
	}
	begun := time.Now()
	a, failed := c.exchange(ctx, r, token)
	if c.Observe != nil {
		observed := Attempt{Method: r.method, Endpoint: r.endpoint, Number: number, Took: time.Since(begun)}
		if failed != nil {
			observed.Status, observed.Kind = failed.Status, failed.Kind
		} else {
			observed.Status = a.status
		}
		c.Observe(ctx, observed)
	}
	return a, failed
}

// departure knows whether any of a request may have left. A transport asks for a
// connection, gets one, and only then writes. What fails between was never sent;
// of a transport that reports nothing, nothing is known.
type departure struct{ asked, got atomic.Bool }

func (d *departure) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { d.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.got.Store(true) },
	})
}

func (d *departure) possible() bool { return d.got.Load() || !d.asked.Load() }

func (c *Client) exchange(caller context.Context, r call, token string) (*answer, *Error) {
	ctx, cancel := context.WithTimeout(caller, c.Timeout)
	defer cancel()
	var left departure
	broken := func(status int, kind ErrorKind, err error) *Error {
		e := &Error{Op: r.op, Kind: kind, Outcome: NotDone, Status: status, Err: err}
		if r.write() && left.possible() {
			e.Outcome = Unknown
		}
		if caller.Err() != nil {
			e.Kind, e.Err = Canceled, caller.Err()
		}
		return e
	}
	hide := blotter(c.Secret, token)
	request, err := c.request(left.trace(ctx), r, token)
	if err != nil {
		return nil, &Error{Op: r.op, Kind: NotConfigured, Outcome: NotDone, Err: errors.New("the request cannot be built")}
	}
	response, hops, err := c.follow(r, request)
	if err != nil {
		return nil, broken(0, Network, inWords(err, hide))
	}
	defer response.Body.Close()
	status := response.StatusCode
	body, err := readBody(response)
	if status < 200 || status > 299 {
		return nil, c.refusal(r, response, body, err, hops, hide)
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, broken(status, Unreadable, err)
	case err != nil, !r.write() && cutOff(response, body):
		return nil, broken(status, Network, errBrokenOff)
	}
	a := &answer{status: status, header: response.Header, digest: digest(body)}
	a.body = hide(toUTF8(body, response.Header.Get("Content-Type")))
	return a, nil
}

// request builds the request. A write has a body even if it is empty, and one
// that cannot be read a second time: net/http repeats a request without a body
// by itself, over HTTP/2 even one that the server may have acted on.
func (c *Client) request(ctx context.Context, r call, token string) (*http.Request, error) {
	var body io.Reader
	encoded := r.form.Encode()
	if r.method != http.MethodGet {
		body = io.NopCloser(strings.NewReader(encoded))
	}
	request, err := http.NewRequestWithContext(ctx, r.method, r.base+r.path, body)
	if err != nil {
		return nil, err
	}
	if r.form != nil {
		request.ContentLength = int64(len(encoded))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.UserAgent)
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	return request, nil
}

// follow sends the request, and a read on to where the same server redirects it.
func (c *Client) follow(r call, request *http.Request) (response *http.Response, hops int, err error) {
	for ; ; hops++ {
		response, err = c.http.Do(request)
		if err != nil {
			return nil, hops, err
		}
		next := redirect(r, request.URL, response)
		if next == nil || hops == maxRedirects {
			return response, hops, nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
		response.Body.Close()
		request = request.Clone(request.Context())
		request.URL, request.Host = next, ""
	}
}

// redirect returns where a redirect of a GET leads, if that is the same server;
// nil for every other answer.
func redirect(r call, from *url.URL, response *http.Response) *url.URL {
	if r.method != http.MethodGet {
		return nil
	}
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	to, err := response.Location()
	if err != nil || to.User != nil || to.Scheme != from.Scheme || !strings.EqualFold(to.Hostname(), from.Hostname()) || port(to) != port(from) {
		return nil
	}
	return to
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func readBody(response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errTooLarge
	}
	return body, err
}

// cutOff says whether a read's answer ended before its JSON did, on a connection
// whose end is all that marks the end of the answer.
func cutOff(response *http.Response, body []byte) bool {
	if response.ContentLength >= 0 || response.ProtoMajor != 1 || len(response.TransferEncoding) > 0 || response.Uncompressed {
		return false
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 || !bytes.ContainsAny(body[:1], "{[") || json.Valid(body) {
		return false
	}
	_, err := decodeJSON(body)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
