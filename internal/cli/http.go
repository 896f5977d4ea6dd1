package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

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
	reload := []func() error{}
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
	ready := &readiness{looks: []func(context.Context) error{a.client.Reachable}, now: time.Now}
	options := httpserver.Options{
		Answerer:             a.answerer,
		Hosts:                web.Hosts,
		Origins:              web.AllowedOrigins,
		RepairProtocolHeader: web.RepairProtocolHeader,
		RequestsPerSecond:    web.RequestsPerSecond,
		CallsInFlight:        web.CallsInFlight,
		StreamsPerCaller:     streamsPerCaller,
		SessionIdle:          web.SessionIdle,
		Ready:                ready.check,
		Metrics:              observed,
		Context:              observed.Headers,
		Logger:               log,
	}
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
