// Package otlptest is an OpenTelemetry collector for tests. It reads what comes
// with the official packages, and refuses what they do not know. Start with
// [New].
package otlptest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"

	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Request is one that came.
type Request struct {
	Path   string
	Header http.Header
	Body   []byte // unpacked
}

// Collector takes traces at paths that end in /traces and metrics at those that
// end in /metrics, in both encodings.
type Collector struct {
	// Answer, if set, takes over the answer to a request by returning true; it is
	// not read then. Calls do not overlap.
	Answer func(w http.ResponseWriter, r Request) bool

	mu       sync.Mutex
	arrived  sync.Cond
	requests []Request
	spans    []*tracepb.Span
	metrics  map[string]*metricspb.Metric
	resource map[string]any
	wrong    error
}

// New returns a Collector.
func New() *Collector {
	c := &Collector{metrics: map[string]*metricspb.Metric{}, resource: map[string]any{}}
	c.arrived.L = &c.mu
	return c
}

// Start listens until the test ends, and fails it on what could not be read. It
// returns the endpoint.
func (c *Collector) Start(t *testing.T) string {
	listening := httptest.NewServer(c)
	t.Cleanup(func() {
		listening.Close()
		if c.wrong != nil {
			t.Errorf("the collector got what the official packages do not read: %v", c.wrong)
		}
	})
	return listening.URL
}

// Spans waits until there are n, and returns all.
func (c *Collector) Spans(n int) []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.spans) < n {
		c.arrived.Wait()
	}
	return slices.Clone(c.spans)
}

// Metric returns the last of that name; nil where there was none.
func (c *Collector) Metric(name string) *metricspb.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metrics[name]
}

// Requests waits until there are n, and returns all.
func (c *Collector) Requests(n int) []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.requests) < n {
		c.arrived.Wait()
	}
	return slices.Clone(c.requests)
}

// Resource returns the last resource's attributes.
func (c *Collector) Resource() map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resource
}

// Values are attributes by their names.
func Values(attributes []*commonpb.KeyValue) map[string]any {
	all := map[string]any{}
	for _, a := range attributes {
		switch v := a.Value.GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			all[a.Key] = v.IntValue
		}
	}
	return all
}

func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content := io.Reader(r.Body)
	var err error
	if r.Header.Get("Content-Encoding") == "gzip" {
		content, err = gzip.NewReader(r.Body)
	}
	var body []byte
	if err == nil {
		body, err = io.ReadAll(content)
	}
	request := Request{r.URL.Path, r.Header, body}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.arrived.Broadcast()
	c.requests = append(c.requests, request)
	if c.Answer != nil && c.Answer(w, request) {
		return
	}
	if err == nil {
		err = c.take(request)
	}
	if err != nil {
		c.wrong = errors.Join(c.wrong, err)
		w.WriteHeader(http.StatusBadRequest)
	}
}

func (c *Collector) take(r Request) error {
	var about *resourcepb.Resource
	switch signal := r.Path[len(r.Path)-min(len(r.Path), 7):]; {
	case signal == "/traces":
		var request collectortrace.ExportTraceServiceRequest
		if err := decode(r, &request); err != nil {
			return err
		}
		for _, resource := range request.ResourceSpans {
			about = resource.Resource
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	case signal == "metrics":
		var request collectormetrics.ExportMetricsServiceRequest
		if err := decode(r, &request); err != nil {
			return err
		}
		for _, resource := range request.ResourceMetrics {
			about = resource.Resource
			for _, scope := range resource.ScopeMetrics {
				for _, m := range scope.Metrics {
					c.metrics[m.Name] = m
				}
			}
		}
	default:
		return fmt.Errorf("nothing is at %s", r.Path)
	}
	c.resource = Values(about.GetAttributes())
	return nil
}

func decode(r Request, m proto.Message) error {
	switch kind := r.Header.Get("Content-Type"); kind {
	case "application/json":
		return protojson.Unmarshal(base64IDs(r.Body), m)
	case "application/x-protobuf":
		if err := proto.Unmarshal(r.Body, m); err != nil {
			return err
		}
		return known(m.ProtoReflect())
	default:
		return fmt.Errorf("content type %q", kind)
	}
}

var ids = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"[0-9a-f]+"`)

// base64IDs turns the ids of OTLP's JSON, which are hexadecimal, into those of
// protobuf's.
func base64IDs(body []byte) []byte {
	return ids.ReplaceAllFunc(body, func(pair []byte) []byte {
		name, value, _ := bytes.Cut(pair[:len(pair)-1], []byte(`:"`))
		id, _ := hex.DecodeString(string(value)) // the pattern lets nothing else pass
		return fmt.Appendf(nil, `%s:"%s"`, name, base64.StdEncoding.EncodeToString(id))
	})
}

// known refuses fields that the official schema does not have, at any depth.
func known(m protoreflect.Message) (err error) {
	if len(m.GetUnknown()) > 0 {
		return fmt.Errorf("%s: unknown fields %x", m.Descriptor().FullName(), m.GetUnknown())
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				err = errors.Join(err, known(v.List().Get(i).Message()))
			}
		default:
			err = errors.Join(err, known(v.Message()))
		}
		return true
	})
	return err
}
