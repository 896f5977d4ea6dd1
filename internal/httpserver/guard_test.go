package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHosts: a request comes to one of our names or is refused, on every path
// that asks who calls. A page whose name was pointed at this machine sends its
// own.
func TestHosts(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Hosts = []string{"Licences.Example.com"} })
	for host, status := range map[string]int{
		"":                             http.StatusOK,
		"localhost":                    http.StatusOK,
		"LOCALHOST:1":                  http.StatusOK,
		"localhost.":                   http.StatusOK,
		"127.0.0.1:99":                 http.StatusOK,
		"[::1]:80":                     http.StatusOK,
		"licences.example.com":         http.StatusOK,
		"LICENCES.example.com:8443":    http.StatusOK,
		"evil.example.com":             http.StatusForbidden,
		"licences.example.com.evil.io": http.StatusForbidden,
		"127.0.0.1.evil.io":            http.StatusForbidden,
		"localhost.evil.io":            http.StatusForbidden,
		"10.0.0.1":                     http.StatusForbidden,
		"0.0.0.0":                      http.StatusForbidden,
	} {
		a := f.post(hello("2025-11-25", "{}"), "Host", host)
		require.Equal(t, status, a.status, "%s: %s", host, a.body)
		if status == http.StatusForbidden {
			require.Contains(t, a.body, "--allowed-hosts")
			require.Empty(t, a.header.Get(sessionHeader))
			for _, path := range []string{"/sse", "/message"} {
				require.Equal(t, http.StatusForbidden, f.do(http.MethodGet, path, "", "Host", host).status, path)
			}
		}
	}
	require.Equal(t, http.StatusOK, f.do(http.MethodGet, "/healthz", "", "Host", "10.1.2.3").status, "a balancer asks by address")
	require.Equal(t, http.StatusOK, f.do(http.MethodGet, "/readyz", "", "Host", "10.1.2.3").status)
}

// TestOrigins: a page may call if it is ours or named, and CORS is on for those
// that are named alone.
func TestOrigins(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Origins = []string{"https://App.example.com/"} })
	host := strings.TrimPrefix(f.url, "http://")
	for origin, want := range map[string]struct {
		status int
		cors   bool
	}{
		"":                                 {http.StatusOK, false},
		f.url:                              {http.StatusOK, false},
		"https://" + host:                  {http.StatusOK, false}, // TLS may end in front
		"https://app.example.com":          {http.StatusOK, true},
		"https://APP.example.com":          {http.StatusOK, true},
		"http://app.example.com":           {http.StatusForbidden, false},
		"https://app.example.com:444":      {http.StatusForbidden, false},
		"https://app.example.com.evil":     {http.StatusForbidden, false},
		"https://evil.example.com":         {http.StatusForbidden, false},
		"http://localhost:1":               {http.StatusForbidden, false},
		"null":                             {http.StatusForbidden, false},
		"https://evil.example.com/" + host: {http.StatusForbidden, false},
	} {
		for _, method := range []string{http.MethodPost, http.MethodOptions} {
			a := f.do(method, "/mcp", hello("2025-11-25", "{}"), "Origin", origin, "Access-Control-Request-Method", "POST")
			if want.cors {
				require.Equal(t, origin, a.header.Get("Access-Control-Allow-Origin"), origin)
				require.Contains(t, a.header.Get("Access-Control-Expose-Headers"), "Mcp-Session-Id")
				require.Contains(t, a.header.Get("Vary"), "Origin")
				require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"))
			} else {
				for name := range a.header {
					require.False(t, strings.HasPrefix(name, "Access-Control"), "%s: %s", origin, name)
				}
			}
			switch {
			case method == http.MethodPost:
				require.Equal(t, want.status, a.status, "%s: %s", origin, a.body)
			case want.cors:
				require.Equal(t, http.StatusNoContent, a.status, origin)
			default:
				require.NotEqual(t, http.StatusNoContent, a.status, "no preflight for %s", origin)
				require.NotEqual(t, http.StatusOK, a.status, origin)
			}
			if want.status == http.StatusForbidden {
				require.Empty(t, a.header.Get(sessionHeader), origin)
				require.Equal(t, http.StatusForbidden, f.do(http.MethodGet, "/sse", "", "Origin", origin).status)
				require.Equal(t, http.StatusForbidden, f.do(http.MethodPost, "/message", "{}", "Origin", origin).status)
			}
		}
	}
}

