// Package otlp sends traces and metrics to an OpenTelemetry collector, as the
// standard OTEL_* variables say. Start with [Wanted], which costs nothing, and
// [New], which is called only where it says so.
//
// A span stands for a tool's call, joined to the caller's trace by traceparent
// and tracestate in the request's _meta or, failing that, in its HTTP headers.
// Below it stands one span for each attempt of a request to the API. Nothing is
// sent to the API of this: its requests carry no trace headers.
//
// Sampling, batching, the resource, endpoints, headers and certificates follow
// the variables by way of the SDK and its exporters. The protocol is
// http/protobuf.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

const scope = "github.com/websoftsolus-mcp/websoftsolus-mcp"

// Wanted says whether the variables ask for traces or for metrics: an endpoint
// is set, the exporter is not "none", and the SDK is not disabled (OpenTelemetry,
// "Environment Variable Specification").
func Wanted(getenv func(string) string) (traces, metrics bool) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, false
	}
	wanted := func(signal string) bool {
		return getenv("OTEL_"+signal+"_EXPORTER") != "none" &&
			(getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != "")
	}
	return wanted("TRACES"), wanted("METRICS")
}

// check refuses what the variables may ask for and this program does not do.
func check(getenv func(string) string) error {
	var wrong []error
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"} {
		if v := getenv(name); v != "" && v != "http/protobuf" {
			wrong = append(wrong, fmt.Errorf("%s: only http/protobuf is spoken, not %q", name, v))
		}
	}
	for _, name := range []string{"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"} {
		if v := getenv(name); v != "" && v != "otlp" && v != "none" {
			wrong = append(wrong, fmt.Errorf("%s: it must be otlp or none, not %q", name, v))
		}
	}
	return errors.Join(wrong...)
}

// Sink is a telemetry.Sink. Its zero value is of no use.
type Sink struct {
	traces     *sdktrace.TracerProvider
	metrics    *sdkmetric.MeterProvider
	tracer     trace.Tracer
	calls      metric.Int64Counter
	requests   metric.Float64Histogram
	tokens     metric.Int64Counter
	propagator propagation.TraceContext
}

// New starts what the variables ask for; nil where that is nothing. It opens no
// connection.
func New(ctx context.Context, getenv func(string) string, version string, sources telemetry.Sources) (*Sink, error) {
	traces, metrics := Wanted(getenv)
	if !traces && !metrics {
		return nil, nil
	}
	if err := check(getenv); err != nil {
		return nil, err
	}
	// The variables come last, so that they win.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "websoftsolus-mcp"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe this program to OpenTelemetry: %w", err)
	}
	s := &Sink{}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(about)}
	if traces {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("start the exporter of traces: %w", err)
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	} else {
		options = append(options, sdktrace.WithSampler(sdktrace.NeverSample()))
	}
	s.traces = sdktrace.NewTracerProvider(options...)
	s.tracer = s.traces.Tracer(scope, trace.WithInstrumentationVersion(version))
	meters := []sdkmetric.Option{sdkmetric.WithResource(about)}
	if metrics {
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the exporter of metrics: %w", err), s.traces.Shutdown(ctx))
		}
		meters = append(meters, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)))
	}
	s.metrics = sdkmetric.NewMeterProvider(meters...)
	if err := s.instruments(s.metrics.Meter(scope, metric.WithInstrumentationVersion(version)), sources); err != nil {
		return nil, errors.Join(err, s.Shutdown(ctx))
	}
	return s, nil
}

func (s *Sink) instruments(meter metric.Meter, sources telemetry.Sources) error {
	var failures [5]error
	s.calls, failures[0] = meter.Int64Counter("websoftsolus.mcp.tool.calls", metric.WithUnit("{call}"))
	s.requests, failures[1] = meter.Float64Histogram("websoftsolus.mcp.api.request.duration", metric.WithUnit("s"))
	s.tokens, failures[2] = meter.Int64Counter("websoftsolus.mcp.tokens.renewed", metric.WithUnit("{token}"))
	if sources.Sessions != nil {
		_, failures[3] = meter.Int64ObservableGauge("websoftsolus.mcp.sessions", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(sources.Sessions()))
			return nil
		}))
	}
	if sources.Operations != nil {
		_, failures[4] = meter.Int64ObservableGauge("websoftsolus.mcp.operations", metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			counted, err := sources.Operations(ctx)
			for state, n := range counted {
				o.Observe(int64(n), metric.WithAttributes(attribute.String("state", state)))
			}
			return err
		}))
	}
	return errors.Join(failures[:]...)
}

// carrier is a request's _meta, of which only texts count.
type carrier map[string]any

func (c carrier) Get(key string) string {
	text, _ := c[key].(string)
	return text
}

func (c carrier) Set(string, string) {} // nothing is written back

func (c carrier) Keys() []string { return []string{"traceparent", "tracestate"} }

// Headers joins the caller's trace by its HTTP headers.
func (s *Sink) Headers(ctx context.Context, h http.Header) context.Context {
	return s.propagator.Extract(ctx, propagation.HeaderCarrier(h))
}

// Call begins the span of a tool's call, under the caller's.
func (s *Sink) Call(ctx context.Context, tool string, meta map[string]any) (context.Context, func(string)) {
	if meta != nil {
		ctx = s.propagator.Extract(ctx, carrier(meta))
	}
	ctx, span := s.tracer.Start(ctx, "tools/call "+tool, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("mcp.method.name", "tools/call"), attribute.String("gen_ai.tool.name", tool)))
	return ctx, func(outcome string) {
		s.calls.Add(ctx, 1, metric.WithAttributes(attribute.String("tool", tool), attribute.String("outcome", outcome)))
		if outcome != "ok" {
			span.SetAttributes(attribute.String("error.type", outcome))
			span.SetStatus(codes.Error, outcome)
		}
		span.End()
	}
}

// Attempt records the span of an attempt that is over.
func (s *Sink) Attempt(ctx context.Context, a websoftsolus.Attempt) {
	status := telemetry.Status(a)
	s.requests.Record(ctx, a.Took.Seconds(), metric.WithAttributes(
		attribute.String("http.request.method", a.Method), attribute.String("url.template", a.Endpoint), attribute.String("status", status)))
	if telemetry.Renewed(a) {
		s.tokens.Add(ctx, 1)
	}
	ended := time.Now()
	_, span := s.tracer.Start(ctx, a.Method+" "+a.Endpoint, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(ended.Add(-a.Took)),
		trace.WithAttributes(attribute.String("http.request.method", a.Method), attribute.String("url.template", a.Endpoint),
			attribute.Int("http.request.resend_count", a.Number-1)))
	if a.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", a.Status))
	}
	if a.Kind != "" {
		span.SetAttributes(attribute.String("error.type", string(a.Kind)))
		span.SetStatus(codes.Error, string(a.Kind))
	}
	span.End(trace.WithTimestamp(ended))
}

// Shutdown sends what is left, within the context's time.
func (s *Sink) Shutdown(ctx context.Context) error {
	return errors.Join(s.traces.Shutdown(ctx), s.metrics.Shutdown(ctx))
}
