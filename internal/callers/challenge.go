package callers

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The error codes of RFC 6750, section 3.1.
const (
	invalidRequest    = "invalid_request"
	invalidToken      = "invalid_token"
	insufficientScope = "insufficient_scope"
)

// realm names this server in a challenge: the scheme must be followed by at
// least one parameter (RFC 6750, section 3), and without an issuer there is no
// other.
const realm = "websoftsolus-mcp"

// Error is a request whose caller was not told, and how to answer it.
type Error struct {
	// Status is the HTTP status: 400 for a token sent in a way that is not
	// accepted, 401 for none or a wrong one, 403 for one without the scope, 503 for
	// one that could not be checked.
	Status int
	// Code is the error code of RFC 6750; empty where no token was sent, and where
	// it could not be checked.
	Code string
	// Message says what to change. It holds nothing of the token.
	Message string
	// Challenge is the value of WWW-Authenticate; empty for a 503.
	Challenge string
	// RetryAfter is when to try again, of a 503.
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// Answer answers a request with the error: status, headers and a JSON body
// {error, error_description}.
func (e *Error) Answer(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if e.Challenge != "" {
		h.Set("WWW-Authenticate", e.Challenge)
	}
	code := e.Code
	switch {
	case e.Status == http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
		code = "temporarily_unavailable"
	case code == "":
		code = "unauthorized"
	}
	w.WriteHeader(e.Status)
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": e.Message}) // strings always marshal
	_, _ = w.Write(append(body, '\n'))                                                        // a client that has gone misses it
}

// refuse builds an Error with its challenge. Scopes are those that were missing;
// a 401 names all, so that a client knows what it can ask the issuer for.
func (a *Authenticator) refuse(status int, code, message string, scopes ...Scope) *Error {
	parameters := []string{parameter("realm", realm)}
	if code != "" {
		parameters = append(parameters, parameter("error", code), parameter("error_description", message))
	}
	if a.oauth != nil {
		if status == http.StatusUnauthorized {
			scopes = Scopes
		}
		if len(scopes) > 0 {
			parameters = append(parameters, parameter("scope", scopeList(scopes)))
		}
		parameters = append(parameters, parameter("resource_metadata", a.oauth.metadataURL))
	}
	return &Error{Status: status, Code: code, Message: message, Challenge: "Bearer " + strings.Join(parameters, ", ")}
}

// InsufficientScope is the answer to a caller whose token lacks a scope for what
// it asks. The challenge names the scopes that the token has too, since the next
// one replaces it (MCP specification 2025-11-25, "Runtime Insufficient Scope
// Errors").
func (a *Authenticator) InsufficientScope(caller *Caller, missing Scope) *Error {
	var wanted []Scope
	for _, scope := range Scopes {
		if scope == missing || slices.Contains(caller.Scopes, scope) {
			wanted = append(wanted, scope)
		}
	}
	return a.refuse(http.StatusForbidden, insufficientScope, "the token needs the scope "+string(missing)+"; nothing was done", wanted...)
}

// parameter writes a quoted parameter of a challenge. RFC 6750 allows printable
// ASCII without quote and backslash; what else a message holds is replaced.
func parameter(name, value string) string {
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, value)
	return name + `="` + value + `"`
}

func scopeList(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, " ")
}
