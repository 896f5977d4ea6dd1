package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/httpserver"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
)

const (
	streamsPerCaller  = 2000 // that one caller holds open
	sessionsPerCaller = 2000 // of one caller that anything is kept of
)

type httpCommand struct {
	config.Flags
	config.HTTPFlags
}

// Run serves clients over HTTP until the process is told to stop, and then until
// their calls are answered.
func (c *httpCommand) Run(ctx context.Context, s streams) error {
	settings, wrong := c.Flags.Settings()
	web, wrongToo := c.HTTPFlags.Settings()
	if err := errors.Join(wrong, wrongToo); err != nil {
		return err
	}
	log := newLogger(s.err, settings.LogLevel, settings.LogFormat)
	if config.SecretFileIsOpen(c.SecretFile) {
		log.Warn("the secret file can be read by other users of this machine; chmod 600 it", "file", c.SecretFile)
	}
	authenticator, err := authenticate(web, log)
	if err != nil {
		return err
	}
	entrance, err := listen(web)
	if err != nil {
		return err
	}
	defer entrance.Close()
	observed, err := observe(log)
	if err != nil {
		return err
	}
	a, err := assemble(settings, log, observed)
	if err != nil {
		return err
	}
	a.consent.Key = a.sharedKey("request-state")
	options := a.frontOptions(settings, web, observed)
	a.identify(&options, authenticator)
	a.addApprovals(&options, settings, cmp.Or(web.PublicURL, entrance.url()), authenticator, s.err)
	front := httpserver.New(options)
	watch(observed, a, front.Sessions)
	a.operations.Watch(ctx, 0)
	told := make(chan time.Time, 1) // when the process was told to stop
	defer context.AfterFunc(ctx, func() {
		told <- time.Now()
		a.operations.StopLooking()
	})()
	go onHangup(ctx, func() {
		if err := errors.Join(entrance.reload(), reloadTokens(authenticator)); err != nil {
			log.Error("read again on SIGHUP; what was read before stays", "error", err)
		}
	})
	log.Info("serving over HTTP", "url", entrance.url()+"/mcp", "version", Version(), "environment", settings.Environment)
	// Some of the time to stop is left for what nobody waits for any more: an
	// operation whose caller has gone, and the ledger.
	last := min(2*time.Second, web.ShutdownTimeout/10)
	served := front.Serve(ctx, entrance, web.ShutdownTimeout-last)
	since := time.Now()
	select {
	case since = <-told:
	default: // the listener failed
	}
	closing, cancel := context.WithDeadline(context.WithoutCancel(ctx), since.Add(web.ShutdownTimeout))
	defer cancel()
	defer flush(closing, observed, log)
	if err := a.close(closing); err != nil {
		log.Error("an operation may not have recorded its outcome; another replica or the next start finds out", "error", err)
		return err
	}
	return served
}

// frontOptions are those of the HTTP front that the flags and the assembly
// decide. Anybody may call until identify says otherwise.
func (a *assembly) frontOptions(settings *config.Settings, web *config.HTTPSettings, observed *telemetry.Telemetry) httpserver.Options {
	ready := &readiness{looks: []func(context.Context) error{a.client.Reachable, a.operations.Ready}, now: time.Now}
	options := httpserver.Options{
		Answerer:             a.answerer,
		Watch:                a.watch,
		Hosts:                web.Hosts,
		Origins:              web.AllowedOrigins,
		RepairProtocolHeader: web.RepairProtocolHeader,
		RequestsPerSecond:    web.RequestsPerSecond,
		CallsInFlight:        web.CallsInFlight,
		StreamsPerCaller:     streamsPerCaller,
		SessionIdle:          web.SessionIdle,
		SessionsPerCaller:    sessionsPerCaller,
		Calmed:               debug.FreeOSMemory,
		Key:                  a.sharedKey("http-session"),
		EndSession:           a.operations.EndSession,
		EndedSessions:        a.operations.EndedSessions,
		Ready:                ready.check,
		Routes:               map[string]http.Handler{},
		Metrics:              observed,
		Context:              observed.Headers,
		Logger:               a.log,
	}
	options.Replicas = config.IsPostgres(settings.Journal) && !web.StickySessions
	return options
}

