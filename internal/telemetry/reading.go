package telemetry

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
	"time"
)

// Bounds are the upper bounds of the buckets of the API's latency, in seconds.
// Its timeout is 30 s by default.
var Bounds = [...]float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// readTime bounds reading the sources once.
const readTime = 5 * time.Second

// Reading is everything that was counted since the start, sorted by labels.
type Reading struct {
	Since, At time.Time
	Calls     []Calls
	Requests  []Requests
	Renewed   uint64 // tokens
	Failures  uint64 // readings without the operations, because the ledger was away
	// Sessions is -1 where nobody counts them.
	Sessions int
	// Operations is by state, and empty where they could not be read.
	Operations []Operations
}

// Calls are the calls of one tool with one outcome.
type Calls struct {
	Tool, Outcome string
	Count         uint64
}

// Requests are the attempts at one endpoint of the API with one status.
type Requests struct {
	Method, Endpoint, Status string
	Count                    uint64
	Seconds                  float64 // in sum
	// Buckets are the attempts that took up to each of Bounds and more than the
	// one before; the last is for those beyond all bounds.
	Buckets [len(Bounds) + 1]uint64
}

// Operations are the ledger's operations in one state.
type Operations struct {
	State string
	Count int
}

type (
	callLabels    struct{ tool, outcome string }
	requestLabels struct{ method, endpoint, status string }
)

// latency is what attempts took.
type latency struct {
	count   uint64
	seconds float64
	buckets [len(Bounds) + 1]uint64
}

func (l *latency) add(seconds float64) {
	l.count++
	l.seconds += seconds
	l.buckets[sort.SearchFloat64s(Bounds[:], seconds)]++
}

// Read returns what was counted, and reads the sources. Where the ledger cannot
// be read the operations are left out, and the failure is counted.
func (t *Telemetry) Read(ctx context.Context) Reading {
	sources := *t.sources.Load()
	r := Reading{Since: t.since, Sessions: -1}
	if sources.Sessions != nil {
		r.Sessions = sources.Sessions()
	}
	failed := false
	if sources.Operations != nil {
		ctx, cancel := context.WithTimeout(ctx, readTime)
		counted, err := sources.Operations(ctx)
		cancel()
		failed = err != nil
		for state, n := range counted {
			r.Operations = append(r.Operations, Operations{state, n})
		}
	}
	t.mu.Lock()
	if failed {
		t.failures++
	}
	r.At, r.Renewed, r.Failures = time.Now(), t.renewed, t.failures
	for l, n := range t.calls {
		r.Calls = append(r.Calls, Calls{l.tool, l.outcome, n})
	}
	for l, taken := range t.requests {
		r.Requests = append(r.Requests, Requests{l.method, l.endpoint, l.status, taken.count, taken.seconds, taken.buckets})
	}
	t.mu.Unlock()
	slices.SortFunc(r.Operations, func(a, b Operations) int { return strings.Compare(a.State, b.State) })
	slices.SortFunc(r.Calls, func(a, b Calls) int {
		return cmp.Or(strings.Compare(a.Tool, b.Tool), strings.Compare(a.Outcome, b.Outcome))
	})
	slices.SortFunc(r.Requests, func(a, b Requests) int {
		return cmp.Or(strings.Compare(a.Endpoint, b.Endpoint), strings.Compare(a.Method, b.Method), strings.Compare(a.Status, b.Status))
	})
	return r
}
