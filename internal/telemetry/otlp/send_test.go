package otlp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlp"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlptest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// exporter sends traces alone to the endpoint.
func exporter(t *testing.T, endpoint string, o otlp.Options, more map[string]string) *otlp.Exporter {
	t.Helper()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_METRICS_EXPORTER": "none"}
	maps.Copy(env, more)
	o.Getenv = environment(env)
	e, err := otlp.New(o)
	require.NoError(t, err)
	return e
}

func attempt(n int) websoftsolus.Attempt {
	return websoftsolus.Attempt{Method: "GET", Endpoint: "/license/{family}", Number: n, Status: 200, Took: time.Millisecond}
}

// TestWhatMayPassIsSentAgain: a batch survives refusals that may pass, after the
// waits that the collector asks for, and is given up on those that will not.
func TestWhatMayPassIsSentAgain(t *testing.T) {
	collector := otlptest.New()
	refusals := []func(w http.ResponseWriter){
		func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) },
		func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, // the connection breaks
	}
	collector.Answer = func(w http.ResponseWriter, _ otlptest.Request) bool {
		if len(refusals) == 0 {
			return false
		}
		refuse := refusals[0]
		refusals = refusals[1:]
		refuse(w)
		return true
	}
	var (
		mu    sync.Mutex
		waits []time.Duration
	)
	e := exporter(t, collector.Start(t), otlp.Options{Wait: func(_ context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, d)
		return nil
	}}, map[string]string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"})
	e.Attempt(t.Context(), attempt(1))
	require.Len(t, collector.Spans(1), 1)
	require.NoError(t, e.Shutdown(t.Context()))
	require.Equal(t, 7*time.Second, waits[0])
	require.InDelta(t, 20*time.Second, waits[1], float64(2*time.Second))
	for i, longest := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		require.Less(t, waits[2+i], longest)
	}
	require.Len(t, waits, 5)
	bodies := collector.Requests(6)
	require.Equal(t, bodies[0].Body, bodies[5].Body)
}

func TestWhatIsRefusedForGoodIsNotSentAgain(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError, http.StatusTemporaryRedirect} {
		collector := otlptest.New()
		collector.Answer = func(w http.ResponseWriter, _ otlptest.Request) bool {
			w.Header().Set("Location", "/elsewhere/traces")
			w.WriteHeader(status)
			return true
		}
		var log bytes.Buffer
		e := exporter(t, collector.Start(t), otlp.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))},
			map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "api-key=hush%20hush"})
		e.Attempt(t.Context(), attempt(1))
		err := e.Shutdown(t.Context())
		require.ErrorContains(t, err, fmt.Sprintf("HTTP status %d", status))
		require.Len(t, collector.Requests(1), 1, status)
		require.Contains(t, log.String(), "does not take what is sent")
		require.NotContains(t, log.String()+err.Error(), "hush")
		require.Equal(t, "hush hush", collector.Requests(1)[0].Header.Get("Api-Key"))
	}
}

// TestNoCallWaitsForTheCollector: with a collector that hangs, spans beyond the
// queue are dropped at once, and the end comes when its time is over.
func TestNoCallWaitsForTheCollector(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 1)
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-release
	}))
	defer hangs.Close()
	defer close(release)
	var log bytes.Buffer
	e := exporter(t, hangs.URL, otlp.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"})
	for range 4 {
		e.Attempt(t.Context(), attempt(1))
	}
	<-arrived // the batch is under way, and nothing takes from the queue
	for range 10_000 {
		e.Attempt(t.Context(), attempt(1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, e.Shutdown(ctx), context.Canceled)
	require.Contains(t, log.String(), "spans=9992")
}

// TestTheEndDoesNotWaitForARetry: Shutdown ends a wait, and makes one more
// attempt.
func TestTheEndDoesNotWaitForARetry(t *testing.T) {
	collector := otlptest.New()
	refused := false
	collector.Answer = func(w http.ResponseWriter, _ otlptest.Request) bool {
		if refused {
			return false
		}
		refused = true
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	waiting := make(chan struct{})
	e := exporter(t, collector.Start(t), otlp.Options{Wait: func(ctx context.Context, _ time.Duration) error {
		close(waiting)
		<-ctx.Done()
		return ctx.Err()
	}}, map[string]string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"})
	e.Attempt(t.Context(), attempt(1))
	<-waiting
	e.Attempt(t.Context(), attempt(2))
	require.NoError(t, e.Shutdown(t.Context()))
	require.Len(t, collector.Spans(2), 2)
}

// TestBatches: a full batch is sent at once, another when its delay is over.
func TestBatches(t *testing.T) {
	collector := otlptest.New()
	e := exporter(t, collector.Start(t), otlp.Options{}, map[string]string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "3", "OTEL_BSP_SCHEDULE_DELAY": "20"})
	for range 7 {
		e.Attempt(t.Context(), attempt(1))
	}
	require.Len(t, collector.Spans(7), 7)
	require.Len(t, collector.Requests(3), 3)
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestMetricsAreSentAtIntervals(t *testing.T) {
	collector := otlptest.New()
	observed := telemetry.New(telemetry.Sources{})
	e, err := otlp.New(otlp.Options{Read: observed.Read, Getenv: environment(map[string]string{
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.Start(t) + "/own/metrics", "OTEL_METRIC_EXPORT_INTERVAL": "5"})})
	require.NoError(t, err)
	for _, request := range collector.Requests(3) {
		require.Equal(t, "/own/metrics", request.Path)
	}
	observed.Attempt(t.Context(), attempt(1))
	require.NoError(t, e.Shutdown(t.Context()))
	require.Equal(t, uint64(1), collector.Metric("websoftsolus.mcp.api.request.duration").GetHistogram().DataPoints[0].Count)
}

// TestCertificates: a collector is trusted by its own certificate alone, and
// knows this client by one.
func TestCertificates(t *testing.T) {
	collector := otlptest.New()
	listening := httptest.NewUnstartedServer(collector)
	listening.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	listening.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	listening.StartTLS()
	defer listening.Close()
	own := listening.TLS.Certificates[0] // serves as the client's too
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	key, err := x509Key(own)
	require.NoError(t, err)
	env := map[string]string{
		"OTEL_EXPORTER_OTLP_CERTIFICATE":        write("ca.pem", "CERTIFICATE", own.Certificate[0]),
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": write("client.pem", "CERTIFICATE", own.Certificate[0]),
		"OTEL_EXPORTER_OTLP_CLIENT_KEY":         write("client.key", "PRIVATE KEY", key),
	}
	e := exporter(t, listening.URL, otlp.Options{}, env)
	e.Attempt(t.Context(), attempt(1))
	require.NoError(t, e.Shutdown(t.Context()))
	require.Len(t, collector.Spans(1), 1)

	e = exporter(t, listening.URL, otlp.Options{}, nil)
	e.Attempt(t.Context(), attempt(1))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.ErrorContains(t, e.Shutdown(ctx), "certificate")
}
