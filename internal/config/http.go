package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// HTTPFlags are the flags of the http command alone.
type HTTPFlags struct {
	Addr                 string        `name:"addr" env:"WEBSOFTSOLUS_ADDR" default:"127.0.0.1:8080" help:"Address to listen on. Beyond loopback callers must authenticate, and --public-url or --allowed-hosts must name the server." placeholder:"HOST:PORT"`
	TLSCert              string        `name:"tls-cert" env:"WEBSOFTSOLUS_TLS_CERT" help:"File with the certificate chain (PEM); TLS is on with --tls-key." placeholder:"FILE"`
	TLSKey               string        `name:"tls-key" env:"WEBSOFTSOLUS_TLS_KEY" help:"File with the certificate's key (PEM)." placeholder:"FILE"`
	PublicURL            string        `name:"public-url" env:"WEBSOFTSOLUS_PUBLIC_URL" help:"URL under which clients reach the server, e.g. https://licences.example.com." placeholder:"URL"`
	AllowedHosts         []string      `name:"allowed-hosts" env:"WEBSOFTSOLUS_ALLOWED_HOSTS" help:"Further host names under which clients may call." placeholder:"HOST,…"`
	AllowedOrigins       []string      `name:"allowed-origins" env:"WEBSOFTSOLUS_ALLOWED_ORIGINS" help:"Web origins whose pages may call (CORS); none unless given." placeholder:"ORIGIN,…"`
	TokensFile           string        `name:"tokens-file" env:"WEBSOFTSOLUS_TOKENS_FILE" help:"File of callers' tokens, made with the token command; read again on SIGHUP." placeholder:"FILE"`
	OAuthIssuer          string        `name:"oauth-issuer" env:"WEBSOFTSOLUS_OAUTH_ISSUER" help:"Issuer of the access tokens to accept." placeholder:"URL"`
	OAuthAudience        string        `name:"oauth-audience" env:"WEBSOFTSOLUS_OAUTH_AUDIENCE" help:"Audience that access tokens must be for; --public-url with /mcp unless given." placeholder:"URL"`
	RequestsPerSecond    int           `name:"requests-per-second" env:"WEBSOFTSOLUS_REQUESTS_PER_SECOND" default:"100" help:"Requests that one authenticated caller may make, with bursts of twice that; 0 for no limit." placeholder:"N"`
	CallsInFlight        int           `name:"calls-in-flight" env:"WEBSOFTSOLUS_CALLS_IN_FLIGHT" default:"128" help:"Requests of one caller that may be under way at a time." placeholder:"N"`
	SessionIdle          time.Duration `name:"session-idle" env:"WEBSOFTSOLUS_SESSION_IDLE" default:"30m" help:"How long an unused session is kept in memory; its id stays good." placeholder:"DURATION"`
	StickySessions       bool          `name:"sticky-sessions" env:"WEBSOFTSOLUS_STICKY_SESSIONS" help:"With a postgres:// ledger: the balancer keeps each client on one replica, so clients of older versions can be asked too."`
	RepairProtocolHeader bool          `name:"repair-protocol-header" env:"WEBSOFTSOLUS_REPAIR_PROTOCOL_HEADER" help:"Accept requests of 2026-07-28 whose header names an older version; some connectors send such."`
	ShutdownTimeout      time.Duration `name:"shutdown-timeout" env:"WEBSOFTSOLUS_SHUTDOWN_TIMEOUT" default:"80s" help:"How long calls in flight may take after SIGTERM." placeholder:"DURATION"`
}

// HTTPSettings are checked flags of the http command.
type HTTPSettings struct {
	HTTPFlags
	// Hosts are all the names under which clients may call, besides loopback.
	Hosts []string
	// Loopback says that the address can be reached from this machine alone.
	Loopback bool
	// Resource is the URL that access tokens are for: of the MCP endpoint as clients
	// know it, or of the whole server; empty where nobody said.
	Resource string
}

// Settings checks the flags. Its error is one or more *Error.
func (f *HTTPFlags) Settings() (*HTTPSettings, error) {
	s := &HTTPSettings{HTTPFlags: *f}
	var problems []error
	wrong := func(flag, format string, args ...any) {
		problems = append(problems, &Error{Flag: flag, Message: fmt.Sprintf(format, args...)})
	}
	host, _, err := net.SplitHostPort(f.Addr)
	if err != nil {
		wrong("addr", "%q is not HOST:PORT, as in 127.0.0.1:8080", f.Addr)
	}
	ip := net.ParseIP(host)
	s.Loopback = websoftsolus.IsLoopback(host)
	if host != "" && (ip == nil || !ip.IsUnspecified()) && !s.Loopback {
		s.Hosts = append(s.Hosts, host)
	}
	if (f.TLSCert == "") != (f.TLSKey == "") {
		wrong("tls-cert", "a certificate and its key belong together: give --tls-cert and --tls-key")
	}
	if f.PublicURL != "" {
		public, err := url.Parse(f.PublicURL)
		switch {
		case err != nil, public.Host == "", public.Scheme != "https" && public.Scheme != "http", public.RawQuery != "", public.Fragment != "", public.User != nil, strings.Trim(public.Path, "/") != "":
			wrong("public-url", "%q is not a URL of a server, as in https://licences.example.com", f.PublicURL)
		default:
			s.Hosts = append(s.Hosts, public.Host)
			s.PublicURL = strings.TrimSuffix(f.PublicURL, "/")
			s.Resource = s.PublicURL + "/mcp"
		}
	}
	for _, name := range f.AllowedHosts {
		if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, "/* ") {
			wrong("allowed-hosts", "%q is not a host name", name)
			continue
		}
		s.Hosts = append(s.Hosts, name)
	}
	for _, origin := range f.AllowedOrigins {
		if parsed, err := url.Parse(strings.TrimSpace(origin)); err != nil || parsed.Host == "" || strings.Trim(parsed.Path, "/") != "" {
			wrong("allowed-origins", "%q is not an origin, as in https://app.example.com", origin)
		}
	}
	if err == nil && !s.Loopback && len(s.Hosts) == 0 {
		wrong("addr", "%s can be reached from other machines: name the server as clients do, with --public-url or --allowed-hosts", f.Addr)
	}
	if f.OAuthIssuer != "" && f.OAuthAudience == "" {
		if s.Resource == "" {
			wrong("oauth-audience", "say which audience access tokens are for, or give --public-url")
		}
		s.OAuthAudience = s.Resource
	}
	// An audience that is a URL of this server is the resource: clients ask for a
	// token for that, and compare it with the URL they were given (RFC 9728, section
	// 3.3; RFC 8707). Any other is a name that the issuer knows the server by.
	if audience, err := url.Parse(s.OAuthAudience); err == nil && audience.Scheme+"://"+audience.Host == s.PublicURL {
		s.Resource = s.OAuthAudience
	}
	if f.RequestsPerSecond < 0 {
		wrong("requests-per-second", "%d is below 0", f.RequestsPerSecond)
	}
	if f.CallsInFlight < 1 {
		wrong("calls-in-flight", "%d is below 1", f.CallsInFlight)
	}
	if f.SessionIdle < time.Second {
		wrong("session-idle", "%s is below 1s", f.SessionIdle)
	}
	if f.ShutdownTimeout <= 0 {
		wrong("shutdown-timeout", "%s is not above 0", f.ShutdownTimeout)
	}
	return s, errors.Join(problems...)
}
