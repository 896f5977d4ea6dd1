// Package otlp sends traces and metrics to an OpenTelemetry collector over
// OTLP/HTTP, as the standard OTEL_* variables say. Start with [Wanted], which
// costs nothing, and [New], which starts what it says.
//
// A span stands for a tool's call, joined to the caller's trace by traceparent
// and tracestate in the request's _meta or, failing that, in its HTTP headers.
// Below it stands one span for each attempt of a request to the API. Nothing is
// sent to the API of this: its requests carry no trace headers.
//
// No call waits for any of it. Spans go into a queue of bounded length and are
// dropped when it is full; one goroutine sends them, in batches.
//
// settings.go reads the variables, trace_context.go and sampler.go decide which
// trace a span belongs to and whether it is kept, batch.go holds the queue,
// records.go says what is sent, message.go in which encoding, send.go how.
//
// The OpenTelemetry SDK and its exporters are not linked: they would make every
// start of the program slower by a quarter. The tests read what is sent with the
// official packages.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Options are what an Exporter is made of. Getenv must be set.
type Options struct {
	Getenv  func(string) string
	Version string // of this program
	// Read returns the metrics to send; nil sends none.
	Read func(context.Context) telemetry.Reading
	// Wait waits for a retry's turn, and returns early with an error when ctx
	// ends; nil waits in real time.
	Wait   func(ctx context.Context, d time.Duration) error
	Logger *slog.Logger // nil logs nothing
}

// Exporter sends traces and metrics. It is a telemetry.Sink, for use by many
// goroutines.
type Exporter struct {
	sampled sampler
	spans   *batches // nil where traces are not wanted
	metrics *readings
}

// New starts what the variables ask for; nil where that is nothing. It opens no
// connection. Its error names every variable that is wrong, a line each.
func New(o Options) (*Exporter, error) {
	traces, metrics := Wanted(o.Getenv)
	metrics = metrics && o.Read != nil
	if !traces && !metrics {
		return nil, nil
	}
	s, err := read(o.Getenv, o.Version, traces, metrics)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	e := &Exporter{sampled: s.sampler}
	if traces {
		e.spans = newBatches(s.batch, s.resource, newSender(s.traces, "traces", o))
	}
	if metrics {
		e.metrics = newReadings(s.interval, s.resource, o.Read, newSender(s.metrics, "metrics", o))
	}
	return e, nil
}

// wait waits in real time.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Headers joins the caller's trace by its HTTP headers.
func (e *Exporter) Headers(ctx context.Context, h http.Header) context.Context {
	parents := h.Values("traceparent")
	if len(parents) != 1 {
		return ctx
	}
	var states string
	for i, s := range h.Values("tracestate") {
		if i > 0 {
			states += ","
		}
		states += s
	}
	return joinTrace(ctx, parents[0], states)
}

// Call begins the span of a tool's call, under the caller's.
func (e *Exporter) Call(ctx context.Context, tool string, meta map[string]any) (context.Context, func(string)) {
	if e.spans == nil {
		return ctx, func(string) {}
	}
	if parent, ok := meta["traceparent"].(string); ok {
		state, _ := meta["tracestate"].(string)
		ctx = joinTrace(ctx, parent, state)
	}
	s := e.begin(ctx, "tools/call "+tool, server, time.Now(), attribute{"mcp.method.name", "tools/call"}, attribute{"gen_ai.tool.name", tool})
	return withTrace(ctx, s.trace), func(outcome string) {
		if outcome != "ok" {
			s.fail(outcome)
		}
		e.end(s, time.Now())
	}
}

// Attempt sends the span of an attempt that is over.
func (e *Exporter) Attempt(ctx context.Context, a websoftsolus.Attempt) {
	if e.spans == nil {
		return
	}
	ended := time.Now()
	s := e.begin(ctx, a.Method+" "+a.Endpoint, client, ended.Add(-a.Took), attribute{"http.request.method", a.Method}, attribute{"url.template", a.Endpoint})
	if a.Number > 1 {
		s.attributes = append(s.attributes, attribute{"http.request.resend_count", a.Number - 1})
	}
	if a.Status != 0 {
		s.attributes = append(s.attributes, attribute{"http.response.status_code", a.Status})
	}
	if a.Kind != "" {
		s.fail(string(a.Kind))
	}
	e.end(s, ended)
}

// begin makes a span under the one that ctx carries.
func (e *Exporter) begin(ctx context.Context, name string, kind spanKind, at time.Time, attributes ...attribute) *span {
	parent := traceOf(ctx)
	s := &span{name: name, kind: kind, begun: at, parent: parent, attributes: attributes}
	s.trace = traceContext{trace: parent.trace, state: parent.state, span: newSpanID()}
	if !parent.valid() {
		s.trace.trace = newTraceID()
	}
	s.trace.sampled = e.sampled(parent, s.trace.trace)
	return s
}

func (e *Exporter) end(s *span, at time.Time) {
	if s.trace.sampled {
		s.ended = at
		e.spans.add(s)
	}
}

// Shutdown sends what is left, within the context's time, and stops. It must not
// be called twice.
func (e *Exporter) Shutdown(ctx context.Context) error {
	var failures [2]error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if e.metrics != nil {
			failures[0] = e.metrics.shutdown(ctx)
		}
	}()
	if e.spans != nil {
		failures[1] = e.spans.shutdown(ctx)
	}
	<-done
	if err := errors.Join(failures[:]...); err != nil {
		return fmt.Errorf("the last traces and metrics did not reach the collector: %w", err)
	}
	return nil
}
