package telemetry

import (
	"net/http"
	"strconv"
	"strings"
)

// ServeHTTP writes the metrics in Prometheus's text format, version 0.0.4.
func (t *Telemetry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "metrics are read with GET", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(t.Read(r.Context()).prometheus()) // who does not read it has gone
}

func (r Reading) prometheus() []byte {
	var p page
	p.metric("websoftsolus_mcp_tool_calls_total", "counter", "Calls of tools; the outcome is ok or the code of the failure.")
	for _, c := range r.Calls {
		p.sample("", count(c.Count), "tool", c.Tool, "outcome", c.Outcome)
	}
	p.metric("websoftsolus_mcp_api_requests_total", "counter", "Attempts of requests to the API; without an answer the status is the kind of failure.")
	for _, q := range r.Requests {
		p.sample("", count(q.Count), "method", q.Method, "endpoint", q.Endpoint, "status", q.Status)
	}
	p.metric("websoftsolus_mcp_api_request_seconds", "histogram", "What attempts of requests to the API took.")
	for _, q := range r.latencies() {
		below := uint64(0)
		for i, n := range q.Buckets {
			below += n
			bound := "+Inf"
			if i < len(Bounds) {
				bound = number(Bounds[i])
			}
			p.sample("_bucket", count(below), "method", q.Method, "endpoint", q.Endpoint, "le", bound)
		}
		p.sample("_sum", number(q.Seconds), "method", q.Method, "endpoint", q.Endpoint)
		p.sample("_count", count(q.Count), "method", q.Method, "endpoint", q.Endpoint)
	}
	p.metric("websoftsolus_mcp_tokens_renewed_total", "counter", "Tokens fetched from the API.")
	p.sample("", count(r.Renewed))
	p.metric("websoftsolus_mcp_scrape_failures_total", "counter", "Readings of these metrics that could not read the ledger.")
	p.sample("", count(r.Failures))
	if len(r.Operations) > 0 {
		p.metric("websoftsolus_mcp_operations", "gauge", "Operations in the ledger, for this base URL.")
	}
	for _, o := range r.Operations {
		p.sample("", strconv.Itoa(o.Count), "state", o.State)
	}
	if r.Sessions >= 0 {
		p.metric("websoftsolus_mcp_sessions", "gauge", "Clients connected.")
		p.sample("", strconv.Itoa(r.Sessions))
	}
	return p.text
}

// latencies are the requests with their statuses put together.
func (r Reading) latencies() []Requests {
	var together []Requests
	for _, q := range r.Requests { // sorted by endpoint and method
		last := len(together) - 1
		if last < 0 || together[last].Endpoint != q.Endpoint || together[last].Method != q.Method {
			together = append(together, q)
			continue
		}
		l := &together[last]
		l.Count += q.Count
		l.Seconds += q.Seconds
		for i, n := range q.Buckets {
			l.Buckets[i] += n
		}
	}
	return together
}

// page is a text under way.
type page struct {
	text []byte
	name string // of the metric that samples belong to
}

func (p *page) metric(name, kind, help string) {
	p.name = name
	p.text = append(p.text, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// escaped is a label's value as the format wants it.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes a line; labels are names and values in turn.
func (p *page) sample(suffix, value string, labels ...string) {
	p.text = append(append(p.text, p.name...), suffix...)
	for i := 0; i < len(labels); i += 2 {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		p.text = append(append(append(p.text, separator), labels[i]...), `="`...)
		p.text = append(append(p.text, escaped.Replace(labels[i+1])...), '"')
	}
	if len(labels) > 0 {
		p.text = append(p.text, '}')
	}
	p.text = append(append(append(p.text, ' '), value...), '\n')
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
