package callers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// An OAuth 2.1 resource server: callers bring JWT access tokens of one issuer
// (RFC 9068), which are checked against the issuer's keys.

// algorithms are those whose key can be published: with a symmetric one, whoever
// can check a token could make one.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

const (
	// clockSkew is how far the issuer's clock may be from ours.
	clockSkew = 30 * time.Second
	// keysFor is how long the issuer's keys are taken as they are. A key id that is
	// not among them makes them be fetched before.
	keysFor = time.Hour
	// maxName bounds the name of an OAuth caller, in bytes.
	maxName = 512
	// issuerTimeout bounds one request to the issuer.
	issuerTimeout = 10 * time.Second
)

type resourceServer struct {
	issuer, audience string
	resource         *url.URL
	metadataURL      string
	now              func() time.Time
	client           *http.Client

	mu      sync.Mutex
	jwksURL string      // empty until discovered
	keys    oidc.KeySet // nil until fetched
	fetched time.Time   // when keys were made
}

func newResourceServer(o Options, now func() time.Time, log *slog.Logger) (*resourceServer, error) {
	if _, err := secureURL(o.Issuer); err != nil {
		return nil, fmt.Errorf("the OAuth issuer %q %w", o.Issuer, err)
	}
	if o.Audience == "" {
		return nil, errors.New("an OAuth issuer needs an audience: what its tokens for this server name in aud, usually this server's URL")
	}
	if o.Resource == "" {
		o.Resource = o.Audience
	}
	resource, err := secureURL(o.Resource)
	if err != nil {
		return nil, fmt.Errorf("the URL of this server, %q, %w; the OAuth audience stands for it unless it is given", o.Resource, err)
	}
	s := &resourceServer{issuer: o.Issuer, audience: o.Audience, resource: resource, now: now}
	metadata := *resource
	metadata.Path, metadata.RawPath = wellKnown+strings.TrimSuffix(resource.Path, "/"), ""
	s.metadataURL = metadata.String()

	client := http.Client{Timeout: issuerTimeout}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Transport = &issuerTransport{next: client.Transport, now: now, log: log}
	s.client = &client
	return s, nil
}

// secureURL parses an absolute URL that nobody on the way can read: https, or
// http on loopback.
func secureURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("must be an absolute URL without login, query and fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && websoftsolus.IsLoopback(u.Hostname())):
		return nil, errors.New("must be https; http is for loopback")
	}
	return u, nil
}

// byIssuer checks a JWT and returns its caller.
func (a *Authenticator) byIssuer(ctx context.Context, raw string) (*Caller, error) {
	token, err := a.oauth.verify(ctx, raw)
	if unavailable := new(issuerUnavailable); errors.As(err, &unavailable) {
		return nil, &Error{Status: http.StatusServiceUnavailable, RetryAfter: rememberFailure,
			Message: "the token could not be checked, because the issuer's keys cannot be had at the moment; try again"}
	}
	if err != nil {
		return nil, a.refuse(http.StatusUnauthorized, invalidToken, err.Error())
	}
	caller, err := a.oauth.caller(token)
	if err != nil {
		return nil, a.refuse(http.StatusUnauthorized, invalidToken, err.Error())
	}
	if len(caller.Scopes) == 0 {
		return nil, a.refuse(http.StatusForbidden, insufficientScope, "the token has none of this server's scopes", Read)
	}
	return caller, nil
}

// accessToken is a JWT with a good signature.
type accessToken struct {
	*oidc.IDToken
	headerType string // typ of the header, in lower case
	claims     struct {
		Scope     words           `json:"scope"`
		Scp       words           `json:"scp"`
		ClientID  string          `json:"client_id"`
		AZP       string          `json:"azp"`
		NotBefore float64         `json:"nbf"`
		Type      string          `json:"typ"`       // Keycloak: Bearer, ID, Refresh
		Use       string          `json:"token_use"` // Cognito: access, id
		Nonce     string          `json:"nonce"`
		Hash      string          `json:"at_hash"`
		Events    json.RawMessage `json:"events"`
		Bound     json.RawMessage `json:"cnf"`
	}
}

// words are space-separated in a text, or the elements of an array. Issuers do
// both, for scope and for scp.
type words []string

func (w *words) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*w = strings.Fields(text)
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(w))
}

// verify checks a JWT's signature and issuer.
func (s *resourceServer) verify(ctx context.Context, raw string) (*accessToken, error) {
	if strings.Count(raw, ".") != 2 {
		return nil, errors.New("the token is neither one of this server's nor a JWT")
	}
	current, old, err := s.keySets(ctx)
	if err != nil {
		return nil, err
	}
	token, err := s.verifyWith(ctx, current, raw)
	if unavailable := new(issuerUnavailable); errors.As(err, &unavailable) && old != nil {
		return s.verifyWith(ctx, old, raw) // what was good an hour ago, while there is nothing newer
	}
	if err == nil && old != nil {
		s.renewed(current)
	}
	return token, err
}

