package callers_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const audience = "https://mcp.example.com/mcp"

type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// issuer is a real authorization server as far as its keys go: discovery and
// JWKS over HTTP.
type issuer struct {
	*httptest.Server
	mu       sync.Mutex
	keys     map[string]crypto.Signer // by key id, those that it publishes
	down     bool
	requests int
	wrong    string // published as its name, where it is not its own
	body     string // answered instead of keys
}

func newIssuer(t testing.TB) *issuer {
	i := &issuer{keys: map[string]crypto.Signer{}}
	mux := http.NewServeMux()
	serve := func(path string, document func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.requests++
			if i.down {
				http.Error(w, "down", http.StatusBadGateway)
				return
			}
			if i.body != "" {
				fmt.Fprint(w, i.body)
				return
			}
			_ = json.NewEncoder(w).Encode(document())
		})
	}
	serve("/realms/shop/.well-known/openid-configuration", func() any {
		name := i.name()
		if i.wrong != "" {
			name = i.wrong
		}
		return map[string]any{"issuer": name, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}}
	})
	serve("/keys", func() any {
		set := jose.JSONWebKeySet{}
		for id, key := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"})
		}
		return set
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	i.publish("k1", rsaKey)
	return i
}

func (i *issuer) name() string { return i.URL + "/realms/shop" }

func (i *issuer) publish(id string, key crypto.Signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[id] = key
}

func (i *issuer) change(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests
}

var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

type claims map[string]any

// good are the claims of a token that is accepted.
func (i *issuer) good(c *clock) claims {
	return claims{
		"iss": i.name(), "aud": audience, "sub": "5f1c", "client_id": "crm", "scope": "openid licenses:read licenses:order",
		"iat": c.now().Unix(), "exp": c.now().Add(5 * time.Minute).Unix(),
	}
}

func (c claims) with(name string, value any) claims {
	changed := claims{}
	for n, v := range c {
		changed[n] = v
	}
	if value == nil {
		delete(changed, name)
	} else {
		changed[name] = value
	}
	return changed
}

// sign makes a JWT.
func sign(t testing.TB, key any, algorithm jose.SignatureAlgorithm, id, typ string, c claims) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", id)
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	require.NoError(t, err)
	payload, err := json.Marshal(c)
	require.NoError(t, err)
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	compact, err := signed.CompactSerialize()
	require.NoError(t, err)
	return compact
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/mcp", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func newAuthenticator(t *testing.T, o callers.Options) *callers.Authenticator {
	t.Helper()
	a, err := callers.New(o)
	require.NoError(t, err)
	return a
}

// denied checks how a request without an accepted token is answered.
func denied(t *testing.T, a *callers.Authenticator, r *http.Request, status int, challenge string) *callers.Error {
	t.Helper()
	caller, err := a.Authenticate(r)
	require.Nil(t, caller)
	var e *callers.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status, e.Message)
	require.Equal(t, challenge, e.Challenge)
	answer := httptest.NewRecorder()
	e.Answer(answer)
	require.Equal(t, status, answer.Code)
	require.Equal(t, challenge, answer.Header().Get("WWW-Authenticate"))
	require.True(t, json.Valid(answer.Body.Bytes()))
	return e
}

const (
	metadataURL = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
	where       = `scope="licenses:read licenses:order licenses:edit licenses:terminate", resource_metadata="` + metadataURL + `"`
)

func invalid(why string) string {
	return `Bearer realm="websoftsolus-mcp", error="invalid_token", error_description="` + why + `", ` + where
}

