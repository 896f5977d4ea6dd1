package otlp

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

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

// settings are what the variables say.
type settings struct {
	resource        message
	sampler         sampler
	batch           batchSettings
	interval        intervalSettings
	traces, metrics target
}

// target is where a signal is sent, and how.
type target struct {
	url     string
	header  http.Header
	timeout time.Duration // of one request
	gzip    bool
	json    bool
	tls     *tls.Config // nil is the default
}

// environment reads variables and gathers what is wrong with them. Values are
// quoted only where they cannot be secret.
type environment struct {
	getenv func(string) string
	wrong  []error
}

// read reads all variables that matter to the signals wanted.
func read(getenv func(string) string, version string, traces, metrics bool) (*settings, error) {
	e := &environment{getenv: getenv}
	s := &settings{resource: e.resource(version)}
	if traces {
		e.otlp("OTEL_TRACES_EXPORTER")
		s.traces = e.target("TRACES", "v1/traces")
		var err error
		if s.sampler, err = newSampler(getenv("OTEL_TRACES_SAMPLER"), getenv("OTEL_TRACES_SAMPLER_ARG")); err != nil {
			e.wrong = append(e.wrong, err)
		}
		s.batch = batchSettings{
			delay:   e.milliseconds("OTEL_BSP_SCHEDULE_DELAY", 5*time.Second),
			timeout: e.milliseconds("OTEL_BSP_EXPORT_TIMEOUT", 30*time.Second),
			queue:   e.positive("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
		}
		s.batch.size = min(e.positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512), s.batch.queue)
	}
	if metrics {
		e.otlp("OTEL_METRICS_EXPORTER")
		s.metrics = e.target("METRICS", "v1/metrics")
		s.interval = intervalSettings{
			every:   e.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", time.Minute),
			timeout: e.milliseconds("OTEL_METRIC_EXPORT_TIMEOUT", 30*time.Second),
		}
		if name := "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"; getenv(name) != "" && !strings.EqualFold(getenv(name), "cumulative") {
			e.bad(name, "only cumulative is sent, not %q", getenv(name))
		}
	}
	return s, errors.Join(e.wrong...)
}

func (e *environment) bad(name, format string, args ...any) {
	e.wrong = append(e.wrong, fmt.Errorf(name+": "+format, args...))
}

// otlp refuses exporters that there are not.
func (e *environment) otlp(name string) {
	if v := e.getenv(name); v != "" && v != "otlp" {
		e.bad(name, "it must be otlp or none, not %q", v)
	}
}

// positive is a whole number above 0.
func (e *environment) positive(name string, fallback int) int {
	v := e.getenv(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 || n > 1<<30 {
		e.bad(name, "%q is not a whole number above 0", v)
		return fallback
	}
	return n
}

func (e *environment) milliseconds(name string, fallback time.Duration) time.Duration {
	return time.Duration(e.positive(name, int(fallback/time.Millisecond))) * time.Millisecond
}

// target reads OTEL_EXPORTER_OTLP_*, of which those that name the signal come
// first. path belongs to the endpoint of all signals; that of one is complete.
func (e *environment) target(signal, path string) target {
	own := func(name string) (string, string) {
		full := "OTEL_EXPORTER_OTLP_" + signal + "_" + name
		if v := e.getenv(full); v != "" {
			return full, v
		}
		full = "OTEL_EXPORTER_OTLP_" + name
		return full, e.getenv(full)
	}
	t := target{}
	name, endpoint := own("ENDPOINT")
	at, err := url.Parse(endpoint)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
		e.bad(name, "it must be a URL with http:// or https://, as in http://localhost:4318")
		at = &url.URL{}
	case !strings.Contains(name, signal):
		at = at.JoinPath(path)
	case at.Path == "":
		at.Path = "/"
	}
	t.url = at.String()

	name, protocol := own("PROTOCOL")
	switch protocol {
	case "", "http/protobuf":
	case "http/json":
		t.json = true
	default:
		e.bad(name, "this program speaks http/protobuf (to port 4318 of most collectors) and http/json, not %q", protocol)
	}
	name, compression := own("COMPRESSION")
	switch compression {
	case "", "none":
	case "gzip":
		t.gzip = true
	default:
		e.bad(name, "it must be gzip or none, not %q", compression)
	}
	name, _ = own("TIMEOUT")
	t.timeout = e.milliseconds(name, 10*time.Second)

	t.header = http.Header{}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_" + signal + "_HEADERS"} {
		for _, pair := range e.pairs(name) {
			if !validHeader(pair.key, pair.value.(string)) {
				e.bad(name, "%q is not the name of an HTTP header, or its value holds control characters", pair.key)
				continue
			}
			t.header.Set(pair.key, pair.value.(string))
		}
	}

	name, file := own("CERTIFICATE")
	clientName, certificate := own("CLIENT_CERTIFICATE")
	_, key := own("CLIENT_KEY")
	if file != "" || certificate != "" || key != "" {
		t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if file != "" {
		pem, err := os.ReadFile(file)
		t.tls.RootCAs = x509.NewCertPool()
		if err != nil {
			e.bad(name, "%w", err)
		} else if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			e.bad(name, "%s holds no certificate in PEM", file)
		}
	}
	if certificate != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			e.bad(clientName, "with its key: %w", err)
		}
		t.tls.Certificates = []tls.Certificate{pair}
	}
	return t
}

func validHeader(name, value string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}) && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// pairs reads "key=value,…", in which values are percent-encoded as in W3C
// Baggage.
func (e *environment) pairs(name string) (pairs []attribute) {
	for i, member := range strings.Split(e.getenv(name), ",") {
		if strings.TrimSpace(member) == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		key = strings.TrimSpace(key)
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || key == "" || err != nil {
			e.bad(name, "its pair %d is not key=value with the value percent-encoded", i+1)
			continue
		}
		pairs = append(pairs, attribute{key, decoded})
	}
	return pairs
}

// resource describes this process. Variables win.
func (e *environment) resource(version string) message {
	var all []attribute
	set := func(a attribute) {
		for i := range all {
			if all[i].key == a.key {
				all[i] = a
				return
			}
		}
		all = append(all, a)
	}
	set(attribute{"service.name", "websoftsolus-mcp"})
	set(attribute{"service.version", version})
	set(attribute{"service.instance.id", rand.Text()}) // tells replicas' counters apart
	for _, pair := range e.pairs("OTEL_RESOURCE_ATTRIBUTES") {
		set(pair)
	}
	if name := e.getenv("OTEL_SERVICE_NAME"); name != "" {
		set(attribute{"service.name", name})
	}
	return resourceMessage(all)
}
