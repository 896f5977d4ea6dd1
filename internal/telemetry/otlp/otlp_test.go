package otlp_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlp"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlptest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

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
			exporter, err := otlp.New(otlp.Options{Getenv: environment(row.env)})
			require.NoError(t, err)
			require.Nil(t, exporter, name)
		}
	}
}

// TestSpansJoinTheCallersTrace: a collector gets the span of each call under the
// caller's, the requests to the API under the call's, and no value of any of them.
func TestSpansJoinTheCallersTrace(t *testing.T) {
	for _, protocol := range []string{"", "http/protobuf", "http/json"} {
		for _, compression := range []string{"", "gzip"} {
			t.Run(protocol+" "+compression, func(t *testing.T) {
				joinTheCallersTrace(t, map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_COMPRESSION": compression, "OTEL_SERVICE_NAME": "licences"})
			})
		}
	}
}

func joinTheCallersTrace(t *testing.T, env map[string]string) {
	collector := otlptest.New()
	env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Start(t)
	simulated := sandbox.New(sandbox.Options{})
	api, err := simulated.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer api.Close()
	observed := telemetry.New(telemetry.Sources{
		Sessions:   func() int { return 1 },
		Operations: func(context.Context) (map[string]int, error) { return map[string]int{"proposed": 2}, nil },
	})
	exporter, err := otlp.New(otlp.Options{Getenv: environment(env), Version: "1.2.3", Read: observed.Read})
	require.NoError(t, err)
	observed.Add(exporter)
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

	spans := collector.Spans(7)
	require.Equal(t, "licences", collector.Resource()["service.name"])
	require.Equal(t, "1.2.3", collector.Resource()["service.version"])
	require.NotEmpty(t, collector.Resource()["service.instance.id"])
	calls := map[string]*tracepb.Span{}
	children := map[string][]string{}
	for _, span := range spans {
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
	require.Equal(t, uint32(0x301), first.Flags, "sampled, and under a span of somebody else")
	require.Equal(t, tracepb.Span_SPAN_KIND_SERVER, first.Kind)
	require.LessOrEqual(t, first.StartTimeUnixNano, first.EndTimeUnixNano)
	require.Equal(t, map[string]any{"mcp.method.name": "tools/call", "gen_ai.tool.name": "get_license"}, otlptest.Values(first.Attributes))
	require.Equal(t, map[string]any{"mcp.method.name": "tools/call", "gen_ai.tool.name": "get_license", "error.type": "not_found"}, otlptest.Values(second.Attributes))
	for _, span := range spans {
		if span.Name == "GET /license/{family}/{keyNumber}" && hex.EncodeToString(span.TraceId) == byHeader {
			require.Equal(t, map[string]any{"http.request.method": "GET", "url.template": "/license/{family}/{keyNumber}",
				"http.response.status_code": int64(404), "error.type": "not_found"}, otlptest.Values(span.Attributes))
			require.Equal(t, uint32(0x101), span.Flags)
			require.Equal(t, tracepb.Span_SPAN_KIND_CLIENT, span.Kind)
		}
	}
	counted := map[string]int64{}
	sum := collector.Metric("websoftsolus.mcp.tool.calls").GetSum()
	require.True(t, sum.IsMonotonic)
	require.Equal(t, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE, sum.AggregationTemporality)
	for _, p := range sum.DataPoints {
		require.Less(t, p.StartTimeUnixNano, p.TimeUnixNano)
		counted[fmt.Sprint(otlptest.Values(p.Attributes))] = p.GetAsInt()
	}
	require.Equal(t, map[string]int64{"map[outcome:not_found tool:get_license]": 1, "map[outcome:ok tool:get_license]": 2}, counted)
	took := map[any]*metricspb.HistogramDataPoint{}
	for _, p := range collector.Metric("websoftsolus.mcp.api.request.duration").GetHistogram().DataPoints {
		took[otlptest.Values(p.Attributes)["status"]] = p
		require.Len(t, p.BucketCounts, len(p.ExplicitBounds)+1)
		require.Equal(t, 0.01, p.ExplicitBounds[0])
		all := uint64(0)
		for _, n := range p.BucketCounts {
			all += n
		}
		require.Equal(t, p.Count, all)
		require.Positive(t, p.GetSum())
	}
	require.Equal(t, uint64(1), took["404"].Count)
	require.Equal(t, int64(1), collector.Metric("websoftsolus.mcp.tokens.renewed").GetSum().DataPoints[0].GetAsInt())
	require.Equal(t, int64(1), collector.Metric("websoftsolus.mcp.sessions").GetGauge().DataPoints[0].GetAsInt())
	operations := collector.Metric("websoftsolus.mcp.operations").GetGauge().DataPoints
	require.Equal(t, int64(2), operations[0].GetAsInt())
	require.Equal(t, map[string]any{"state": "proposed"}, otlptest.Values(operations[0].Attributes))
	for _, request := range collector.Requests(2) {
		for _, never := range []string{key, "PLSK.", secret, login} {
			require.NotContains(t, string(request.Body), never)
		}
	}
}
