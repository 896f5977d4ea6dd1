package otlp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlp"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry/otlptest"
)

func x509Key(c tls.Certificate) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(c.PrivateKey) }

func nothing(context.Context) telemetry.Reading { return telemetry.Reading{} }

// TestWrongVariablesAreNamed: each is in the error, on a line of its own, and no
// value that may be secret.
func TestWrongVariablesAreNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, []byte("none"), 0o600))
	for variable, row := range map[string]struct{ value, says string }{
		"OTEL_EXPORTER_OTLP_PROTOCOL":                       {"grpc", "http/protobuf"},
		"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL":               {"thrift", "http/protobuf"},
		"OTEL_EXPORTER_OTLP_COMPRESSION":                    {"zstd", "gzip"},
		"OTEL_EXPORTER_OTLP_TIMEOUT":                        {"10s", "whole number"},
		"OTEL_EXPORTER_OTLP_ENDPOINT":                       {"user:hush@collector:4318", "http://localhost:4318"},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":                {"unix:///hush", "http://localhost:4318"},
		"OTEL_EXPORTER_OTLP_HEADERS":                        {"a=1,hush", "pair 2"},
		"OTEL_EXPORTER_OTLP_METRICS_HEADERS":                {"a=hu%0ash", "control characters"},
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS":                 {"a b=hush", "name of an HTTP header"},
		"OTEL_EXPORTER_OTLP_CERTIFICATE":                    {empty, "no certificate"},
		"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE":             {empty + ".missing", "no such file"},
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE":             {empty, "with its key"},
		"OTEL_TRACES_EXPORTER":                              {"zipkin", "otlp or none"},
		"OTEL_METRICS_EXPORTER":                             {"prometheus", "otlp or none"},
		"OTEL_TRACES_SAMPLER":                               {"jaeger_remote", "traceidratio"},
		"OTEL_TRACES_SAMPLER_ARG":                           {"1.5", "from 0 to 1"},
		"OTEL_BSP_SCHEDULE_DELAY":                           {"-1", "whole number"},
		"OTEL_BSP_EXPORT_TIMEOUT":                           {"soon", "whole number"},
		"OTEL_BSP_MAX_QUEUE_SIZE":                           {"0", "whole number"},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE":                    {"many", "whole number"},
		"OTEL_METRIC_EXPORT_INTERVAL":                       {"1m", "whole number"},
		"OTEL_METRIC_EXPORT_TIMEOUT":                        {"x", "whole number"},
		"OTEL_RESOURCE_ATTRIBUTES":                          {"a=1,b=%zz", "pair 2"},
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": {"delta", "cumulative"},
	} {
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_SAMPLER": "traceidratio"}
		env[variable] = row.value
		_, err := otlp.New(otlp.Options{Getenv: environment(env), Read: nothing})
		require.ErrorContains(t, err, variable+": ", variable)
		require.ErrorContains(t, err, row.says, variable)
		require.NotContains(t, err.Error(), "hush")
	}
	_, err := otlp.New(otlp.Options{Read: nothing, Getenv: environment(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc", "OTEL_BSP_MAX_QUEUE_SIZE": "x"})})
	require.Len(t, strings.Split(err.Error(), "\n"), 2)
}

// TestEndpointsHeadersAndResource: what is said of one signal comes before what
// is said of all.
func TestEndpointsHeadersAndResource(t *testing.T) {
	collector := otlptest.New()
	address := collector.Start(t)
	e, err := otlp.New(otlp.Options{Read: nothing, Version: "7", Getenv: environment(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":         address + "/base/",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": address + "/own/metrics",
		"OTEL_EXPORTER_OTLP_HEADERS":          "tenant=all, x-one=1%2C2",
		"OTEL_EXPORTER_OTLP_METRICS_HEADERS":  "tenant=own",
		"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json",
		"OTEL_RESOURCE_ATTRIBUTES":            "service.name=theirs,deployment.environment.name=te%20st,service.version=8",
	})})
	require.NoError(t, err)
	e.Attempt(t.Context(), attempt(1))
	require.NoError(t, e.Shutdown(t.Context()))
	seen := map[string]string{}
	for _, r := range collector.Requests(2) {
		seen[r.Path] = r.Header.Get("Tenant") + " " + r.Header.Get("X-One") + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("User-Agent")
	}
	require.Equal(t, map[string]string{
		"/base/v1/traces": "all 1,2 application/x-protobuf websoftsolus-mcp/7",
		"/own/metrics":    "own 1,2 application/json websoftsolus-mcp/7",
	}, seen)
	require.Equal(t, "theirs", collector.Resource()["service.name"])
	require.Equal(t, "8", collector.Resource()["service.version"])
	require.Equal(t, "te st", collector.Resource()["deployment.environment.name"])
}
