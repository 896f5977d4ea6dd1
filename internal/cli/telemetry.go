package cli

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlp"
)

// flushTime is how long the end of the process waits for a collector.
const flushTime = 3 * time.Second

// observe counts, and exports to a collector where the OTEL_* variables ask for
// it. Its error is for wrong ones.
func observe(log *slog.Logger) (*telemetry.Telemetry, error) {
	observed := telemetry.New(telemetry.Sources{})
	exporter, err := otlp.New(otlp.Options{Getenv: os.Getenv, Version: Version(), Read: observed.Read, Logger: log})
	if err != nil {
		return nil, wrongUsage(err.Error())
	}
	if exporter != nil {
		observed.Add(exporter)
	}
	return observed, nil
}

// observeStdio is observe for a process that a host starts, in which nobody asks
// for metrics: nil unless the variables ask for an export. Wrong ones are only
// said. A host passes its own environment on, and where that has the host export
// over gRPC it is not a reason to serve no tools.
func observeStdio(log *slog.Logger) *telemetry.Telemetry {
	if traces, metrics := otlp.Wanted(os.Getenv); !traces && !metrics {
		return nil
	}
	observed, err := observe(log)
	if err != nil {
		log.Error("nothing is exported to OpenTelemetry", "error", err)
		return nil
	}
	return observed
}

// watch has the ledger's operations counted, and sessions where there are any.
// observed may be nil.
func watch(observed *telemetry.Telemetry, a *assembly, sessions func() int) {
	if observed != nil {
		observed.Watch(telemetry.Sources{Operations: a.operations.States, Sessions: sessions})
	}
}

// flush exports what is left. observed may be nil.
func flush(ctx context.Context, observed *telemetry.Telemetry, log *slog.Logger) {
	if observed == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	if err := observed.Shutdown(ctx); err != nil {
		log.Warn("the end was not exported to OpenTelemetry", "error", err)
	}
}
