package otlp

import (
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
)

const scopeName = "github.com/websoftsolus-mcp/websoftsolus-mcp"

// attribute is a name with a text or an int.
type attribute struct {
	key   string
	value any
}

type spanKind int

// Kinds of spans (opentelemetry/proto/trace/v1, Span.SpanKind).
const (
	server spanKind = 2
	client spanKind = 3
)

// span is one piece of work, from its begin to its end.
type span struct {
	trace      traceContext
	parent     traceContext // the zero value where it begins its trace
	name       string
	kind       spanKind
	begun      time.Time
	ended      time.Time
	attributes []attribute
	failure    string // empty where it went well
}

// fail marks the span with a code from a fixed list.
func (s *span) fail(code string) {
	s.failure = code
	s.attributes = append(s.attributes, attribute{"error.type", code})
}

// Values of the protocol's enums and flags.
const (
	statusError     = 2
	cumulative      = 2
	flagSampled     = 0x01
	flagKnowsRemote = 0x100
	flagRemote      = 0x200
)

// attributes is a list of KeyValue (opentelemetry/proto/common/v1).
func attributes(all []attribute) list {
	encoded := make(list, len(all))
	for i, a := range all {
		var value field
		switch v := a.value.(type) {
		case int:
			value = field{3, "intValue", integer(v)}
		case string:
			value = field{1, "stringValue", text(v)}
		}
		encoded[i] = message{{1, "key", text(a.key)}, {2, "value", message{value}}}
	}
	return encoded
}

// resourceMessage is a Resource (opentelemetry/proto/resource/v1).
func resourceMessage(about []attribute) message {
	return message{{1, "attributes", attributes(about)}}
}

// scope is an InstrumentationScope.
var scope = message{{1, "name", text(scopeName)}}

func timestamp(t time.Time) fixed64 { return fixed64(t.UnixNano()) }

// traceRequest is an ExportTraceServiceRequest (opentelemetry/proto/trace/v1).
func traceRequest(resource message, batch []*span) message {
	spans := make(list, len(batch))
	for i, s := range batch {
		flags := fixed32(flagSampled | flagKnowsRemote)
		if s.parent.remote {
			flags |= flagRemote
		}
		m := message{{1, "traceId", id(s.trace.trace[:])}, {2, "spanId", id(s.trace.span[:])}, {3, "traceState", text(s.trace.state)}}
		if s.parent.valid() {
			m = append(m, field{4, "parentSpanId", id(s.parent.span[:])})
		}
		m = append(m, field{5, "name", text(s.name)}, field{6, "kind", enum(s.kind)},
			field{7, "startTimeUnixNano", timestamp(s.begun)}, field{8, "endTimeUnixNano", timestamp(s.ended)},
			field{9, "attributes", attributes(s.attributes)})
		if s.failure != "" {
			m = append(m, field{15, "status", message{{2, "message", text(s.failure)}, {3, "code", enum(statusError)}}})
		}
		spans[i] = append(m, field{16, "flags", flags})
	}
	return message{{1, "resourceSpans", list{{
		{1, "resource", resource},
		{2, "scopeSpans", list{{{1, "scope", scope}, {2, "spans", spans}}}},
	}}}}
}

// metricsRequest is an ExportMetricsServiceRequest (opentelemetry/proto/metrics/v1).
// Counters are cumulative since the start.
func metricsRequest(resource message, r telemetry.Reading) message {
	now, since := timestamp(r.At), timestamp(r.Since)
	point := func(n int64, labels ...attribute) message {
		return message{{7, "attributes", attributes(labels)}, {3, "timeUnixNano", now}, {6, "asInt", fixedInteger(n)}}
	}
	counted := func(n uint64, labels ...attribute) message {
		return append(point(int64(n), labels...), field{2, "startTimeUnixNano", since})
	}
	var metrics list
	sum := func(name, unit string, points list) {
		if len(points) > 0 {
			metrics = append(metrics, message{{1, "name", text(name)}, {3, "unit", text(unit)},
				{7, "sum", message{{1, "dataPoints", points}, {2, "aggregationTemporality", enum(cumulative)}, {3, "isMonotonic", flag(true)}}}})
		}
	}
	gauge := func(name, unit string, points list) {
		if len(points) > 0 {
			metrics = append(metrics, message{{1, "name", text(name)}, {3, "unit", text(unit)}, {5, "gauge", message{{1, "dataPoints", points}}}})
		}
	}
	var calls, requests, operations, sessions list
	for _, c := range r.Calls {
		calls = append(calls, counted(c.Count, attribute{"tool", c.Tool}, attribute{"outcome", c.Outcome}))
	}
	for _, q := range r.Requests {
		requests = append(requests, message{
			{9, "attributes", attributes([]attribute{{"http.request.method", q.Method}, {"url.template", q.Endpoint}, {"status", q.Status}})},
			{2, "startTimeUnixNano", since}, {3, "timeUnixNano", now},
			{4, "count", fixed64(q.Count)}, {5, "sum", double(q.Seconds)},
			{6, "bucketCounts", fixed64s(q.Buckets[:])}, {7, "explicitBounds", doubles(telemetry.Bounds[:])},
		})
	}
	for _, o := range r.Operations {
		operations = append(operations, point(int64(o.Count), attribute{"state", o.State}))
	}
	if r.Sessions >= 0 {
		sessions = list{point(int64(r.Sessions))}
	}
	sum("websoftsolus.mcp.tool.calls", "{call}", calls)
	if len(requests) > 0 {
		metrics = append(metrics, message{{1, "name", text("websoftsolus.mcp.api.request.duration")}, {3, "unit", text("s")},
			{9, "histogram", message{{1, "dataPoints", requests}, {2, "aggregationTemporality", enum(cumulative)}}}})
	}
	sum("websoftsolus.mcp.tokens.renewed", "{token}", list{counted(r.Renewed)})
	gauge("websoftsolus.mcp.operations", "{operation}", operations)
	gauge("websoftsolus.mcp.sessions", "{session}", sessions)
	return message{{1, "resourceMetrics", list{{
		{1, "resource", resource},
		{2, "scopeMetrics", list{{{1, "scope", scope}, {2, "metrics", metrics}}}},
	}}}}
}
