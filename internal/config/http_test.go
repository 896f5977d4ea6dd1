package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
)

// flags are good ones.
func httpFlags(change func(*config.HTTPFlags)) *config.HTTPFlags {
	f := &config.HTTPFlags{Addr: "127.0.0.1:8080", RequestsPerSecond: 100, CallsInFlight: 128, SessionIdle: time.Minute, ShutdownTimeout: time.Minute}
	change(f)
	return f
}

func TestHTTPSettings(t *testing.T) {
	s, err := httpFlags(func(*config.HTTPFlags) {}).Settings()
	require.NoError(t, err)
	require.True(t, s.Loopback)
	require.Empty(t, s.Hosts)

	s, err = httpFlags(func(f *config.HTTPFlags) {
		f.Addr = "0.0.0.0:8080"
		f.PublicURL = "https://licences.example.com:8443/"
		f.AllowedHosts = []string{"replica1"}
		f.OAuthIssuer = "https://issuer.example.com"
	}).Settings()
	require.NoError(t, err)
	require.False(t, s.Loopback)
	require.Equal(t, []string{"licences.example.com:8443", "replica1"}, s.Hosts)
	require.Equal(t, "https://licences.example.com:8443/mcp", s.Resource)
	require.Equal(t, s.Resource, s.OAuthAudience, "the audience is the server itself unless another is given")

	for audience, resource := range map[string]string{
		"https://licences.example.com":     "https://licences.example.com", // of the whole server
		"https://licences.example.com/sse": "https://licences.example.com/sse",
		"licences":                         "https://licences.example.com/mcp", // a name that the issuer knows
		"https://elsewhere.example.com":    "https://licences.example.com/mcp",
	} {
		s, err = httpFlags(func(f *config.HTTPFlags) {
			f.PublicURL, f.OAuthIssuer, f.OAuthAudience = "https://licences.example.com", "https://issuer.example.com", audience
		}).Settings()
		require.NoError(t, err)
		require.Equal(t, audience, s.OAuthAudience)
		require.Equal(t, resource, s.Resource)
	}

	s, err = httpFlags(func(f *config.HTTPFlags) { f.Addr = "192.0.2.7:80" }).Settings()
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.7"}, s.Hosts, "an address is a name of its own")
}

func TestWrongHTTPFlags(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.HTTPFlags)
		flag   string
	}{
		"no port":               {func(f *config.HTTPFlags) { f.Addr = "8080" }, "--addr: "},
		"everybody, no name":    {func(f *config.HTTPFlags) { f.Addr = ":8080" }, "--addr: "},
		"certificate alone":     {func(f *config.HTTPFlags) { f.TLSCert = "cert.pem" }, "--tls-cert: "},
		"key alone":             {func(f *config.HTTPFlags) { f.TLSKey = "key.pem" }, "--tls-cert: "},
		"public URL, no scheme": {func(f *config.HTTPFlags) { f.PublicURL = "licences.example.com" }, "--public-url: "},
		"public URL, a path":    {func(f *config.HTTPFlags) { f.PublicURL = "https://example.com/licences" }, "--public-url: "},
		"host with a path":      {func(f *config.HTTPFlags) { f.AllowedHosts = []string{"a/b"} }, "--allowed-hosts: "},
		"any host":              {func(f *config.HTTPFlags) { f.AllowedHosts = []string{"*"} }, "--allowed-hosts: "},
		"origin, no scheme":     {func(f *config.HTTPFlags) { f.AllowedOrigins = []string{"app.example.com"} }, "--allowed-origins: "},
		"issuer, no audience":   {func(f *config.HTTPFlags) { f.OAuthIssuer = "https://issuer.example.com" }, "--oauth-audience: "},
		"rate below 0":          {func(f *config.HTTPFlags) { f.RequestsPerSecond = -1 }, "--requests-per-second: "},
		"no calls":              {func(f *config.HTTPFlags) { f.CallsInFlight = 0 }, "--calls-in-flight: "},
		"no idle time":          {func(f *config.HTTPFlags) { f.SessionIdle = 0 }, "--session-idle: "},
		"no time to stop":       {func(f *config.HTTPFlags) { f.ShutdownTimeout = 0 }, "--shutdown-timeout: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := httpFlags(c.change).Settings()
			var wrong *config.Error
			require.ErrorAs(t, err, &wrong)
			require.Contains(t, err.Error(), c.flag)
		})
	}
}
