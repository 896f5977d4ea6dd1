// Package telemetry counts what the server does: calls by tool and outcome,
// requests to the API by endpoint and status with their latency, operations by
// state, sessions, and tokens renewed. No argument, key number or text of a call
// is in any of it; label values come from fixed lists.
//
// [New] makes a [Telemetry], which is an http.Handler in Prometheus's text
// format. Its [Telemetry.Call] and [Telemetry.Attempt] are the hooks of
// tools.Set and websoftsolus.Client. A [Sink] hears the same; package otlp
// beneath this one is such a sink, for OpenTelemetry. It is a package of its own
// because its libraries take longer to start than everything else here.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Sources are read when somebody asks for the metrics; a nil one is left out.
type Sources struct {
	// Operations counts the ledger's operations by their state.
	Operations func(context.Context) (map[string]int, error)
	// Sessions is how many clients are connected.
	Sessions func() int
}

// Sink hears of each call and each request to the API.
type Sink interface {
	// Call begins a tool's call. meta is the request's _meta, nil where it has
	// none. The context is the call's from there on, and the function ends it with
	// its outcome: "ok" or the code of a failure.
	Call(ctx context.Context, tool string, meta map[string]any) (context.Context, func(outcome string))
	// Attempt reports one attempt of a request to the API, when it is over.
	Attempt(ctx context.Context, a websoftsolus.Attempt)
	// Headers takes up what an HTTP request's headers say of the caller's trace.
	Headers(ctx context.Context, h http.Header) context.Context
	// Shutdown sends what is left.
	Shutdown(ctx context.Context) error
}

// Telemetry holds the metrics of one server. It is safe for use by many
// goroutines.
type Telemetry struct {
	set     *metrics.Set
	sources Sources
	sinks   []Sink
}

// buckets of the latency of the API, in seconds. Its timeout is 30 s by default.
var buckets = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// scrapeTime bounds reading the sources for one scrape.
const scrapeTime = 5 * time.Second

// tokenEndpoint is where tokens come from.
const tokenEndpoint = "/access/token"

// New returns a Telemetry with a registry of its own.
func New(sources Sources, sinks ...Sink) *Telemetry {
	metrics.ExposeMetadata(true) // # TYPE lines
	t := &Telemetry{set: metrics.NewSet(), sources: sources, sinks: sinks}
	t.set.GetOrCreateCounter("websoftsolus_mcp_tokens_renewed_total") // 0 until the first
	t.set.GetOrCreateCounter("websoftsolus_mcp_scrape_failures_total")
	return t
}

// Call counts a tool's call. It is the Observe hook of tools.Set.
func (t *Telemetry) Call(ctx context.Context, tool string, meta map[string]any) (context.Context, func(outcome string)) {
	ends := make([]func(string), len(t.sinks))
	for i, sink := range t.sinks {
		ctx, ends[i] = sink.Call(ctx, tool, meta)
	}
	return ctx, func(outcome string) {
		t.set.GetOrCreateCounter(fmt.Sprintf(`websoftsolus_mcp_tool_calls_total{tool=%q,outcome=%q}`, tool, outcome)).Inc()
		for _, end := range ends {
			end(outcome)
		}
	}
}

// Attempt counts a request to the API. It is the Observe hook of
// websoftsolus.Client.
func (t *Telemetry) Attempt(ctx context.Context, a websoftsolus.Attempt) {
	labels := fmt.Sprintf(`{method=%q,endpoint=%q,status=%q}`, a.Method, a.Endpoint, Status(a))
	t.set.GetOrCreateCounter("websoftsolus_mcp_api_requests_total" + labels).Inc()
	t.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`websoftsolus_mcp_api_request_seconds{method=%q,endpoint=%q}`, a.Method, a.Endpoint), buckets).Update(a.Took.Seconds())
	if Renewed(a) {
		t.set.GetOrCreateCounter("websoftsolus_mcp_tokens_renewed_total").Inc()
	}
	for _, sink := range t.sinks {
		sink.Attempt(ctx, a)
	}
}

// Renewed says whether an attempt brought a new token.
func Renewed(a websoftsolus.Attempt) bool { return a.Endpoint == tokenEndpoint && a.Kind == "" }

// Status is an attempt's HTTP status, or the kind of its failure where there was
// no answer.
func Status(a websoftsolus.Attempt) string {
	if a.Status == 0 {
		return string(a.Kind)
	}
	return strconv.Itoa(a.Status)
}

// Headers takes up the caller's trace from an HTTP request.
func (t *Telemetry) Headers(ctx context.Context, h http.Header) context.Context {
	for _, sink := range t.sinks {
		ctx = sink.Headers(ctx, h)
	}
	return ctx
}

// ServeHTTP writes the metrics in Prometheus's text format. Where the ledger
// cannot be read the operations are left out, and the failure is counted.
func (t *Telemetry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "metrics are read with GET", http.StatusMethodNotAllowed)
		return
	}
	now := metrics.NewSet()
	if t.sources.Sessions != nil {
		now.GetOrCreateGauge("websoftsolus_mcp_sessions", nil).Set(float64(t.sources.Sessions()))
	}
	if t.sources.Operations != nil {
		ctx, cancel := context.WithTimeout(r.Context(), scrapeTime)
		counted, err := t.sources.Operations(ctx)
		cancel()
		if err != nil {
			t.set.GetOrCreateCounter("websoftsolus_mcp_scrape_failures_total").Inc()
		}
		for state, n := range counted {
			now.GetOrCreateGauge(fmt.Sprintf("websoftsolus_mcp_operations{state=%q}", state), nil).Set(float64(n))
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	t.set.WritePrometheus(w)
	now.WritePrometheus(w)
}

// Shutdown sends what the sinks hold.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var failures []error
	for _, sink := range t.sinks {
		failures = append(failures, sink.Shutdown(ctx))
	}
	return errors.Join(failures...)
}