// identify has the front ask who calls. authenticator is nil where nobody has to
// say.
func (a *assembly) identify(options *httpserver.Options, authenticator *callers.Authenticator) {
	if authenticator == nil {
		a.log.Warn("no tokens and no issuer are configured: whoever can reach the port on this machine may call")
		return
	}
	options.Authenticate = authenticated(authenticator)
	options.Forbidden = func(caller *callers.Caller, tool string) *callers.Error {
		scope, known := a.tools.Scope(tool)
		if !known || !caller.Issued || caller.May(scope) {
			return nil // whom no other token would help is answered by the tool
		}
		return authenticator.InsufficientScope(caller, scope)
	}
	for _, path := range authenticator.MetadataPaths() {
		options.Routes[path] = authenticator.MetadataHandler()
	}
}

// addApprovals puts the approval page on the front, under the server's URL.
func (a *assembly) addApprovals(options *httpserver.Options, settings *config.Settings, origin string, authenticator *callers.Authenticator, stderr io.Writer) {
	page := a.approvalsAt(settings, origin, authenticator, stderr)
	options.Routes["/approvals"], options.Routes["/approvals/"] = page, page
}

// entrance is where clients come in: a listener, with TLS where there is a
// certificate.
type entrance struct {
	net.Listener
	certificate *certificate // nil without TLS
}

func listen(web *config.HTTPSettings) (*entrance, error) {
	e := &entrance{}
	if web.TLSCert != "" {
		e.certificate = &certificate{cert: web.TLSCert, key: web.TLSKey}
		if err := e.certificate.load(); err != nil {
			return nil, &config.Error{Flag: "tls-cert", Message: err.Error()}
		}
	}
	listener, err := net.Listen("tcp", web.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", web.Addr, err)
	}
	e.Listener = listener
	if e.certificate != nil {
		e.Listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: e.certificate.get, NextProtos: []string{"http/1.1"}})
	}
	return e, nil
}

// url is the server's on this machine, without a path.
func (e *entrance) url() string {
	if e.certificate != nil {
		return "https://" + e.Addr().String()
	}
	return "http://" + e.Addr().String()
}

// reload reads the certificate again.
func (e *entrance) reload() error {
	if e.certificate == nil {
		return nil
	}
	return e.certificate.load()
}

// reloadTokens reads the tokens file again, where there is one.
func reloadTokens(authenticator *callers.Authenticator) error {
	if authenticator == nil {
		return nil
	}
	return authenticator.Reload()
}

// authenticate makes what tells callers apart; nil where nobody has to say who
// they are.
func authenticate(web *config.HTTPSettings, log *slog.Logger) (*callers.Authenticator, error) {
	given := callers.Options{
		TokensFile: web.TokensFile, Issuer: web.OAuthIssuer, Audience: web.OAuthAudience, Resource: web.Resource, Logger: log,
	}
	if err := callers.RequireAuthentication(web.Addr, given.Configured()); err != nil {
		return nil, &config.Error{Flag: "addr", Message: err.Error()}
	}
	if !given.Configured() {
		return nil, nil
	}
	authenticator, err := callers.New(given)
	if err != nil {
		return nil, &config.Error{Flag: "tokens-file", Message: err.Error()}
	}
	return authenticator, nil
}

// authenticated asks who makes a request, and answers where nobody is told.
func authenticated(a *callers.Authenticator) func(http.ResponseWriter, *http.Request) (*callers.Caller, bool) {
	return func(w http.ResponseWriter, r *http.Request) (*callers.Caller, bool) {
		caller, err := a.Authenticate(r)
		var refused *callers.Error
		if errors.As(err, &refused) {
			refused.Answer(w)
			return nil, false
		}
		return caller, err == nil
	}
}

// onHangup calls again for every SIGHUP until ctx ends.
func onHangup(ctx context.Context, again func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup:
			again()
		case <-ctx.Done():
			return
		}
	}
}

// certificate is a certificate that can be read again.
type certificate struct {
	cert, key string
	loaded    atomic.Pointer[tls.Certificate]
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.loaded.Store(&pair)
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.loaded.Load(), nil
}
