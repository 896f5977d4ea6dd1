// Package telemetry counts what the server does: calls by tool and outcome,
// requests to the API by endpoint and status with their latency, operations by
// state, sessions, and tokens renewed. No argument, key number or text of a call
// is in any of it; label values come from fixed lists.
//
// [New] makes a [Telemetry]. Its [Telemetry.Call] and [Telemetry.Attempt] are
// the hooks of tools.Set and websoftsolus.Client; [Telemetry.Read] is all that was
// counted, and the Telemetry itself is an http.Handler that shows it in
// Prometheus's text format. A [Sink] hears the same calls and attempts; package
// otlp beneath this one is such a sink, for OpenTelemetry.
//
// Both are written here and use no library: hosts start this program anew for
// every conversation, and the initialisation of the libraries for it (a registry
// of metrics, the OpenTelemetry SDK and its exporters) took up to a third of the
// time to the first answer, in processes that count nothing.
package telemetry

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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
	sources atomic.Pointer[Sources]
	sinks   []Sink
	since   time.Time

	mu       sync.Mutex
	calls    map[callLabels]uint64
	requests map[requestLabels]*latency
	renewed  uint64
	failures uint64 // to read the ledger
}

// tokenEndpoint is where tokens come from.
const tokenEndpoint = "/access/token"

// New returns a Telemetry that has counted nothing.
func New(sources Sources) *Telemetry {
	t := &Telemetry{since: time.Now(), calls: map[callLabels]uint64{}, requests: map[requestLabels]*latency{}}
	t.Watch(sources)
	return t
}

// Watch sets where the numbers come from that are not counted here. It is for
// parts that are made later than this one.
func (t *Telemetry) Watch(sources Sources) { t.sources.Store(&sources) }

// Add lets a sink hear of everything from now on. It must not be called once
// calls are served.
func (t *Telemetry) Add(s Sink) { t.sinks = append(t.sinks, s) }

// Call counts a tool's call. It is the Observe hook of tools.Set.
func (t *Telemetry) Call(ctx context.Context, tool string, meta map[string]any) (context.Context, func(outcome string)) {
	ends := make([]func(string), len(t.sinks))
	for i, sink := range t.sinks {
		ctx, ends[i] = sink.Call(ctx, tool, meta)
	}
	return ctx, func(outcome string) {
		t.mu.Lock()
		t.calls[callLabels{tool, outcome}]++
		t.mu.Unlock()
		for _, end := range ends {
			end(outcome)
		}
	}
}

// Attempt counts a request to the API. It is the Observe hook of
// websoftsolus.Client.
func (t *Telemetry) Attempt(ctx context.Context, a websoftsolus.Attempt) {
	labels := requestLabels{a.Method, a.Endpoint, Status(a)}
	t.mu.Lock()
	taken := t.requests[labels]
	if taken == nil {
		taken = &latency{}
		t.requests[labels] = taken
	}
	taken.add(a.Took.Seconds())
	if a.Endpoint == tokenEndpoint && a.Kind == "" {
		t.renewed++
	}
	t.mu.Unlock()
	for _, sink := range t.sinks {
		sink.Attempt(ctx, a)
	}
}

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

// Shutdown sends what the sinks hold, within the context's time.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var failures []error
	for _, sink := range t.sinks {
		failures = append(failures, sink.Shutdown(ctx))
	}
	return errors.Join(failures...)
}
