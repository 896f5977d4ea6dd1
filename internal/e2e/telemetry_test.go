package e2e

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlptest"
)

// What the built program counts and exports.

// withHeader adds a header to every request.
type withHeader struct{ name, value string }

func (h withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	return webClient.Transport.RoundTrip(r)
}

// open connects the official SDK's client.
func (s *served) open(t *testing.T, version string, web *http.Client) *mcp.ClientSession {
	t.Helper()
	sdk := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil)
	session, err := sdk.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: s.url, HTTPClient: cmp.Or(web, webClient)}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	require.NoError(t, err, s.stderr)
	t.Cleanup(func() { session.Close() })
	return session
}

// ask calls a tool and returns its result.
func ask(t *testing.T, session *mcp.ClientSession, tool string, args object, meta mcp.Meta) object {
	t.Helper()
	answer, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args, Meta: meta})
	require.NoError(t, err)
	result, ok := answer.StructuredContent.(object)
	require.True(t, ok, "%v", answer)
	return result
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := webClient.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

// TestMetricsOfTheProcess reads /metrics after real calls.
func TestMetricsOfTheProcess(t *testing.T) {
	s := serve(t, bareEnvironment(t), "--env", "sandbox")
	session := s.open(t, eras[0], nil)
	key := ask(t, session, "list_licenses", object{"family": "plesk"}, nil)["licenses"].([]any)[0].(object)["keyNumber"].(string)
	ask(t, session, "get_license", object{"family": "plesk", "keyNumber": key}, nil)
	ask(t, session, "get_license", object{"family": "plesk", "keyNumber": "PLSK.99999999"}, nil)
	order := with(valid("")["order_virtuozzo_license"], "title", "quiet-title")
	confirmed := with(order, "confirm", ask(t, session, "order_virtuozzo_license", order, nil)["confirm"])
	require.Equal(t, "done", ask(t, session, "order_virtuozzo_license", confirmed, nil)["outcome"])
	ask(t, session, "order_virtuozzo_license", with(order, "title", "quiet-other"), nil)

	shown := get(t, strings.TrimSuffix(s.url, "/mcp")+"/metrics")
	for _, want := range []string{
		`websoftsolus_mcp_tool_calls_total{tool="get_license",outcome="ok"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="get_license",outcome="not_found"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="order_virtuozzo_license",outcome="ok"} 3`,
		`websoftsolus_mcp_api_requests_total{method="GET",endpoint="/license/{family}/{keyNumber}",status="404"} 1`,
		`websoftsolus_mcp_api_requests_total{method="POST",endpoint="/license/{family}/order",status="200"} 1`,
		`websoftsolus_mcp_tokens_renewed_total 1`,
		`websoftsolus_mcp_operations{state="succeeded"} 1`,
		`websoftsolus_mcp_operations{state="proposed"} 1`,
		`websoftsolus_mcp_sessions 1`,
	} {
		require.Contains(t, shown, want+"\n")
	}
	for _, never := range []string{key, "PLSK.", "quiet", fmt.Sprint(confirmed["confirm"])} {
		require.NotContains(t, shown, never)
	}
	require.NoError(t, session.Close())
	s.stop(t)
}

const (
	inMeta    = "0af7651916cd43dd8448eb211c80319c"
	inHeaders = "4bf92f3577b34da6a3ce929d0e0e4736"
	caller    = "b7ad6b7169203331"
)

func traceparent(trace string) string { return "00-" + trace + "-" + caller + "-01" }

// traced are the spans of a trace by their names, of which the call's must be
// under the caller's and everything else under the call's.
func traced(t *testing.T, spans []*tracepb.Span, trace, tool string) map[string]int {
	t.Helper()
	names := map[string]int{}
	var call *tracepb.Span
	for _, s := range spans {
		if hex.EncodeToString(s.TraceId) == trace && s.Name == "tools/call "+tool {
			require.Nil(t, call)
			call = s
			require.Equal(t, caller, hex.EncodeToString(s.ParentSpanId))
		}
	}
	require.NotNil(t, call, "no call of %s in trace %s", tool, trace)
	for _, s := range spans {
		if hex.EncodeToString(s.ParentSpanId) == hex.EncodeToString(call.SpanId) {
			require.Equal(t, call.TraceId, s.TraceId)
			names[s.Name]++
		}
	}
	return names
}

// clean fails on an argument's value in anything that was exported.
func clean(t *testing.T, collector *otlptest.Collector, never ...string) {
	t.Helper()
	for _, request := range collector.Requests(1) {
		for _, value := range never {
			require.NotContains(t, string(request.Body), value)
		}
	}
}

