package callers

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Options say how callers authenticate. A tokens file, an issuer or both must be
// given.
type Options struct {
	// TokensFile is the path of the tokens file; empty for none.
	TokensFile string
	// Issuer is the URL of an OAuth authorization server, as its tokens name it in
	// iss; empty for none. https, or http on loopback.
	Issuer string
	// Audience is what the issuer's tokens must name in aud. It goes with Issuer.
	Audience string
	// Resource is the URL at which clients reach this server's MCP endpoint, for
	// the protected resource metadata. Audience where it is empty, which must be a
	// URL then.
	Resource string

	Now        func() time.Time // nil is time.Now
	HTTPClient *http.Client     // for requests to the issuer; nil is one with a timeout of 10 seconds
	Logger     *slog.Logger     // nil logs nothing
}

// Configured says whether there is a way to authenticate.
func (o Options) Configured() bool { return o.TokensFile != "" || o.Issuer != "" }

// Authenticator tells callers by the bearer tokens of their requests. It is safe
// for use by many goroutines. A nil *Authenticator is that of a server where
// nobody has to say who they are.
type Authenticator struct {
	tokensFile string
	tokens     atomic.Pointer[tokenTable] // nil without a tokens file
	oauth      *resourceServer            // nil without an issuer
	now        func() time.Time
	log        *slog.Logger
}

// New reads the tokens file. It makes no request: the issuer is asked when the
// first of its tokens comes. The error says what to change.
func New(o Options) (*Authenticator, error) {
	if !o.Configured() {
		return nil, errors.New("neither a tokens file nor an OAuth issuer was given")
	}
	a := &Authenticator{tokensFile: o.TokensFile, now: o.Now, log: o.Logger}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if o.Issuer != "" {
		oauth, err := newResourceServer(o, a.now, a.log)
		if err != nil {
			return nil, err
		}
		a.oauth = oauth
	} else if o.Audience != "" {
		return nil, errors.New("an OAuth audience goes with an OAuth issuer, and none was given")
	}
	if o.TokensFile != "" {
		if err := a.Reload(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Reload reads the tokens file again: on SIGHUP. A file that cannot be read or is
// wrong changes nothing, and the error says so; calls in flight go on.
func (a *Authenticator) Reload() error {
	if a == nil || a.tokensFile == "" {
		return nil
	}
	table, err := readTokens(a.tokensFile)
	if err != nil {
		if a.tokens.Load() != nil {
			return fmt.Errorf("the tokens stay as they were: %w", err)
		}
		return err
	}
	for _, warning := range table.warnings {
		a.log.Warn(warning, "file", a.tokensFile)
	}
	a.tokens.Store(table)
	a.log.Info("tokens read", "file", a.tokensFile, "tokens", len(table.tokens))
	return nil
}

// maxToken bounds a token, in bytes. JWTs with many claims take some thousand.
const maxToken = 16 << 10

// bearerToken is what a bearer token is written with (RFC 6750, section 2.1).
var bearerToken = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`) })

// Authenticate tells who makes a request. The error is an *Error. Only the
// Authorization header counts. Of a nil Authenticator both results are nil. The
// Caller is shared by all requests of its token: it is not to be changed.
//
// The request's context bounds nothing here but the wait for an answer of the
// issuer.
func (a *Authenticator) Authenticate(r *http.Request) (*Caller, error) {
	if a == nil {
		return nil, nil
	}
	if tokenInQuery(r.URL) {
		return nil, a.refuse(http.StatusBadRequest, invalidRequest,
			"a token in the URL is not accepted, since URLs are written to logs; send it in the Authorization header, and make a new one")
	}
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return nil, a.refuse(http.StatusUnauthorized, "", "this server needs a bearer token in the Authorization header")
	case 1:
	default:
		return nil, a.refuse(http.StatusBadRequest, invalidRequest, "the request has more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return nil, a.refuse(http.StatusUnauthorized, "", "the Authorization header must hold a bearer token")
	case len(token) > maxToken || !bearerToken().MatchString(token):
		return nil, a.refuse(http.StatusUnauthorized, invalidToken, "the bearer token is empty, too long or holds characters that no token has")
	case strings.HasPrefix(token, TokenPrefix):
		return a.byTokensFile(token)
	case a.oauth != nil:
		return a.byIssuer(r.Context(), token)
	}
	return nil, a.refuse(http.StatusUnauthorized, invalidToken, "the token is not one of this server's")
}

// tokenInQuery says whether a URL carries a token where it would be logged.
func tokenInQuery(u *url.URL) bool {
	if u == nil || u.RawQuery == "" {
		return false
	}
	query, _ := url.ParseQuery(u.RawQuery) // what can be read of a broken one counts
	for name, values := range query {
		if strings.EqualFold(name, "access_token") {
			return true
		}
		for _, value := range values {
			if strings.HasPrefix(value, TokenPrefix) {
				return true
			}
		}
	}
	return false
}

func (a *Authenticator) byTokensFile(token string) (*Caller, error) {
	var found *fileToken
	if table := a.tokens.Load(); table != nil {
		found = table.find(token)
	}
	switch {
	case found == nil:
		return nil, a.refuse(http.StatusUnauthorized, invalidToken, "the token is not one of this server's")
	case found.expired(a.now()):
		return nil, a.refuse(http.StatusUnauthorized, invalidToken, "the token has expired")
	}
	return found.caller, nil
}

// RequireAuthentication returns an error for a listener that other machines can
// reach and that lets anybody in. addr is host:port as net.Listen takes it;
// configured says whether callers authenticate.
func RequireAuthentication(addr string, configured bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("the address %q is not host:port", addr)
	}
	if configured || websoftsolus.IsLoopback(host) {
		return nil
	}
	return fmt.Errorf("other machines can reach %s, and nothing says who may call: give --tokens-file (websoftsolus-mcp token makes one), or --oauth-issuer and --oauth-audience, or listen on 127.0.0.1", addr)
}
