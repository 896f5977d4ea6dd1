package callers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Options are what an Authenticator is made of. Without a tokens file and an
// issuer it lets nobody in.
type Options struct {
	TokensFile string
	// Issuer is the OAuth issuer whose access tokens are accepted, and Audience
	// what they must be for.
	Issuer   string
	Audience string
	// Resource is the URL of the MCP endpoint as clients know it; empty where
	// nobody said, and then answers do not say where the metadata is.
	Resource string

	Now        func() time.Time // nil is time.Now
	HTTPClient *http.Client     // to the issuer; nil is one with a timeout of 10 s
	Logger     *slog.Logger     // nil logs nothing
}

// Authenticator says who makes a request. It is safe for use by many goroutines.
type Authenticator struct {
	o      Options
	now    func() time.Time
	log    *slog.Logger
	tokens atomic.Pointer[tokens]
	issuer *issuer // nil where there is none
}

// New reads the tokens file. It does not ask the issuer yet: one that is away
// must not keep the server from starting.
func New(o Options) (*Authenticator, error) {
	a := &Authenticator{o: o, now: o.Now, log: o.Logger}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if err := a.Reload(); err != nil {
		return nil, err
	}
	if o.Issuer != "" {
		var err error
		if a.issuer, err = newIssuer(o, a.now); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Reload reads the tokens file again. Where something is wrong with it, the
// tokens that were read before stay good, and the error says what is wrong.
func (a *Authenticator) Reload() error {
	if a.o.TokensFile == "" {
		a.tokens.Store(&tokens{})
		return nil
	}
	read, err := readTokens(a.o.TokensFile)
	if err != nil {
		return err
	}
	if isOpen(a.o.TokensFile) {
		a.log.Warn("other users of this machine can change the tokens file, and so who may call; chmod go-w it", "file", a.o.TokensFile)
	}
	a.tokens.Store(read)
	return nil
}

// Failure is a request without a caller.
type Failure struct {
	Status int
	// Challenge is the value of WWW-Authenticate (RFC 6750, section 3); empty for
	// none.
	Challenge  string
	RetryAfter time.Duration // 0 for none
	Message    string        // one sentence for people, without anything of the token
}

func (f *Failure) Error() string { return f.Message }

// Authenticate returns the caller of a request. The error is a *Failure.
func (a *Authenticator) Authenticate(r *http.Request) (*Caller, error) {
	if r.URL != nil && r.URL.Query().Has("access_token") {
		return nil, a.failure(http.StatusBadRequest, "invalid_request", "a token in the URL ends up in logs; send it in the header Authorization: Bearer …")
	}
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return nil, a.failure(http.StatusUnauthorized, "", "this server wants to know who calls: send Authorization: Bearer and a token")
	}
	scheme, token, found := strings.Cut(strings.TrimSpace(given[0]), " ")
	token = strings.TrimSpace(token)
	if len(given) > 1 || !found || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " ,\t") {
		return nil, a.failure(http.StatusBadRequest, "invalid_request", "Authorization must be Bearer and one token")
	}
	return a.callerOf(r.Context(), token)
}

func (a *Authenticator) callerOf(ctx context.Context, token string) (*Caller, error) {
	if strings.HasPrefix(token, tokenPrefix) {
		caller, expired := a.tokens.Load().caller(token, a.now())
		switch {
		case caller != nil && !expired:
			return caller, nil
		case expired:
			return nil, a.failure(http.StatusUnauthorized, "invalid_token", "the token has expired")
		}
		return nil, a.failure(http.StatusUnauthorized, "invalid_token", "the token is not one of this server's")
	}
	if a.issuer == nil {
		return nil, a.failure(http.StatusUnauthorized, "invalid_token", "the token is not one of this server's")
	}
	caller, err := a.issuer.caller(ctx, token)
	switch {
	case err == nil && len(caller.Scopes) == 0:
		f := a.failure(http.StatusForbidden, "insufficient_scope", "the token has none of the scopes of this server: "+scopeList())
		return nil, f
	case err == nil:
		return caller, nil
	case errors.Is(err, errIssuerAway):
		a.log.WarnContext(ctx, "an access token could not be checked", "error", err)
		f := a.failure(http.StatusServiceUnavailable, "", "the issuer of the token cannot be reached, so it could not be checked; try again")
		f.Challenge, f.RetryAfter = "", 5*time.Second
		return nil, f
	}
	a.log.DebugContext(ctx, "an access token was refused", "error", err)
	return nil, a.failure(http.StatusUnauthorized, "invalid_token", "the access token is not good here: "+err.Error())
}

// SignIn says whose token it is, and whether its holder may approve. Only tokens
// of the file can be an approver's.
func (a *Authenticator) SignIn(_ context.Context, token string) (who string, ok bool) {
	caller, expired := a.tokens.Load().caller(strings.TrimSpace(token), a.now())
	if caller == nil || expired || !caller.Approver {
		return "", false
	}
	return caller.Name, true
}

// failure makes a Failure with its challenge. code is one of RFC 6750, section
// 3.1, or empty where the request said nothing of a token.
func (a *Authenticator) failure(status int, code, message string) *Failure {
	var parameters []string
	add := func(name, value string) { parameters = append(parameters, fmt.Sprintf("%s=%q", name, value)) }
	if code != "" {
		add("error", code)
		add("error_description", strings.Map(quotable, message))
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		if a.issuer != nil {
			add("scope", scopeList())
		}
		if where := a.metadataURL(); where != "" {
			add("resource_metadata", where)
		}
	}
	challenge := "Bearer"
	if len(parameters) > 0 {
		challenge += " " + strings.Join(parameters, ", ")
	}
	return &Failure{Status: status, Challenge: challenge, Message: message}
}

// quotable keeps what may stand in a quoted string of a challenge (RFC 6750,
// section 3).
func quotable(r rune) rune {
	if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
		return -1
	}
	return r
}

func scopeList() string {
	names := make([]string, len(Scopes))
	for i, scope := range Scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, " ")
}

// Paths of the protected resource metadata (RFC 9728, section 3.1): with the
// path of the MCP endpoint, and without.
const (
	MetadataPath     = "/.well-known/oauth-protected-resource/mcp"
	RootMetadataPath = "/.well-known/oauth-protected-resource"
)

func (a *Authenticator) metadataURL() string {
	if a.issuer == nil || a.o.Resource == "" {
		return ""
	}
	resource, err := url.Parse(a.o.Resource)
	if err != nil {
		return ""
	}
	resource.Path = MetadataPath
	return resource.String()
}

// Metadata serves what clients need to know to get an access token (RFC 9728);
// nil where there is no issuer to get one from.
func (a *Authenticator) Metadata() http.Handler {
	if a.issuer == nil || a.o.Resource == "" {
		return nil
	}
	body, _ := json.Marshal(map[string]any{ // strings always marshal
		"resource":                 a.o.Resource,
		"resource_name":            "WebSoftSolus licences",
		"authorization_servers":    []string{a.o.Issuer},
		"scopes_supported":         Scopes,
		"bearer_methods_supported": []string{"header"},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(body) // who does not read it has gone
	})
}

// RequireAuthentication returns an error where a server that other machines can
// reach would let everybody call.
func RequireAuthentication(loopback, configured bool) error {
	if loopback || configured {
		return nil
	}
	return errors.New("other machines can reach it, so callers must authenticate: give --tokens-file (websoftsolus-mcp token makes one) or --oauth-issuer")
}
