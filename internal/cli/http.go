package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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
)

// streamsPerCaller bounds the streams that one caller holds open.
const streamsPerCaller = 2000

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
	authenticator, err := authenticate(ctx, web, log)
	if err != nil {
		return err
	}
	reload := []func() error{}
	if authenticator != nil {
		reload = append(reload, authenticator.Reload)
	}
	listener, err := net.Listen("tcp", web.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", web.Addr, err)
	}
	defer listener.Close()
	scheme := "http"
	if web.TLSCert != "" {
		certificate := &certificate{cert: web.TLSCert, key: web.TLSKey}
		if err := certificate.load(); err != nil {
			return &config.Error{Flag: "tls-cert", Message: err.Error()}
		}
		reload = append(reload, certificate.load)
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.get, NextProtos: []string{"http/1.1"}})
		scheme = "https"
	}
	observed, err := observe(log)
	if err != nil {
		return err
	}
	a, err := assemble(settings, log, observed)
	if err != nil {
		return err
	}
	origin := web.PublicURL
	if origin == "" {
		origin = fmt.Sprintf("%s://%s", scheme, listener.Addr())
	}
	a.consent.Key = a.sharedKey("request-state")
	var signIn func(context.Context, string) (string, bool)
	if authenticator != nil {
		signIn = authenticator.SignIn
	}
	approvals := a.approvalsAt(settings, origin, signIn, s.err)
	ready := &readiness{looks: []func(context.Context) error{a.client.Reachable, a.operations.Ready}, now: time.Now}
	replicas := config.IsPostgres(settings.Journal)
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
		Calmed:               debug.FreeOSMemory,
		Key:                  a.sharedKey("http-session"),
		EndSession:           a.operations.EndSession,
		Replicas:             replicas && !web.StickySessions,
		Ready:                ready.check,
		Routes:               map[string]http.Handler{"/approvals": approvals, "/approvals/": approvals},
		Metrics:              observed,
		Context:              observed.Headers,
		Logger:               log,
	}
	if authenticator != nil {
		options.Authenticate = authenticated(authenticator)
		for _, path := range authenticator.MetadataPaths() {
			options.Routes[path] = authenticator.MetadataHandler()
		}
	} else {
		log.Warn("no tokens and no issuer are configured: whoever can reach the port on this machine may call")
	}
	if replicas {
		options.EndedSessions = a.operations.EndedSessions
	}
	a.operations.Watch(ctx, 0)
	log.Info("serving over HTTP", "url", fmt.Sprintf("%s://%s/mcp", scheme, listener.Addr()), "version", Version(), "environment", settings.Environment)
	go onHangup(ctx, func() {
		for _, again := range reload {
			if err := again(); err != nil {
				log.Error("read again on SIGHUP; what was read before stays", "error", err)
			}
		}
	})
	defer context.AfterFunc(ctx, a.operations.StopLooking)()
	front := httpserver.New(options)
	watch(observed, a, front.Sessions)
	served := front.Serve(ctx, listener, web.ShutdownTimeout)

	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*settings.Timeout+30*time.Second)
	defer cancel()
	defer flush(closing, observed, log)
	if err := a.close(closing); err != nil {
		log.Error("an operation may not have recorded its outcome; another replica or the next start finds out", "error", err)
		return err
	}
	return served
}

// authenticate makes what tells callers apart; nil where nobody has to say who
// they are.
func authenticate(ctx context.Context, web *config.HTTPSettings, log *slog.Logger) (*callers.Authenticator, error) {
	given := callers.Options{
		TokensFile: web.TokensFile, Issuer: web.OAuthIssuer, Audience: web.OAuthAudience, Resource: web.Resource, Logger: log,
	}
	if err := callers.RequireAuthentication(web.Addr, given.Configured()); err != nil {
		return nil, &config.Error{Flag: "addr", Message: err.Error()}
	}
	if !given.Configured() {
		return nil, nil
	}
	authenticator, err := callers.New(ctx, given)
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