// keySets returns the issuer's keys, and, when it is time to fetch them anew,
// those of before too. The first call asks the issuer where its keys are.
func (s *resourceServer) keySets(ctx context.Context) (current, old oidc.KeySet, err error) {
	s.mu.Lock()
	jwksURL, keys, fetched := s.jwksURL, s.keys, s.fetched
	s.mu.Unlock()
	// A caller that leaves must not look like an issuer that is down.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), s.client)
	if jwksURL == "" {
		provider, err := oidc.NewProvider(ctx, s.issuer)
		if err != nil {
			return nil, nil, &issuerUnavailable{err}
		}
		var found struct {
			JWKS string `json:"jwks_uri"`
		}
		if err := provider.Claims(&found); err != nil || found.JWKS == "" {
			return nil, nil, &issuerUnavailable{fmt.Errorf("the issuer's metadata has no jwks_uri: %w", err)}
		}
		jwksURL = found.JWKS
	}
	switch {
	case keys == nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.keys == nil { // nobody else was faster
			s.jwksURL, s.keys, s.fetched = jwksURL, oidc.NewRemoteKeySet(ctx, jwksURL), s.now()
		}
		return s.keys, nil, nil
	case s.now().Sub(fetched) > keysFor:
		return oidc.NewRemoteKeySet(ctx, jwksURL), keys, nil
	}
	return keys, nil, nil
}

func (s *resourceServer) renewed(keys oidc.KeySet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.fetched = keys, s.now()
}

func (s *resourceServer) verifyWith(ctx context.Context, keys oidc.KeySet, raw string) (*accessToken, error) {
	watched := &watchedKeys{KeySet: keys}
	// Audience and times are checked below, with a message for each.
	verifier := oidc.NewVerifier(s.issuer, watched, &oidc.Config{SupportedSigningAlgs: algorithms, SkipClientIDCheck: true, SkipExpiryCheck: true})
	verified, err := verifier.Verify(ctx, raw)
	switch {
	case watched.failed != nil:
		return nil, &issuerUnavailable{watched.failed}
	case err != nil:
		return nil, errors.New("the token is not signed with a key of the issuer, or not issued by it")
	}
	token := &accessToken{IDToken: verified}
	if err := verified.Claims(&token.claims); err != nil {
		return nil, errors.New("the token's claims cannot be read")
	}
	header, _, _ := strings.Cut(raw, ".")
	var protected struct {
		Type string `json:"typ"`
	}
	decoded, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil || json.Unmarshal(decoded, &protected) != nil {
		return nil, errors.New("the token's header cannot be read")
	}
	token.headerType = strings.ToLower(strings.TrimPrefix(strings.ToLower(protected.Type), "application/"))
	return token, s.check(token)
}

// watchedKeys remembers that keys could not be had: the verifier's error does
// not tell that from a wrong signature.
type watchedKeys struct {
	oidc.KeySet
	failed error
}

func (w *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, jwt)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		w.failed = err
	}
	return payload, err
}

// check judges the claims of a token whose signature is good.
func (s *resourceServer) check(t *accessToken) error {
	now := s.now()
	switch {
	case !slices.Contains(t.Audience, s.audience):
		return fmt.Errorf("the token is not for this server: its audience must hold %s", s.audience)
	case t.Expiry.Unix() <= 0:
		return errors.New("the token has no exp, so it would never end")
	case now.After(t.Expiry.Add(clockSkew)):
		return errors.New("the token has expired")
	case t.claims.NotBefore > float64(now.Add(clockSkew).Unix()):
		return errors.New("the token is not valid yet")
	case t.claims.Bound != nil:
		return errors.New("the token is bound to a key of its client (cnf), which this server cannot check; ask the issuer for a bearer token")
	}
	return t.kind()
}

// kind refuses what the issuer signed for another purpose: ID tokens above all,
// which any client of the issuer is given. RFC 9068 marks access tokens with
// at+jwt; where an issuer does not, what ID tokens and logout tokens have in
// them tells.
func (t *accessToken) kind() error {
	switch t.headerType {
	case "at+jwt":
		return nil
	case "", "jwt":
	default:
		return fmt.Errorf("a token of type %s is not an access token", t.headerType)
	}
	switch {
	case t.claims.Type != "" && !strings.EqualFold(t.claims.Type, "Bearer"), t.claims.Use != "" && t.claims.Use != "access", t.claims.Events != nil:
		return errors.New("the token is not an access token")
	case t.claims.Type == "" && t.claims.Use == "" && (t.claims.Nonce != "" || t.claims.Hash != ""):
		return errors.New("an ID token is not an access token")
	}
	return nil
}

// caller is who the token was given to. Its name is "SUB via CLIENT at ISSUER",
// subject and client percent-encoded, so that no two callers share one and none
// is a name of the tokens file. The same person through two clients is two
// callers: one client's previews are not the other's to confirm.
func (s *resourceServer) caller(t *accessToken) (*Caller, error) {
	if t.Subject == "" {
		return nil, errors.New("the token has no sub, so it cannot be told whose it is")
	}
	name := url.PathEscape(t.Subject)
	client := t.claims.ClientID
	if client == "" {
		client = t.claims.AZP
	}
	if client != "" {
		name += " via " + url.PathEscape(client)
	}
	name += " at " + s.issuer
	if len(name) > maxName {
		return nil, errors.New("the token's sub and client_id are too long")
	}
	caller := &Caller{Name: name, Issued: true}
	for _, scope := range Scopes {
		if slices.Contains(t.claims.Scope, string(scope)) || slices.Contains(t.claims.Scp, string(scope)) {
			caller.Scopes = append(caller.Scopes, scope)
		}
	}
	return caller, nil
}
