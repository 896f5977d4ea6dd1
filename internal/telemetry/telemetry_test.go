package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/server"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// served is a server of the tools before a sandbox over real HTTP, observed.
func served(t *testing.T) (*server.MCPServer, *telemetry.Telemetry, *sandbox.Sandbox, *operations.Service) {
	simulated := sandbox.New(sandbox.Options{})
	listening, err := simulated.Start("127.0.0.1:0")
	require.NoError(t, err)
	login, secret := simulated.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	service := operations.NewService(operations.Config{
		API: client, Environment: "sandbox", BaseURL: listening.URL,
		Open: func(context.Context) (operations.Store, error) { return operations.OpenSQLite(":memory:") },
	})
	t.Cleanup(func() {
		require.NoError(t, service.Close(context.Background()))
		require.NoError(t, listening.Close())
	})
	observed := telemetry.New(telemetry.Sources{Operations: service.States, Sessions: func() int { return 3 }})
	client.Observe = observed.Attempt
	return tools.NewServer(&tools.Set{API: client, Operations: service, Environment: "sandbox", Observe: observed.Call}, "test"), observed, simulated, service
}

func call(t *testing.T, s *server.MCPServer, tool string, arguments any) {
	t.Helper()
	encoded, err := json.Marshal(arguments)
	require.NoError(t, err)
	answer, err := json.Marshal(s.HandleMessage(t.Context(), json.RawMessage(fmt.Sprintf(
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, encoded))))
	require.NoError(t, err)
	require.Contains(t, string(answer), "structuredContent")
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	listening := httptest.NewServer(h)
	defer listening.Close()
	response, err := http.Get(listening.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", response.Header.Get("Content-Type"))
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	_, err = parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(t, err, "Prometheus does not read this: %s", body)
	return string(body)
}

func TestAScrapeShowsWhatWasDoneAndNothingOfIt(t *testing.T) {
	s, observed, simulated, service := served(t)
	require.Contains(t, scrape(t, observed), "websoftsolus_mcp_tokens_renewed_total 0\n")

	key := simulated.Licenses(websoftsolus.Plesk)[0].KeyNumber
	order := map[string]any{"product": "PLESK_12_WEB_HOST", "title": "quiet-title", "comment": "quiet-comment", "period": "1", "confirm": ""}
	call(t, s, "get_license", map[string]any{"family": "plesk", "keyNumber": key})
	call(t, s, "get_license", map[string]any{"family": "plesk", "keyNumber": "PLSK.99999999"})
	call(t, s, "order_plesk12_license", order)
	call(t, s, "edit_license", map[string]any{"family": "plesk", "keyNumber": key, "title": "quiet-title"})
	call(t, s, "terminate_license", map[string]any{"family": "plesk", "keyNumber": key, "confirm": "made up"})
	call(t, s, "get_license", map[string]any{"family": "plesk"})
	simulated.Inject(sandbox.Fault{On: sandbox.List, Kind: sandbox.Drop})

	shown := scrape(t, observed)
	for _, want := range []string{
		"# TYPE websoftsolus_mcp_tool_calls_total counter",
		`websoftsolus_mcp_tool_calls_total{tool="get_license",outcome="ok"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="get_license",outcome="not_found"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="get_license",outcome="invalid_input"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="order_plesk12_license",outcome="ok"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="edit_license",outcome="ok"} 1`,
		`websoftsolus_mcp_tool_calls_total{tool="terminate_license",outcome="confirm_unknown"} 1`,
		`websoftsolus_mcp_api_requests_total{method="POST",endpoint="/access/token",status="200"} 1`,
		`websoftsolus_mcp_api_requests_total{method="GET",endpoint="/license/{family}/{keyNumber}",status="404"} 1`,
		`websoftsolus_mcp_api_requests_total{method="PUT",endpoint="/license/{family}/{keyNumber}",status="200"} 1`,
		"# TYPE websoftsolus_mcp_api_request_seconds histogram",
		`websoftsolus_mcp_api_request_seconds_count{method="PUT",endpoint="/license/{family}/{keyNumber}"} 1`,
		`websoftsolus_mcp_api_request_seconds_bucket{method="PUT",endpoint="/license/{family}/{keyNumber}",le="+Inf"} 1`,
		"websoftsolus_mcp_tokens_renewed_total 1",
		`websoftsolus_mcp_operations{state="proposed"} 1`,
		`websoftsolus_mcp_operations{state="succeeded"} 1`,
		`websoftsolus_mcp_operations{state="unknown"} 0`,
		"websoftsolus_mcp_sessions 3",
		"websoftsolus_mcp_scrape_failures_total 0",
	} {
		require.Contains(t, shown, want+"\n")
	}
	_, secret := simulated.Credentials()
	for _, never := range []string{"quiet", key, "PLSK.", "made up", secret} {
		require.NotContains(t, shown, never)
	}

	// A drop has no status; a ledger that cannot be read is counted and no more.
	call(t, s, "list_licenses", map[string]any{"family": "plesk"})
	require.Contains(t, scrape(t, observed), `endpoint="/license/{family}",status="network"}`)
	require.NoError(t, service.Close(t.Context()))
	scrape(t, observed)
	shown = scrape(t, observed)
	require.NotContains(t, shown, "websoftsolus_mcp_operations{")
	require.NotContains(t, shown, "websoftsolus_mcp_scrape_failures_total 0\n")
	require.Contains(t, shown, "websoftsolus_mcp_sessions 3")
}

func TestMetricsAreOnlyRead(t *testing.T) {
	answer := httptest.NewRecorder()
	telemetry.New(telemetry.Sources{}).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/metrics", strings.NewReader("x")))
	require.Equal(t, http.StatusMethodNotAllowed, answer.Code)
}

func TestTwoServersCountApart(t *testing.T) {
	failing := telemetry.New(telemetry.Sources{Operations: func(context.Context) (map[string]int, error) { return nil, errors.New("no ledger") }})
	_, end := failing.Call(t.Context(), "get_license", nil)
	end("ok")
	require.Contains(t, scrape(t, failing), "get_license")
	require.NotContains(t, scrape(t, telemetry.New(telemetry.Sources{})), "get_license")
}

// TestLabelsAndBuckets: what a label may not hold as it is comes back, and
// buckets add up over the statuses.
func TestLabelsAndBuckets(t *testing.T) {
	observed := telemetry.New(telemetry.Sources{})
	_, end := observed.Call(t.Context(), "a\"b\\c\nd", nil)
	end("ok")
	for i, took := range []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 11 * time.Millisecond, 2 * time.Minute} {
		observed.Attempt(t.Context(), websoftsolus.Attempt{Method: "GET", Endpoint: "/license/{family}", Status: 200 + i, Took: took})
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(scrape(t, observed)))
	require.NoError(t, err)
	require.Equal(t, "a\"b\\c\nd", families["websoftsolus_mcp_tool_calls_total"].Metric[0].Label[0].GetValue())
	require.Len(t, families["websoftsolus_mcp_api_requests_total"].Metric, 4)
	latency := families["websoftsolus_mcp_api_request_seconds"].Metric
	require.Len(t, latency, 1)
	below := map[float64]uint64{}
	for _, bucket := range latency[0].Histogram.Bucket {
		below[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
	}
	require.Equal(t, []uint64{2, 3, 3, 4}, []uint64{below[0.01], below[0.025], below[60], below[math.Inf(1)]})
	require.InDelta(t, 120.026, latency[0].Histogram.GetSampleSum(), 1e-9)
	require.Equal(t, uint64(4), latency[0].Histogram.GetSampleCount())
}