// TestMediaTypes: what is no JSON is not read, and a client that can read
// neither of our answers gets none of them.
func TestMediaTypes(t *testing.T) {
	f := newFixture(t)
	for kind, status := range map[string]int{
		"application/json":                  http.StatusOK,
		"Application/JSON; charset=utf-8":   http.StatusOK,
		"":                                  http.StatusUnsupportedMediaType,
		"text/plain":                        http.StatusUnsupportedMediaType, // what a page may send without being asked
		"application/x-www-form-urlencoded": http.StatusUnsupportedMediaType,
		"application/jsonx":                 http.StatusUnsupportedMediaType,
		";;":                                http.StatusUnsupportedMediaType,
	} {
		require.Equal(t, status, f.post(hello("2025-11-25", "{}"), "Content-Type", kind).status, kind)
		if status != http.StatusOK {
			body, headers := modernCall(1, "echo", "{}")
			require.Equal(t, status, f.post(body, append(headers, "Content-Type", kind)...).status, kind)
		}
	}
	session := f.session("2025-11-25", "{}")
	for accept, want := range map[string][2]int{ // of POST, of GET
		"":                                     {http.StatusOK, http.StatusOK},
		"*/*":                                  {http.StatusOK, http.StatusOK},
		"application/json, text/event-stream":  {http.StatusOK, http.StatusOK},
		"text/*;q=0.5, application/json":       {http.StatusOK, http.StatusOK},
		"application/json":                     {http.StatusOK, http.StatusNotAcceptable},
		"text/event-stream":                    {http.StatusOK, http.StatusOK},
		"text/html, image/png":                 {http.StatusNotAcceptable, http.StatusNotAcceptable},
		"application/json;q=0, image/png":      {http.StatusNotAcceptable, http.StatusNotAcceptable},
		"text/event-stream; q=0, image/*;q=1 ": {http.StatusNotAcceptable, http.StatusNotAcceptable},
	} {
		require.Equal(t, want[0], f.post(ping, append(session, "Accept", accept)...).status, accept)
		response, _, stop := f.open(http.MethodGet, "/mcp", "", append(session, "Accept", accept)...)
		stop()
		require.Equal(t, want[1], response.StatusCode, accept)
		response, _, stop = f.open(http.MethodGet, "/sse", "", "Accept", accept)
		stop()
		require.Equal(t, want[1], response.StatusCode, accept)
	}
}

// TestMethods: each path has its methods, and each version.
func TestMethods(t *testing.T) {
	f := newFixture(t)
	for _, row := range []struct {
		method, path, version string
		status                int
		allow                 string
	}{
		{http.MethodPut, "/mcp", "", http.StatusMethodNotAllowed, "GET, POST, DELETE"},
		{http.MethodHead, "/mcp", "", http.StatusMethodNotAllowed, "GET, POST, DELETE"},
		{http.MethodGet, "/mcp", "2026-07-28", http.StatusMethodNotAllowed, "POST"},
		{http.MethodDelete, "/mcp", "2026-07-28", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPatch, "/mcp", "2026-07-28", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPost, "/sse", "", http.StatusMethodNotAllowed, "GET"}, // an old client tells the transports apart by this
		{http.MethodGet, "/message", "", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPost, "/healthz", "", http.StatusMethodNotAllowed, "GET, HEAD"},
		{http.MethodGet, "/mcp", "", http.StatusBadRequest, ""},
		{http.MethodDelete, "/mcp", "2025-11-25", http.StatusBadRequest, ""},
		{http.MethodGet, "/", "", http.StatusNotFound, ""},
		{http.MethodPost, "/mcp/x", "", http.StatusNotFound, ""},
	} {
		a := f.do(row.method, row.path, "", "Mcp-Protocol-Version", row.version, "Content-Type", "application/json")
		require.Equal(t, row.status, a.status, "%s %s %s: %s", row.method, row.path, row.version, a.body)
		require.Equal(t, row.allow, a.header.Get("Allow"), "%s %s", row.method, row.path)
	}
}