func TestJWTs(t *testing.T) {
	c, i := newClock(), newIssuer(t)
	a := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: audience, Now: c.now})
	good := i.good(c)
	i.publish("ec", ecKey)

	spki, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	encode := func(v any) string {
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	unsigned := encode(map[string]string{"alg": "none", "typ": "at+jwt"}) + "." + encode(good) + "."
	rs := func(typ string, c claims) string { return sign(t, rsaKey, jose.RS256, "k1", typ, c) }
	tampered := rs("at+jwt", good)
	tampered = tampered[:strings.Index(tampered, ".")+1] + encode(good.with("sub", "root")) + tampered[strings.LastIndex(tampered, "."):]

	const unsignedOrForeign = "the token is not signed with a key of the issuer, or not issued by it"
	const notAccess = "the token is not an access token"
	for name, row := range map[string]struct{ token, why string }{
		"expired":                              {rs("at+jwt", good.with("exp", c.now().Add(-31*time.Second).Unix())), "the token has expired"},
		"without exp":                          {rs("at+jwt", good.with("exp", nil)), "the token has no exp, so it would never end"},
		"not valid yet":                        {rs("at+jwt", good.with("nbf", c.now().Add(31*time.Second).Unix())), "the token is not valid yet"},
		"wrong audience":                       {rs("at+jwt", good.with("aud", "https://other.example.com/")), "the token is not for this server: its audience must hold " + audience},
		"wrong audiences":                      {rs("at+jwt", good.with("aud", []string{"a", audience + "/"})), "the token is not for this server: its audience must hold " + audience},
		"without audience":                     {rs("at+jwt", good.with("aud", nil)), "the token is not for this server: its audience must hold " + audience},
		"wrong issuer":                         {rs("at+jwt", good.with("iss", "https://id.example.com/realms/shop")), unsignedOrForeign},
		"algorithm none":                       {unsigned, unsignedOrForeign},
		"HS256 with the public key, PEM":       {sign(t, public, jose.HS256, "k1", "at+jwt", good), unsignedOrForeign},
		"HS256 with the public key, DER":       {sign(t, spki, jose.HS256, "k1", "at+jwt", good), unsignedOrForeign},
		"another key under the id":             {sign(t, otherKey, jose.RS256, "k1", "at+jwt", good), unsignedOrForeign},
		"a key id that nobody knows":           {sign(t, otherKey, jose.RS256, "k9", "at+jwt", good), unsignedOrForeign},
		"claims changed":                       {tampered, unsignedOrForeign},
		"ID token by its payload":              {rs("JWT", good.with("typ", "ID")), notAccess},
		"ID token by its nonce":                {rs("JWT", good.with("nonce", "n")), "an ID token is not an access token"},
		"ID token by its hash":                 {rs("", good.with("at_hash", "h")), "an ID token is not an access token"},
		"ID token by its use":                  {rs("", good.with("token_use", "id")), notAccess},
		"refresh token":                        {rs("JWT", good.with("typ", "Refresh")), notAccess},
		"logout token":                         {rs("JWT", good.with("events", claims{"http://schemas.openid.net/event/backchannel-logout": claims{}})), notAccess},
		"logout token by its header":           {rs("logout+jwt", good), "a token of type logout+jwt is not an access token"},
		"bound to a key":                       {rs("at+jwt", good.with("cnf", claims{"jkt": "x"})), "the token is bound to a key of its client (cnf), which this server cannot check; ask the issuer for a bearer token"},
		"without sub":                          {rs("at+jwt", good.with("sub", nil)), "the token has no sub, so it cannot be told whose it is"},
		"a sub without end":                    {rs("at+jwt", good.with("sub", strings.Repeat("x", 600))), "the token's sub and client_id are too long"},
		"claims of a wrong type":               {rs("at+jwt", good.with("scope", 7)), "the token's claims cannot be read"},
		"no JWT at all":                        {"abc", "the token is neither one of this server's nor a JWT"},
		"of the tokens file, which it has not": {callers.TokenPrefix + strings.Repeat("a", 52), "the token is not one of this server's"},
	} {
		t.Run(name, func(t *testing.T) { denied(t, a, request(row.token), http.StatusUnauthorized, invalid(row.why)) })
	}

	t.Run("no scope of ours", func(t *testing.T) {
		denied(t, a, request(rs("at+jwt", good.with("scope", "openid licenses:admin"))), http.StatusForbidden,
			`Bearer realm="websoftsolus-mcp", error="insufficient_scope", error_description="the token has none of this server's scopes", scope="licenses:read", resource_metadata="`+metadataURL+`"`)
	})
	t.Run("no token", func(t *testing.T) {
		denied(t, a, request(""), http.StatusUnauthorized, `Bearer realm="websoftsolus-mcp", `+where)
	})

	for name, row := range map[string]struct {
		token  string
		name   string
		scopes []callers.Scope
	}{
		"at+jwt":                      {rs("at+jwt", good), "5f1c via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"application/at+jwt":          {rs("application/at+jwt", good), "5f1c via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"Keycloak's":                  {rs("JWT", good.with("typ", "Bearer").with("nonce", "n").with("client_id", nil).with("azp", "portal")), "5f1c via portal at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"ES256":                       {sign(t, ecKey, jose.ES256, "ec", "at+jwt", good), "5f1c via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"scp":                         {rs("at+jwt", good.with("scope", nil).with("scp", []string{"licenses:terminate", "x"})), "5f1c via crm at " + i.name(), []callers.Scope{callers.Terminate}},
		"one of several audiences":    {rs("at+jwt", good.with("aud", []string{"account", audience})), "5f1c via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"expired within the skew":     {rs("at+jwt", good.with("exp", c.now().Add(-20*time.Second).Unix())), "5f1c via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"not valid within the skew":   {rs("at+jwt", good.with("nbf", c.now().Add(20*time.Second).Unix())), "5f1c via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"a sub that looks like two":   {rs("at+jwt", good.with("sub", "a via b")), "a%20via%20b via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"without client":              {rs("at+jwt", good.with("client_id", nil)), "5f1c at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
		"a sub with a control letter": {rs("at+jwt", good.with("sub", "a\x1b\u202e")), "a%1B%E2%80%AE via crm at " + i.name(), []callers.Scope{callers.Read, callers.Order}},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := a.Authenticate(request(row.token))
			require.NoError(t, err)
			require.Equal(t, &callers.Caller{Name: row.name, Scopes: row.scopes, Issued: true}, caller)
		})
	}
}

// TestKeysRotate: a new key is fetched when a token names it, a withdrawn one is
// forgotten within the hour, and tokens with made-up key ids do not make this
// server flood the issuer.
func TestKeysRotate(t *testing.T) {
	c, i := newClock(), newIssuer(t)
	a := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: audience, Now: c.now})
	old := func() string { return sign(t, rsaKey, jose.RS256, "k1", "at+jwt", i.good(c)) }
	_, err := a.Authenticate(request(old()))
	require.NoError(t, err)
	require.Equal(t, 2, i.asked(), "discovery and keys")

	for n := range 20 {
		_, err := a.Authenticate(request(sign(t, otherKey, jose.RS256, fmt.Sprint("made-up-", n), "at+jwt", i.good(c))))
		require.Error(t, err)
	}
	require.Equal(t, 2, i.asked())
	c.advance(6 * time.Second)
	for n := range 20 {
		_, err := a.Authenticate(request(sign(t, otherKey, jose.RS256, fmt.Sprint("made-up-", n), "at+jwt", i.good(c))))
		require.Error(t, err)
	}
	require.Equal(t, 3, i.asked())

	c.advance(6 * time.Second)
	i.publish("k2", otherKey)
	rotated := func() string { return sign(t, otherKey, jose.RS256, "k2", "at+jwt", i.good(c)) }
	_, err = a.Authenticate(request(rotated()))
	require.NoError(t, err)
	_, err = a.Authenticate(request(old()))
	require.NoError(t, err, "both keys are published")

	i.change(func() { delete(i.keys, "k1") })
	c.advance(61 * time.Minute)
	denied(t, a, request(old()), http.StatusUnauthorized, invalid("the token is not signed with a key of the issuer, or not issued by it"))
	_, err = a.Authenticate(request(rotated()))
	require.NoError(t, err)
}

// TestIssuerDown: what cannot be checked is not called wrong.
func TestIssuerDown(t *testing.T) {
	c, i := newClock(), newIssuer(t)
	var logged bytes.Buffer
	a := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: audience, Now: c.now, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	good := func() string { return sign(t, rsaKey, jose.RS256, "k1", "at+jwt", i.good(c)) }
	unavailable := func() {
		t.Helper()
		e := denied(t, a, request(good()), http.StatusServiceUnavailable, "")
		answer := httptest.NewRecorder()
		e.Answer(answer)
		require.Equal(t, "5", answer.Header().Get("Retry-After"))
	}
	i.change(func() { i.down = true })
	unavailable()
	for range 10 {
		unavailable()
	}
	require.Equal(t, 1, i.asked(), "it is not asked again at once")
	require.Contains(t, logged.String(), "502")
	require.NotContains(t, logged.String(), good())
	denied(t, a, request(""), http.StatusUnauthorized, `Bearer realm="websoftsolus-mcp", `+where)

	i.change(func() { i.down, i.wrong = false, "https://evil.example" })
	c.advance(6 * time.Second)
	unavailable() // somebody else answers
	i.change(func() { i.wrong, i.body = "", "<html>" })
	c.advance(6 * time.Second)
	unavailable()
	i.change(func() { i.body = "" })
	c.advance(6 * time.Second)
	_, err := a.Authenticate(request(good()))
	require.NoError(t, err)

	i.change(func() { i.down = true })
	_, err = a.Authenticate(request(good()))
	require.NoError(t, err, "keys are kept")
	c.advance(2 * time.Hour)
	_, err = a.Authenticate(request(good()))
	require.NoError(t, err, "also when it is time for new ones and there are none")
	e := denied(t, a, request(sign(t, otherKey, jose.RS256, "k7", "at+jwt", i.good(c))), http.StatusServiceUnavailable, "")
	require.NotEmpty(t, e.Message)
	i.change(func() { i.down, i.body = false, `{"keys":[{"kty":"RSA","n":5}]}` })
	c.advance(2 * time.Hour)
	denied(t, a, request(sign(t, otherKey, jose.RS256, "k8", "at+jwt", i.good(c))), http.StatusServiceUnavailable, "")
	i.change(func() { i.body = "" })
	c.advance(time.Minute)
	_, err = a.Authenticate(request(good()))
	require.NoError(t, err)
}

// TestACallerWhoLeavesIsNoIssuerThatIsDown for those who come next.
func TestACallerWhoLeavesIsNoIssuerThatIsDown(t *testing.T) {
	c, i := newClock(), newIssuer(t)
	a := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: audience, Now: c.now})
	token := sign(t, rsaKey, jose.RS256, "k1", "at+jwt", i.good(c))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = a.Authenticate(request(token).WithContext(gone)) // either way
	_, err := a.Authenticate(request(token))
	require.NoError(t, err)
}

