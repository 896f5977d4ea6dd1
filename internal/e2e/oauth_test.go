package e2e

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// authorizationServer is an issuer of access tokens: its metadata and its keys,
// and a token endpoint for the one client that it knows (RFC 6749, section 4.4).
type authorizationServer struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	issued atomic.Int64
}

const clientID, clientSecret = "crm", "a secret of the client's"

func newAuthorizationServer(t *testing.T) *authorizationServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	s := &authorizationServer{key: key}
	mux := http.NewServeMux()
	answer := func(document func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document()) }
	}
	metadata := answer(func() any {
		return object{
			"issuer": s.URL, "jwks_uri": s.URL + "/keys", "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
			"response_types_supported": []string{"code"}, "grant_types_supported": []string{"client_credentials"}, "code_challenge_methods_supported": []string{"S256"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		}
	})
	mux.HandleFunc("GET /.well-known/openid-configuration", metadata)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", metadata)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		if id != clientID || secret != clientSecret || r.PostFormValue("grant_type") != "client_credentials" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		s.issued.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(object{
			"access_token": s.token(t, s.key, r.PostFormValue("resource"), id, cmp.Or(r.PostFormValue("scope"), "licenses:read licenses:order"), nil), "token_type": "Bearer", "expires_in": 300,
		})
	})
	mux.HandleFunc("GET /keys", answer(func() any {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Use: "sig"}}}
	}))
	s.Server = httptest.NewUnstartedServer(mux)
	s.Start() // handlers read its URL
	t.Cleanup(s.Close)
	return s
}

// token signs an access token for the audience; further claims replace its own.
func (s *authorizationServer) token(t *testing.T, key *ecdsa.PrivateKey, audience, client, scope string, claims object) string {
	t.Helper()
	all := object{
		"iss": s.URL, "aud": audience, "sub": "5f1c", "client_id": client, "scope": scope,
		"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
	}
	for name, value := range claims {
		all[name] = value
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k1").WithType("at+jwt"))
	require.NoError(t, err)
	payload, err := json.Marshal(all)
	require.NoError(t, err)
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	compact, err := signed.CompactSerialize()
	require.NoError(t, err)
	return compact
}

// TestAccessByOAuth: the built program takes access tokens of its issuer, and a
// client without one is told where to get it.
func TestAccessByOAuth(t *testing.T) {
	issuer := newAuthorizationServer(t)
	const public = "https://licences.example.com"
	audience := public + "/mcp"
	env := newAPI(t).variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	s := serve(t, env, "--public-url", public, "--oauth-issuer", issuer.URL)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	const every = "licenses:read licenses:order licenses:edit licenses:terminate"
	good := func(client, scope string) string { return issuer.token(t, issuer.key, audience, client, scope, nil) }

	for name, c := range map[string]struct {
		token, says string
		status      int
	}{
		"none":            {"", `scope="` + every + `", resource_metadata="` + public + `/.well-known/oauth-protected-resource/mcp"`, 401},
		"expired":         {issuer.token(t, issuer.key, audience, "crm", every, object{"exp": time.Now().Add(-time.Minute).Unix()}), `error="invalid_token"`, 401},
		"wrong audience":  {issuer.token(t, issuer.key, "https://elsewhere.example.com/mcp", "crm", every, nil), `error="invalid_token"`, 401},
		"wrong issuer":    {issuer.token(t, issuer.key, audience, "crm", every, object{"iss": "https://evil.example.com"}), `error="invalid_token"`, 401},
		"wrong key":       {issuer.token(t, stranger, audience, "crm", every, nil), `error="invalid_token"`, 401},
		"none of scopes":  {good("crm", "openid profile"), `error="insufficient_scope"`, 403},
		"no token at all": {"wss_" + strings.Repeat("a", 52), `error="invalid_token"`, 401},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", "Bearer " + c.token}
		}
		status, answer, header := post(t, s.url, initialize, headers...)
		require.Equal(t, c.status, status, "%s: %s", name, answer)
		require.Contains(t, header.Get("WWW-Authenticate"), c.says, name)
	}

	// The metadata is where the challenge says, for any client, and names the issuer.
	for _, path := range []string{"/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"} {
		var metadata struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
			Scopes   []string `json:"scopes_supported"`
		}
		require.NoError(t, json.Unmarshal([]byte(get(t, s.at(path))), &metadata))
		require.Equal(t, audience, metadata.Resource)
		require.Equal(t, []string{issuer.URL}, metadata.Servers)
		require.Equal(t, strings.Fields(every), metadata.Scopes)
	}

	// A scope is a tool that can be used; another client is another caller.
	reader, crm, shop := newHTTPCaller(t, s.url, good("reports", "licenses:read")), newHTTPCaller(t, s.url, good("crm", every)), newHTTPCaller(t, s.url, good("shop", "licenses:read licenses:order"))
	require.Len(t, crm.tools(), 12)
	require.NotContains(t, shop.tools(), "terminate_license")
	require.NotContains(t, shop.tools(), "edit_license")
	require.Contains(t, shop.tools(), "order_plesk12_license")
	require.NotContains(t, reader.tools(), "order_plesk12_license")
	order := valid("")["order_virtuozzo_license"]
	// A call that needs another scope is answered with what to ask the issuer for,
	// in both eras (MCP specification 2025-11-25, "Scope Challenge Handling").
	for _, c := range []struct {
		caller       *httpCaller
		tool, scopes string
	}{
		{reader, "order_virtuozzo_license", "licenses:read licenses:order"},
		{shop, "edit_license", "licenses:read licenses:order licenses:edit"},
		{shop, "terminate_license", "licenses:read licenses:order licenses:terminate"},
	} {
		const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
		for extra, headers := range map[string][]string{
			"":         c.caller.headers,
			"," + meta: append(c.caller.headers[:2:2], "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", c.tool),
		} {
			status, answer, header := post(t, s.url, `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"`+c.tool+`","arguments":{}`+extra+`}}`, headers...)
			require.Equal(t, http.StatusForbidden, status, answer)
			require.Contains(t, answer, "insufficient_scope")
			require.Contains(t, answer, "nothing was done")
			require.Contains(t, header.Get("WWW-Authenticate"), `error="insufficient_scope"`)
			require.Contains(t, header.Get("WWW-Authenticate"), `scope="`+c.scopes+`", resource_metadata="`+public+`/.well-known/oauth-protected-resource/mcp"`)
		}
	}
	batched, _, header := post(t, s.url, strings.Replace(initialize, "2025-11-25", "2025-03-26", 1), reader.headers[:2]...)
	require.Equal(t, http.StatusOK, batched)
	_, answer, _ := post(t, s.url, `[{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"terminate_license","arguments":{}}}]`, append(reader.headers[:2:2], "Mcp-Session-Id", header.Get("Mcp-Session-Id"))...)
	require.Contains(t, answer, "not_allowed", "within a batch the tool says so")
	preview := crm.call("order_virtuozzo_license", order)
	confirmed := with(order, "confirm", preview["confirm"])
	require.Equal(t, "confirm_unknown", shop.refused("order_virtuozzo_license", confirmed))
	require.Equal(t, "operation_not_found", shop.refused("get_operation", object{"operationId": preview["operationId"]}))
	require.Equal(t, "done", crm.call("order_virtuozzo_license", confirmed)["outcome"])

	// A token renewed for the same client is the same caller, in the same session.
	crm.headers[1] = "Bearer " + issuer.token(t, issuer.key, audience, "crm", every, object{"jti": "2"})
	operation := crm.call("get_operation", object{"operationId": preview["operationId"]})["operation"].(object)
	require.Equal(t, "succeeded", operation["state"])
	exported, stderr, status := run(t, env, "", "operations", "export")
	require.Equal(t, 0, status, stderr)
	require.Contains(t, exported, `"principal":"5f1c via crm at `+issuer.URL+`"`)
}