// TestTracesOverHTTP: the collector has every span when the process has ended,
// under the caller's of _meta or else of the HTTP headers.
func TestTracesOverHTTP(t *testing.T) {
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			collector := otlptest.New()
			s := serve(t, append(bareEnvironment(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.Start(t), "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"), "--env", "sandbox")
			session := s.open(t, version, &http.Client{Transport: withHeader{"traceparent", traceparent(inHeaders)}})
			ask(t, session, "get_license", object{"family": "plesk", "keyNumber": "PLSK.99999999"}, nil)
			order := valid("")["order_virtuozzo_license"]
			order["title"] = "quiet-title"
			order["confirm"] = ask(t, session, "order_virtuozzo_license", order, nil)["confirm"]
			ask(t, session, "order_virtuozzo_license", order, mcp.Meta{"traceparent": traceparent(inMeta)})
			require.NoError(t, session.Close())
			require.Less(t, s.stop(t), 3*time.Second)

			spans := collector.Spans(7)
			require.Equal(t, 1, traced(t, spans, inHeaders, "get_license")["GET /license/{family}/{keyNumber}"])
			require.Equal(t, 1, traced(t, spans, inMeta, "order_virtuozzo_license")["POST /license/{family}/order"])
			require.Equal(t, "websoftsolus-mcp", collector.Resource()["service.name"])
			require.Len(t, collector.Metric("websoftsolus.mcp.tool.calls").GetSum().DataPoints, 2)
			clean(t, collector, "PLSK.", "quiet", fmt.Sprint(order["confirm"]))
		})
	}
}

// TestTracesOverStdio: the same, of a process that a host starts.
func TestTracesOverStdio(t *testing.T) {
	collector := otlptest.New()
	env := append(bareEnvironment(t), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+collector.Start(t)+"/v1/traces", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json")
	c := connect(t, eras[1], env, "--env", "sandbox")
	ask(t, c.ClientSession, "get_license", object{"family": "plesk", "keyNumber": "PLSK.99999999"}, mcp.Meta{"traceparent": traceparent(inMeta), "tracestate": "vendor=1"})
	require.NoError(t, c.Close())
	spans := collector.Spans(3)
	require.Len(t, spans, 3)
	require.Equal(t, map[string]int{"POST /access/token": 1, "GET /license/{family}/{keyNumber}": 1}, traced(t, spans, inMeta, "get_license"))
	require.Nil(t, collector.Metric("websoftsolus.mcp.tool.calls"), "metrics were not asked for")
	clean(t, collector, "PLSK.")
}

// TestWrongOpenTelemetryVariables: the http command says what to change and does
// not start; a process of a host says so and serves, because a host passes on
// what is meant for itself.
func TestWrongOpenTelemetryVariables(t *testing.T) {
	env := append(bareEnvironment(t), "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	_, stderr, status := run(t, env, "", "http", "--env", "sandbox", "--addr", "127.0.0.1:0")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "OTEL_EXPORTER_OTLP_PROTOCOL")
	require.Contains(t, stderr, "http/protobuf")

	stdout, stderr, status := run(t, env, hello, "--env", "sandbox")
	require.Equal(t, 0, status)
	require.Len(t, messages(t, stdout), 1)
	require.Contains(t, stderr, "nothing is exported to OpenTelemetry")
	require.Contains(t, stderr, "http/protobuf")
}

// TestADeadCollectorHoldsNothingUp: calls are answered and the process ends in
// time with a collector that takes connections and never answers.
func TestADeadCollectorHoldsNothingUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	env := append(bareEnvironment(t), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+silent.Addr().String(), "OTEL_BSP_MAX_QUEUE_SIZE=1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1")
	s := serve(t, env, "--env", "sandbox")
	session := s.open(t, eras[0], nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 50 {
		_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "get_license", Arguments: object{"family": "plesk", "keyNumber": "PLSK.99999999"}})
		require.NoError(t, err)
	}
	require.NoError(t, session.Close())
	require.Less(t, s.stop(t), 6*time.Second)
	require.Contains(t, s.stderr.String(), "was not exported to OpenTelemetry")
}

// TestTelemetryLibrariesAreNotLinked: each makes every start slower, and the
// tests that need them must not bring them in.
func TestTelemetryLibrariesAreNotLinked(t *testing.T) {
	linked, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	require.NotEmpty(t, linked.Deps)
	for _, module := range linked.Deps {
		for _, heavy := range []string{"go.opentelemetry.io/", "google.golang.org/", "github.com/prometheus/", "github.com/VictoriaMetrics/"} {
			require.False(t, strings.HasPrefix(module.Path, heavy), module.Path)
		}
	}
}