func TestIssuerIsAskedByManyAtOnce(t *testing.T) {
	c, i := newClock(), newIssuer(t)
	a := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: audience, Now: c.now})
	token := sign(t, rsaKey, jose.RS256, "k1", "at+jwt", i.good(c))
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			_, err := a.Authenticate(request(token))
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Equal(t, 2, i.asked())
}

// TestTheIssuersMetadataCannotSendUsElsewhere: keys over plain HTTP could be
// anybody's.
func TestTheIssuersMetadataCannotSendUsElsewhere(t *testing.T) {
	c := newClock()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirects/.well-known/openid-configuration" {
			http.Redirect(w, r, "/plain/.well-known/openid-configuration", http.StatusFound)
			return
		}
		fmt.Fprintf(w, `{"issuer":"%s/plain","jwks_uri":"http://keys.example.com/keys"}`, server.URL)
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/plain", "/redirects"} {
		a := newAuthenticator(t, callers.Options{Issuer: server.URL + path, Audience: audience, Now: c.now})
		token := sign(t, rsaKey, jose.RS256, "k1", "at+jwt", claims{"iss": server.URL + path})
		denied(t, a, request(token), http.StatusServiceUnavailable, "")
	}
}

func TestMetadata(t *testing.T) {
	i := newIssuer(t)
	a := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: "websoftsolus-mcp", Resource: audience})
	require.Equal(t, []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"}, a.MetadataPaths())
	answer := httptest.NewRecorder()
	a.MetadataHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, a.MetadataPaths()[1], nil))
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	require.JSONEq(t, fmt.Sprintf(`{"resource":%q,"authorization_servers":[%q],
		"scopes_supported":["licenses:read","licenses:order","licenses:edit","licenses:terminate"],
		"bearer_methods_supported":["header"],"resource_name":"WebSoftSolus licences"}`, audience, i.name()), answer.Body.String())
	answer = httptest.NewRecorder()
	a.MetadataHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, a.MetadataPaths()[0], nil))
	require.Equal(t, http.StatusMethodNotAllowed, answer.Code)

	bare := newAuthenticator(t, callers.Options{Issuer: i.name(), Audience: "https://mcp.example.com"})
	require.Equal(t, []string{"/.well-known/oauth-protected-resource"}, bare.MetadataPaths())
	require.Contains(t, denied(t, bare, request(""), 401, `Bearer realm="websoftsolus-mcp", scope="licenses:read licenses:order licenses:edit licenses:terminate", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource"`).Message, "bearer token")

	e := a.InsufficientScope(&callers.Caller{Scopes: []callers.Scope{callers.Read, callers.Order}}, callers.Terminate)
	require.Equal(t, http.StatusForbidden, e.Status)
	require.Contains(t, e.Challenge, `error="insufficient_scope"`)
	require.Contains(t, e.Challenge, `scope="licenses:read licenses:order licenses:terminate"`)

	var none *callers.Authenticator
	require.Empty(t, none.MetadataPaths())
	answer = httptest.NewRecorder()
	none.MetadataHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusNotFound, answer.Code)
}

func TestWrongOptions(t *testing.T) {
	for name, row := range map[string]struct {
		options callers.Options
		says    string
	}{
		"nothing":             {callers.Options{}, "neither a tokens file nor an OAuth issuer"},
		"issuer over http":    {callers.Options{Issuer: "http://id.example.com", Audience: audience}, "must be https"},
		"issuer no URL":       {callers.Options{Issuer: "id.example.com", Audience: audience}, "absolute URL"},
		"no audience":         {callers.Options{Issuer: "https://id.example.com"}, "needs an audience"},
		"no issuer":           {callers.Options{TokensFile: "x", Audience: audience}, "goes with an OAuth issuer"},
		"audience no URL":     {callers.Options{Issuer: "https://id.example.com", Audience: "wss"}, "the URL of this server"},
		"missing tokens file": {callers.Options{TokensFile: "/nonexistent/tokens.yaml"}, "read the tokens file"},
	} {
		_, err := callers.New(row.options)
		require.ErrorContains(t, err, row.says, name)
	}
}

func TestRequireAuthentication(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:8080", "[::1]:8080", "localhost:8080", "127.1.2.3:0", "[::ffff:127.0.0.1]:1"} {
		require.NoError(t, callers.RequireAuthentication(addr, false), addr)
	}
	for _, addr := range []string{":8080", "0.0.0.0:8080", "[::]:8080", "192.0.2.1:80", "mcp.example.com:443", "localhost.example.com:80"} {
		err := callers.RequireAuthentication(addr, false)
		require.ErrorContains(t, err, "--tokens-file", addr)
		require.ErrorContains(t, err, "--oauth-issuer", addr)
		require.NoError(t, callers.RequireAuthentication(addr, true), addr)
	}
	require.ErrorContains(t, callers.RequireAuthentication("8080", true), "not host:port")
}

func TestNobodyHasToSayWhoTheyAre(t *testing.T) {
	var none *callers.Authenticator
	caller, err := none.Authenticate(request("anything"))
	require.NoError(t, err)
	require.Nil(t, caller)
	require.NoError(t, none.Reload())
}

func FuzzAuthorization(f *testing.F) {
	token := callers.TokenPrefix + strings.Repeat("a", 52)
	sum := sha256.Sum256([]byte(token))
	path := writeTokens(f, fmt.Sprintf("tokens:\n- {name: anna, sha256: %s, readOnly: true}\n", hex.EncodeToString(sum[:])))
	server := httptest.NewServer(http.NotFoundHandler())
	f.Cleanup(server.Close)
	a, err := callers.New(callers.Options{TokensFile: path, Issuer: server.URL, Audience: audience})
	require.NoError(f, err)
	for _, seed := range []string{"", "Bearer", "Bearer " + token, "bearer  " + token + " ", "Basic YTpi", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer \x00", "Bearer wss_", token} {
		f.Add(seed, "")
	}
	f.Add("", "access_token="+token)
	f.Add("", "sessionId=1&x="+token+"&%zz")
	f.Fuzz(func(t *testing.T, header, query string) {
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/mcp", RawQuery: query}, Header: http.Header{"Authorization": {header}}}
		caller, err := a.Authenticate(r)
		if err == nil {
			fields := strings.Fields(header)
			require.Len(t, fields, 2)
			require.Equal(t, token, fields[1])
			require.True(t, strings.EqualFold(fields[0], "bearer"))
			require.Equal(t, "anna", caller.Name)
			return
		}
		require.Nil(t, caller)
		var e *callers.Error
		require.True(t, errors.As(err, &e))
		require.Contains(t, []int{400, 401, 503}, e.Status)
		require.NotContains(t, e.Challenge, "\n")
		if _, token, _ := strings.Cut(strings.TrimSpace(header), " "); len(token) > 20 {
			require.NotContains(t, e.Message+e.Challenge, token)
		}
		e.Answer(httptest.NewRecorder())
	})
}
