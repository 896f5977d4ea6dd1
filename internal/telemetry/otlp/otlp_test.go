package otlp_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlp"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// receiver is an OTLP collector.
type receiver struct {
	mu      sync.Mutex
	spans   []*tracepb.Span
	metrics map[string]bool
	service string
	raw     []byte // every body, as it came
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw = append(r.raw, body...)
	switch q.URL.Path {
	case "/v1/traces":
		var request collectortrace.ExportTraceServiceRequest
		if proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, resource := range request.ResourceSpans {
			for _, a := range resource.Resource.Attributes {
				if a.Key == "service.name" {
					r.service = a.Value.GetStringValue()
				}
			}
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
	case "/v1/metrics":
		var request collectormetrics.ExportMetricsServiceRequest
		if proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, resource := range request.ResourceMetrics {
			for _, scope := range resource.ScopeMetrics {
				for _, m := range scope.Metrics {
					r.metrics[m.Name] = true
				}
			}
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestNothingIsStartedUnlessAsked(t *testing.T) {
	for name, row := range map[string]struct {
		env             map[string]string
		traces, metrics bool
	}{
		"nothing set":          {nil, false, false},
		"an endpoint for both": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, true, true},
		"one for traces":       {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, true, false},
		"one for metrics":      {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, false, true},
		"metrics not wanted":   {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_METRICS_EXPORTER": "none"}, true, false},
		"disabled":             {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "TRUE"}, false, false},
		"a name is no wish":    {map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_EXPORTER": "otlp"}, false, false},
	} {
		traces, metrics := otlp.Wanted(environment(row.env))
		require.Equal(t, []bool{row.traces, row.metrics}, []bool{traces, metrics}, name)
		if !traces && !metrics {
			sink, err := otlp.New(t.Context(), environment(row.env), "1", telemetry.Sources{})
			require.NoError(t, err)
			require.Nil(t, sink, name)
		}
	}
	_, err := otlp.New(t.Context(), environment(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "zipkin"}), "1", telemetry.Sources{})
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken, not "grpc"`)
	require.ErrorContains(t, err, `OTEL_TRACES_EXPORTER: it must be otlp or none, not "zipkin"`)
}

// TestSpansJoinTheCallersTrace: a collector gets the span of each call under the
// caller's, the requests to the API under the call's, and no value of any of them.
func TestSpansJoinTheCallersTrace(t *testing.T) {
	collector := &receiver{metrics: map[string]bool{}}
	listening := httptest.NewServer(collector)
	defer listening.Close()
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": listening.URL, "OTEL_SERVICE_NAME": "licences", "OTEL_TRACES_SAMPLER": "", "OTEL_SDK_DISABLED": ""} {
		t.Setenv(name, value)
	}
	simulated := sandbox.New(sandbox.Options{})
	api, err := simulated.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer api.Close()
	sources := telemetry.Sources{
		Sessions:   func() int { return 1 },
		Operations: func(context.Context) (map[string]int, error) { return map[string]int{"proposed": 2}, nil },
	}
	env := environment(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": listening.URL})
	sink, err := otlp.New(t.Context(), env, "1.2.3", sources)
	require.NoError(t, err)
	observed := telemetry.New(sources, sink)
	login, secret := simulated.Credentials()
	client := &websoftsolus.Client{BaseURL: api.URL, Login: login, Secret: secret, Observe: observed.Attempt}
	mcp := tools.NewServer(&tools.Set{API: client, Environment: "sandbox", Observe: observed.Call}, "test")
	key := simulated.Licenses(websoftsolus.Plesk)[0].KeyNumber
	call := func(ctx context.Context, key, meta string) {
		t.Helper()
		answer, err := json.Marshal(mcp.HandleMessage(ctx, json.RawMessage(fmt.Sprintf(
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_license","arguments":{"family":"plesk","keyNumber":%q}%s}}`, key, meta))))
		require.NoError(t, err)
		require.Contains(t, string(answer), "structuredContent")
	}
	const (
		byMeta   = "0af7651916cd43dd8448eb211c80319c"
		byHeader = "4bf92f3577b34da6a3ce929d0e0e4736"
		parent   = "b7ad6b7169203331"
	)
	headers := http.Header{"Traceparent": {"00-" + byHeader + "-00f067aa0ba902b7-01"}}
	withHeaders := observed.Headers(t.Context(), headers)
	call(withHeaders, key, `,"_meta":{"traceparent":"00-`+byMeta+`-`+parent+`-01","tracestate":"vendor=1","other":7}`)
	call(withHeaders, "PLSK.99999999", "")
	call(t.Context(), key, `,"_meta":{"traceparent":7}`)
	require.NoError(t, observed.Shutdown(t.Context()))

	collector.mu.Lock()
	defer collector.mu.Unlock()
	require.Equal(t, "licences", collector.service)
	calls := map[string]*tracepb.Span{}
	children := map[string][]string{}
	for _, span := range collector.spans {
		if span.Name == "tools/call get_license" {
			calls[hex.EncodeToString(span.TraceId)] = span
		} else {
			children[hex.EncodeToString(span.ParentSpanId)] = append(children[hex.EncodeToString(span.ParentSpanId)], span.Name)
		}
	}
	require.Len(t, calls, 3)
	first := calls[byMeta]
	require.NotNil(t, first, "_meta comes before the headers")
	require.Equal(t, parent, hex.EncodeToString(first.ParentSpanId))
	require.Equal(t, "vendor=1", first.TraceState)
	require.Equal(t, []string{"POST /access/token", "GET /license/{family}/{keyNumber}"}, children[hex.EncodeToString(first.SpanId)])
	second := calls[byHeader]
	require.NotNil(t, second)
	require.Equal(t, "00f067aa0ba902b7", hex.EncodeToString(second.ParentSpanId))
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, second.Status.Code)
	require.Equal(t, "not_found", second.Status.Message)
	for trace, span := range calls {
		if trace != byMeta && trace != byHeader {
			require.Empty(t, span.ParentSpanId, "what is no traceparent joins nothing")
		}
	}
	for _, name := range []string{"websoftsolus.mcp.tool.calls", "websoftsolus.mcp.api.request.duration", "websoftsolus.mcp.tokens.renewed", "websoftsolus.mcp.sessions", "websoftsolus.mcp.operations"} {
		require.True(t, collector.metrics[name], "%s of %v", name, collector.metrics)
	}
	for _, never := range []string{key, "PLSK.", secret, login} {
		require.NotContains(t, string(collector.raw), never)
	}
}