// TestAClientFindsItsTokenByItself: the TypeScript SDK's client has credentials
// at an issuer, and the URL of the server. Where to get a token, and for which
// resource, it learns from the server.
func TestAClientFindsItsTokenByItself(t *testing.T) {
	needNode(t)
	for _, way := range nodeWays {
		if way.transport == "stdio" {
			continue
		}
		t.Run(way.String(), func(t *testing.T) {
			t.Parallel()
			issuer := newAuthorizationServer(t)
			address := freeAddress(t)
			env := newAPI(t).variables(t, filepath.Join(t.TempDir(), "ledger.db"))
			flags := []string{"--addr", address, "--public-url", "http://" + address, "--oauth-issuer", issuer.URL}
			if way.transport == "sse" { // hosts use both paths: the audience has none
				flags = append(flags, "--oauth-audience", "http://"+address)
			}
			s := serve(t, env, flags...)
			n := startNode(t, way, object{"url": s.at(way.path()), "oauth": object{"clientId": clientID, "clientSecret": clientSecret, "issuer": issuer.URL}})
			order := valid("")["order_virtuozzo_license"]
			require.Equal(t, "done", n.ok(t, "order_virtuozzo_license", with(order, "confirm", n.ok(t, "order_virtuozzo_license", order)["confirm"]))["outcome"])
			require.EqualValues(t, 1, issuer.issued.Load())
			exported, stderr, status := run(t, env, "", "operations", "export")
			require.Equal(t, 0, status, stderr)
			require.Contains(t, exported, "5f1c via crm at "+issuer.URL)
		})
	}
}
