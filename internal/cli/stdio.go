package cli

import (
	"context"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/stdio"
)

type stdioCommand struct {
	config.Flags
}

// Run serves one client over the process's stdin and stdout until stdin ends or
// the process is told to stop. Calls in flight finish first; a claimed
// operation whose caller has gone still records its outcome.
func (c *stdioCommand) Run(ctx context.Context, s streams) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	log := newLogger(s.err, settings.LogLevel, settings.LogFormat)
	if config.SecretFileIsOpen(c.SecretFile) {
		log.Warn("the secret file can be read by other users of this machine; chmod 600 it", "file", c.SecretFile)
	}
	observed := observeStdio(log)
	a, err := assemble(settings, log, observed)
	if err != nil {
		return err
	}
	watch(observed, a, nil)
	log.Debug("serving over stdio", "version", Version(), "environment", settings.Environment)
	defer context.AfterFunc(ctx, a.operations.StopLooking)()
	approvals := a.approvals(settings, s.err)
	transport := stdio.Server{Answerer: a.answerer, Watch: a.watch}
	served := transport.Serve(operations.WithActor(ctx, operations.Actor{Transport: "stdio"}), s.in, s.out)
	approvals.Close()

	// An operation that a caller no longer waits for ends on its own deadline,
	// which is the API's timeout and some seconds to look at what came of it.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*settings.Timeout+30*time.Second)
	defer cancel()
	defer flush(closing, observed, log)
	if err := a.close(closing); err != nil {
		log.Error("an operation may not have recorded its outcome; the next start finds out", "error", err)
		return err
	}
	return served
}
