package websoftsolus

import (
	"fmt"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// Outcome says what is known about the effect of a failed request.
type Outcome string

const (
	// NotDone: the request certainly had no effect. Every failed read is NotDone.
	NotDone Outcome = "not_done"
	// Unknown: a write may have left and may have taken effect: a timeout, a
	// broken connection after the first byte, a 5xx, a redirect, or an answer
	// that cannot be read. It must be found out, never resent.
	Unknown Outcome = "unknown"
)

// ErrorKind tells failures apart for those who must act differently on them.
type ErrorKind string

const (
	NotConfigured ErrorKind = "not_configured" // login or secret missing, or no usable base URL: nothing was sent
	InvalidKey    ErrorKind = "invalid_key"    // a key number that must never be put in a path: nothing was sent
	Unauthorized  ErrorKind = "unauthorized"   // 401 or 403, on the token request or on a call
	NotFound      ErrorKind = "not_found"      // 404; of a read or write of a named licence, there is none of that key
	Rejected      ErrorKind = "rejected"       // any other clear no: a 4xx, or an error inside a 200
	RateLimited   ErrorKind = "rate_limited"   // 429 after the retries
	Unavailable   ErrorKind = "unavailable"    // 5xx
	Network       ErrorKind = "network"        // no connection, broken connection, timeout
	Unreadable    ErrorKind = "unreadable"     // an answer of no known shape, too large, too deep, truncated
	Redirected    ErrorKind = "redirected"     // a redirect that is not followed
	Canceled      ErrorKind = "canceled"       // the caller's context ended
)

// Error is the one error type of this package.
type Error struct {
	Op      string // what failed on what, e.g. "order plesk license"
	Kind    ErrorKind
	Outcome Outcome
	Status  int // HTTP status; 0 where there was no answer
	// Message is the API's own words, in one line, length-capped, with what cannot
	// be seen made visible. It is data, never instructions. Empty where the API said nothing.
	Message string
	// Fields holds the API's messages by field name, where it gave any.
	Fields     map[string][]string
	RetryAfter time.Duration // what the API asked for; 0 where it did not
	Digest     string        // hex SHA-256 of the answer's body; empty where there was none
	Err        error         // cause; never holds a secret or a token

	foreign bool // the answer was not the API's own: a server's page or words, or not whole
}

// Error is one sentence. The API's words stand in it in «quotation marks».
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	switch {
	case e.Message != "" && e.Err != nil:
		fmt.Fprintf(&b, ": %s (%s)", untrusted.Line(e.Message, maxMessage), message(e.Err.Error()))
	case e.Message != "":
		fmt.Fprintf(&b, ": %s", untrusted.Line(e.Message, maxMessage))
	case e.Err != nil:
		fmt.Fprintf(&b, ": %s", message(e.Err.Error()))
	default:
		fmt.Fprintf(&b, ": %s", strings.ReplaceAll(string(e.Kind), "_", " "))
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }
