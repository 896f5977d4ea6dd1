package callers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const audience = "https://licences.example.com/mcp"

// issuer is an OAuth issuer behind real HTTP.
type issuer struct {
	t    *testing.T
	url  string
	key  *ecdsa.PrivateKey
	kid  string
	away atomic.Bool
}

func newIssuer(t *testing.T, metadataPath string) *issuer {
	i := &issuer{t: t}
	i.rotate("one")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case i.away.Load():
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == metadataPath:
			json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"})
		case r.URL.Path == "/keys":
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: i.kid, Algorithm: "ES256", Use: "sig"}}})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func (i *issuer) rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(i.t, err)
	i.key, i.kid = key, kid
}

// claims are those of a good token.
func (i *issuer) claims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": i.url, "aud": audience, "sub": "alice", "client_id": "agent", "scope": "openid licenses:read licenses:order",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, change)
	return claims
}

func (i *issuer) token(change map[string]any) string {
	return i.signed(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, "at+jwt", i.claims(change))
}

func (i *issuer) signed(key jose.SigningKey, kind string, claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(kind)).WithHeader("kid", i.kid)
	signer, err := jose.NewSigner(key, options)
	require.NoError(i.t, err)
	payload, err := json.Marshal(claims)
	require.NoError(i.t, err)
	signature, err := signer.Sign(payload)
	require.NoError(i.t, err)
	token, err := signature.CompactSerialize()
	require.NoError(i.t, err)
	return token
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/mcp", nil)
	for _, value := range header {
		r.Header.Add("Authorization", value)
	}
	return r
}

func tokensFile(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func refusal(t *testing.T, err error) *callers.Failure {
	t.Helper()
	var f *callers.Failure
	require.ErrorAs(t, err, &f)
	return f
}

func TestTokensOfTheFile(t *testing.T) {
	reader, orderer, old := callers.NewToken(), callers.NewToken(), callers.NewToken()
	a, err := callers.New(callers.Options{Now: func() time.Time { return now }, TokensFile: tokensFile(t, `# callers
tokens:
  - {name: reader, hash: "`+callers.HashToken(reader)+`", readOnly: true, families: [virtuozzo, plesk]}
  - name: orderer
    hash: `+callers.HashToken(orderer)+`
    scopes: [licenses:read, licenses:order]
    maxOrdersPerDay: 3
    approver: true
    expires: 2026-11-23
  - {name: old, hash: "`+callers.HashToken(old)+`", expires: 2026-11-22, approver: true}
`)})
	require.NoError(t, err)

	caller, err := a.Authenticate(request("bearer " + reader))
	require.NoError(t, err)
	require.Equal(t, &callers.Caller{Name: "reader", Scopes: []callers.Scope{callers.Read}, Families: []websoftsolus.Family{websoftsolus.Plesk, websoftsolus.Virtuozzo}}, caller)
	caller, err = a.Authenticate(request("Bearer  " + orderer))
	require.NoError(t, err)
	require.Equal(t, 3, *caller.MaxOrdersPerDay)
	require.False(t, caller.May(callers.Terminate))

	for name, c := range map[string]struct {
		header    []string
		status    int
		challenge string
	}{
		"none":       {nil, 401, "Bearer"},
		"expired":    {[]string{"Bearer " + old}, 401, `Bearer error="invalid_token", error_description="the token has expired"`},
		"made up":    {[]string{"Bearer " + callers.NewToken()}, 401, `Bearer error="invalid_token", error_description="the token is not one of this server's"`},
		"a JWT":      {[]string{"Bearer a.b.c"}, 401, `Bearer error="invalid_token", error_description="the token is not one of this server's"`},
		"basic":      {[]string{"Basic YTpi"}, 400, `Bearer error="invalid_request", error_description="Authorization must be Bearer and one token"`},
		"no token":   {[]string{"Bearer "}, 400, `Bearer error="invalid_request", error_description="Authorization must be Bearer and one token"`},
		"two":        {[]string{"Bearer " + reader, "Bearer " + orderer}, 400, `Bearer error="invalid_request", error_description="Authorization must be Bearer and one token"`},
		"altered":    {[]string{"Bearer " + reader[:len(reader)-1]}, 401, `Bearer error="invalid_token", error_description="the token is not one of this server's"`},
		"upper case": {[]string{"Bearer " + strings.ToUpper(reader)}, 401, `Bearer error="invalid_token", error_description="the token is not one of this server's"`},
	} {
		_, err := a.Authenticate(request(c.header...))
		f := refusal(t, err)
		require.Equal(t, c.status, f.Status, name)
		require.Equal(t, c.challenge, f.Challenge, name)
	}
	inURL := httptest.NewRequest(http.MethodPost, "/mcp?access_token="+reader, nil)
	_, err = a.Authenticate(inURL)
	require.Equal(t, 400, refusal(t, err).Status)
	require.NotContains(t, err.Error(), reader)

	who, ok := a.SignIn(t.Context(), " "+orderer+"\n")
	require.True(t, ok)
	require.Equal(t, "orderer", who)
	for _, token := range []string{reader, old, "", callers.NewToken()} {
		_, ok := a.SignIn(t.Context(), token)
		require.False(t, ok, "no approver")
	}
	require.Nil(t, a.Metadata())
}

func TestWrongTokensFilesAreExplained(t *testing.T) {
	hash := callers.HashToken("x")
	for content, want := range map[string]string{
		"":         "it holds no tokens",
		"tokens: ": "it holds no tokens",
		"tokens:\n  - {name: a, hash: " + hash + ", scope: [x]}":                                  "scope",
		"tokens:\n  - {name: a b, hash: " + hash + "}":                                            `:2: name "a b"`,
		"tokens:\n  - {name: a, hash: abc}":                                                       ":2: hash is not sha256:",
		"tokens:\n  - {name: a, hash: " + hash + ", scopes: [read]}":                              `:2: scope "read" is none of`,
		"tokens:\n  - {name: a, hash: " + hash + ", families: [direct]}":                          `:2: family "direct" is none of`,
		"tokens:\n  - {name: a, hash: " + hash + ", expires: tomorrow}":                           `:2: expires "tomorrow" is not a day`,
		"tokens:\n  - {name: a, hash: " + hash + ", maxOrdersPerDay: -1}":                         ":2: maxOrdersPerDay -1 is below 0",
		"tokens:\n  - {name: a, hash: " + hash + ", readOnly: true, scopes: [licenses:order]}":    ":2: readOnly contradicts",
		"tokens:\n  - {name: a, hash: " + hash + "}\n\n  - {name: a, hash: " + hash[:70] + "0}\n": ":4: the name a is that of the token on line 2",
		"tokens:\n  - {name: a, hash: " + hash + "}\n  - {name: b, hash: " + hash + "}\n":         ":3: the hash is that of the token on line 2",
		"tokens: [": "yaml",
	} {
		_, err := callers.New(callers.Options{TokensFile: tokensFile(t, content)})
		require.Error(t, err, content)
		require.Contains(t, err.Error(), want)
		require.Contains(t, err.Error(), "tokens.yaml")
	}
	_, err := callers.New(callers.Options{TokensFile: filepath.Join(t.TempDir(), "none.yaml")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestReloadKeepsWhatWorks(t *testing.T) {
	first, second := callers.NewToken(), callers.NewToken()
	path := tokensFile(t, "tokens:\n  - {name: first, hash: "+callers.HashToken(first)+"}\n")
	a, err := callers.New(callers.Options{TokensFile: path})
	require.NoError(t, err)
	require.NoError(t, callers.AppendToken(path, callers.Entry{Name: "second", Hash: callers.HashToken(second), Families: []string{"plesk"}}))
	_, err = a.Authenticate(request("Bearer " + second))
	require.Error(t, err, "not read yet")
	require.NoError(t, a.Reload())
	_, err = a.Authenticate(request("Bearer " + second))
	require.NoError(t, err)

	require.ErrorContains(t, callers.AppendToken(path, callers.Entry{Name: "second", Hash: callers.HashToken("z")}), "the token was not added")
	require.NoError(t, os.WriteFile(path, []byte("tokens: nonsense"), 0o600))
	require.Error(t, a.Reload())
	_, err = a.Authenticate(request("Bearer " + first))
	require.NoError(t, err, "a broken file changes nothing")
}

func TestAccessTokens(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		i := newIssuer(t, path)
		a, err := callers.New(callers.Options{Issuer: i.url, Audience: audience, Resource: audience, Now: func() time.Time { return now }})
		require.NoError(t, err)
		caller, err := a.Authenticate(request("Bearer " + i.token(nil)))
		require.NoError(t, err)
		require.Equal(t, &callers.Caller{Name: "oauth:alice", Scopes: []callers.Scope{callers.Read, callers.Order}}, caller)
		caller, err = a.Authenticate(request("Bearer " + i.token(map[string]any{"scope": nil, "scp": []string{"licenses:terminate"}, "aud": []string{"x", audience}})))
		require.NoError(t, err)
		require.Equal(t, []callers.Scope{callers.Terminate}, caller.Scopes)

		public, err := i.key.PublicKey.Bytes()
		require.NoError(t, err)
		stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		none := "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + strings.Split(i.token(nil), ".")[1] + "."
		for name, c := range map[string]struct {
			token  string
			status int
			says   string
		}{
			"expired":        {i.token(map[string]any{"exp": now.Add(-time.Minute).Unix()}), 401, "it has expired"},
			"no expiry":      {i.token(map[string]any{"exp": nil}), 401, "not good here"},
			"not yet":        {i.token(map[string]any{"nbf": now.Add(time.Hour).Unix()}), 401, "it is not valid yet"},
			"audience":       {i.token(map[string]any{"aud": "https://other.example.com"}), 401, "another audience"},
			"no audience":    {i.token(map[string]any{"aud": nil}), 401, "another audience"},
			"issuer":         {i.token(map[string]any{"iss": "https://other.example.com"}), 401, "another issuer"},
			"nobody":         {i.token(map[string]any{"sub": "", "client_id": ""}), 401, "whose it is"},
			"no scope":       {i.token(map[string]any{"scope": "openid"}), 403, "none of the scopes"},
			"ID token":       {i.token(map[string]any{"nonce": "n"}), 401, "it is an ID token"},
			"type":           {i.signed(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, "logout+jwt", i.claims(nil)), 401, "not that of an access token"},
			"stranger's key": {i.signed(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}, "at+jwt", i.claims(nil)), 401, "signature"},
			"HMAC of a key":  {i.signed(jose.SigningKey{Algorithm: jose.HS256, Key: public}, "at+jwt", i.claims(nil)), 401, "not good here"},
			"alg none":       {none, 401, "not good here"},
			"altered":        {i.token(nil) + "A", 401, "not good here"},
			"no JWT":         {"opaque", 401, "it is no JWT"},
		} {
			_, err := a.Authenticate(request("Bearer " + c.token))
			f := refusal(t, err)
			require.Equal(t, c.status, f.Status, name)
			require.Contains(t, f.Message, c.says, name)
			require.NotContains(t, f.Message+f.Challenge, c.token, name)
			require.Contains(t, f.Challenge, `resource_metadata="https://licences.example.com/.well-known/oauth-protected-resource/mcp"`, name)
			require.Contains(t, f.Challenge, `scope="licenses:read licenses:order licenses:edit licenses:terminate"`, name)
		}

		i.rotate("two")
		_, err = a.Authenticate(request("Bearer " + i.token(nil)))
		require.NoError(t, err, "a new key is fetched when a token names it")
		_, err = a.Authenticate(request("Bearer wss_" + strings.Repeat("0", 52)))
		require.Equal(t, 401, refusal(t, err).Status)
	}
}

func TestAnIssuerThatIsAwayIsNoRefusal(t *testing.T) {
	i := newIssuer(t, "/.well-known/openid-configuration")
	clock := now
	a, err := callers.New(callers.Options{Issuer: i.url, Audience: audience, Now: func() time.Time { return clock }})
	require.NoError(t, err)
	i.away.Store(true)
	_, err = a.Authenticate(request("Bearer " + i.token(nil)))
	f := refusal(t, err)
	require.Equal(t, 503, f.Status)
	require.Empty(t, f.Challenge)
	require.NotZero(t, f.RetryAfter)
	i.away.Store(false)
	clock = clock.Add(time.Minute)
	_, err = a.Authenticate(request("Bearer " + i.token(nil)))
	require.NoError(t, err)

	// Its keys are kept; a token under a key that is not among them needs a look.
	i.away.Store(true)
	_, err = a.Authenticate(request("Bearer " + i.token(nil)))
	require.NoError(t, err)
	i.rotate("three")
	require.Eventually(t, func() bool { // the fetch before may still count as under way, and its keys as the newest
		_, err := a.Authenticate(request("Bearer " + i.token(nil)))
		return refusal(t, err).Status == 503
	}, 10*time.Second, time.Millisecond)
}

func TestMetadata(t *testing.T) {
	a, err := callers.New(callers.Options{Issuer: "https://issuer.example.com", Audience: audience, Resource: audience})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	a.Metadata().ServeHTTP(w, httptest.NewRequest(http.MethodGet, callers.MetadataPath, nil))
	require.JSONEq(t, `{"resource":"https://licences.example.com/mcp","resource_name":"WebSoftSolus licences","authorization_servers":["https://issuer.example.com"],
		"scopes_supported":["licenses:read","licenses:order","licenses:edit","licenses:terminate"],"bearer_methods_supported":["header"]}`, w.Body.String())

	for _, wrong := range []callers.Options{{Issuer: "http://issuer.example.com", Audience: "a"}, {Issuer: "nonsense", Audience: "a"}, {Issuer: "https://issuer.example.com"}} {
		_, err := callers.New(wrong)
		require.Error(t, err)
	}
}

func TestRequireAuthentication(t *testing.T) {
	require.NoError(t, callers.RequireAuthentication(true, false))
	require.NoError(t, callers.RequireAuthentication(false, true))
	require.ErrorContains(t, callers.RequireAuthentication(false, false), "--tokens-file")
}

func FuzzAuthorization(f *testing.F) {
	token := callers.NewToken()
	path := filepath.Join(f.TempDir(), "tokens.yaml")
	require.NoError(f, os.WriteFile(path, []byte("tokens:\n  - {name: a, hash: "+callers.HashToken(token)+"}\n"), 0o600))
	a, err := callers.New(callers.Options{TokensFile: path, Issuer: "http://127.0.0.1:1", Audience: "a"})
	require.NoError(f, err)
	for _, seed := range []string{"", "Bearer", "Bearer x", "Bearer a.b.c", "bearer " + token + " ", "Basic " + token, "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer " + token + "," + token} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		caller, err := a.Authenticate(request(header))
		if err == nil {
			fields := strings.Fields(header)
			require.Equal(t, "a", caller.Name)
			require.Equal(t, token, fields[len(fields)-1])
			return
		}
		failure := refusal(t, err)
		require.Contains(t, []int{400, 401, 503}, failure.Status)
		require.NotContains(t, failure.Challenge, "\n")
	})
}
