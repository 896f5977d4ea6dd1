package websoftsolus

import (
	"errors"
	"net/http"
)

// refusal is the error of an answer that is not a 2xx. The status alone decides
// what it means; the body, which may be broken, has the words.
func (c *Client) refusal(r call, response *http.Response, body []byte, broken error, hops int, hide func([]byte) []byte) *Error {
	status := response.StatusCode
	e := &Error{Op: r.op, Kind: kindOf(status), Outcome: NotDone, Status: status, RetryAfter: c.retryAfter(response.Header), foreign: true}
	if r.write() && !definite(status) {
		e.Outcome = Unknown
	}
	if broken == nil {
		e.Digest = digest(body)
		body = hide(toUTF8(body, response.Header.Get("Content-Type")))
		e.Message, e.Fields = errorText(body)
		e.foreign = !ownWords(body)
	}
	switch {
	case hops > 0 && e.Kind == NotFound:
		// what is not there is where the redirect led, not the licence
		e.Kind, e.Err = Redirected, errors.New("the API redirected to what it does not have")
	case e.Kind == Redirected:
		e.Err = errors.New("the API answered with a redirect that is not followed")
	}
	return e
}

// A web server or framework that has no such path says so in its own words, as
// "404 page not found" and {"error":"Route not found"}.
var speaksOfPaths = compiled(`(?i)^404\b|\b(page|path|route|url|uri|endpoint|file|host|backend)\b`)

// ownWords says whether a 404's body may be the API's, which has nothing to show,
// and not that of a server which does not know the path.
func ownWords(body []byte) bool {
	text, _ := errorText(body)
	return !isHTML(body) && !speaksOfPaths().MatchString(text)
}

// definite says whether a status is a clear no. A 408 and a 499 come from a
// server or proxy that stopped waiting for something, perhaps for what it had
// already passed on; a redirect may follow upon the deed; a 5xx says nothing. A
// 425 comes from one that did not dare to begin (RFC 8470, section 5.2).
func definite(status int) bool {
	const clientClosedRequest = 499 // nginx
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != clientClosedRequest
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
