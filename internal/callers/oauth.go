package callers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// An access token is a JWT of the issuer's (RFC 9068): signed with one of its
// keys, for this server as the audience, and within its time. What it allows are
// its scopes.

// errIssuerAway: the issuer could not be asked, so nothing is known of a token.
var errIssuerAway = errors.New("the issuer cannot be reached")

// algorithms that a token may be signed with. All are asymmetric: a key of the
// issuer's that everybody knows must not make tokens.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// discoverAgain is how long after a failure the issuer's metadata is asked for
// again.
const discoverAgain = 5 * time.Second

// maxMetadata bounds what an issuer says of itself, in bytes.
const maxMetadata = 1 << 20

// issuer checks the access tokens of one issuer.
type issuer struct {
	url      string
	audience string
	client   *http.Client
	now      func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until its metadata was read
	again    time.Time
	last     error
}

func newIssuer(o Options, now func() time.Time) (*issuer, error) {
	parsed, err := url.Parse(o.Issuer)
	if err != nil || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" ||
		parsed.Scheme != "https" && !(parsed.Scheme == "http" && isLoopback(parsed.Hostname())) {
		return nil, fmt.Errorf("the issuer %q is not an https URL", o.Issuer)
	}
	if o.Audience == "" {
		return nil, errors.New("access tokens need an audience: a token for another server must not open this one")
	}
	client := o.HTTPClient
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	return &issuer{url: o.Issuer, audience: o.Audience, client: client, now: now}, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// claims are what is read of an access token beside what go-oidc checks.
type claims struct {
	Scope    string          `json:"scope"`
	Scp      json.RawMessage `json:"scp"` // a list, or a string, with some issuers
	ClientID string          `json:"client_id"`
	AZP      string          `json:"azp"`
	Nonce    string          `json:"nonce"`
	AtHash   string          `json:"at_hash"`
}

// caller checks an access token. The error says what is wrong with it, without
// anything of its text, or is errIssuerAway.
func (i *issuer) caller(ctx context.Context, token string) (*Caller, error) {
	if err := checkType(token); err != nil {
		return nil, err
	}
	verifier, err := i.ready(ctx)
	if err != nil {
		return nil, err
	}
	var away bool
	verified, err := verifier.Verify(context.WithValue(ctx, awayKey{}, &away), token)
	var expired *oidc.TokenExpiredError
	switch {
	case away:
		return nil, errIssuerAway
	case errors.As(err, &expired):
		return nil, errors.New("it has expired")
	case err != nil:
		return nil, inOurWords(err)
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return nil, errors.New("its claims cannot be read")
	}
	if c.Nonce != "" || c.AtHash != "" {
		return nil, errors.New("it is an ID token; an access token is needed")
	}
	name := verified.Subject
	if name == "" {
		name = c.ClientID
	}
	if name == "" || len(name) > 200 {
		return nil, errors.New("it does not say whose it is (sub)")
	}
	// A colon cannot be in a name of the tokens file, so the two never meet.
	return &Caller{Name: "oauth:" + name, Scopes: c.scopes()}, nil
}

// scopes are those of ours that the token has.
func (c claims) scopes() []Scope {
	has := strings.Fields(c.Scope)
	var list []string
	var text string
	switch {
	case json.Unmarshal(c.Scp, &list) == nil:
		has = append(has, list...)
	case json.Unmarshal(c.Scp, &text) == nil:
		has = append(has, strings.Fields(text)...)
	}
	var scopes []Scope
	for _, scope := range Scopes {
		if slices.Contains(has, string(scope)) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// checkType refuses what says of itself that it is no access token (RFC 9068,
// section 2.1). Many issuers say JWT alone.
func checkType(token string) error {
	header, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(header)
	var h struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(decoded, &h) != nil || strings.Count(token, ".") != 2 {
		return errors.New("it is no JWT")
	}
	switch strings.TrimPrefix(strings.ToLower(h.Type), "application/") {
	case "", "jwt", "at+jwt":
		return nil
	}
	return errors.New("its type is not that of an access token")
}

// inOurWords is what go-oidc found wrong, as far as it can be told apart. Its
// own words repeat parts of the token.
func inOurWords(err error) error {
	text := err.Error()
	for _, known := range []struct{ has, means string }{
		{"expected audience", "it is for another audience"},
		{"issued by a different provider", "it is from another issuer"},
		{"before the nbf", "it is not valid yet"},
		{"unsupported algorithm", "it is signed with an algorithm that is not accepted"},
		{"signed with unsupported algorithm", "it is signed with an algorithm that is not accepted"},
		{"malformed jwt", "it is no JWT"},
		{"signature", "its signature is not the issuer's"},
	} {
		if strings.Contains(text, known.has) {
			return errors.New(known.means)
		}
	}
	return errors.New("it could not be verified")
}

// ready returns the verifier, having read the issuer's metadata once.
func (i *issuer) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier != nil {
		return i.verifier, nil
	}
	if i.now().Before(i.again) {
		return nil, i.last
	}
	jwks, err := i.discover(context.WithoutCancel(ctx))
	if err != nil {
		i.again, i.last = i.now().Add(discoverAgain), fmt.Errorf("%w: %v", errIssuerAway, err)
		return nil, i.last
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), i.client), jwks)
	i.verifier = oidc.NewVerifier(i.url, keySet{keys}, &oidc.Config{ClientID: i.audience, SupportedSigningAlgs: algorithms, Now: i.now})
	return i.verifier, nil
}

// discover reads where the issuer's keys are: from its OpenID configuration, or
// from its OAuth metadata (RFC 8414), which begins at the root of its host.
func (i *issuer) discover(ctx context.Context) (string, error) {
	root, err := url.Parse(i.url)
	if err != nil {
		return "", err
	}
	root.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(root.Path, "/")
	var problems []error
	for _, place := range []string{strings.TrimSuffix(i.url, "/") + "/.well-known/openid-configuration", root.String()} {
		metadata, err := i.fetch(ctx, place)
		switch {
		case err != nil:
			problems = append(problems, err)
		case metadata.Issuer != i.url:
			problems = append(problems, fmt.Errorf("%s is the metadata of another issuer", place))
		case metadata.Keys == "":
			problems = append(problems, fmt.Errorf("%s names no keys", place))
		default:
			return metadata.Keys, nil
		}
	}
	return "", errors.Join(problems...)
}

type metadata struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

func (i *issuer) fetch(ctx context.Context, place string) (*metadata, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := i.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", place, response.StatusCode)
	}
	var m metadata
	if err := json.NewDecoder(io.LimitReader(response.Body, maxMetadata)).Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return &m, nil
}

type awayKey struct{}

// keySet tells keys that could not be fetched from a signature that is wrong.
type keySet struct{ oidc.KeySet }

func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, token)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		if away, ok := ctx.Value(awayKey{}).(*bool); ok {
			*away = true
		}
	}
	return payload, err
}
