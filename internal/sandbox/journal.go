package sandbox

import (
	"maps"
	"slices"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Bearer says what a request's token was worth when it arrived.
type Bearer string

const (
	NoBearer      Bearer = "none"
	ValidBearer   Bearer = "valid"
	UnknownBearer Bearer = "unknown" // never issued in this environment, or dropped
	ExpiredBearer Bearer = "expired"
)

// Request is one request as it arrived whole. Neither secrets nor tokens are in
// it.
type Request struct {
	Number      int                 `json:"number"` // from 1, in order of arrival
	Time        time.Time           `json:"time"`
	Environment Environment         `json:"environment"`
	Endpoint    Endpoint            `json:"endpoint"`
	Method      string              `json:"method"`
	Path        string              `json:"path"` // as it came, still escaped, without the query
	Family      websoftsolus.Family `json:"family,omitempty"`
	KeyNumber   string              `json:"keyNumber,omitempty"`
	Form        Form                `json:"form"` // what could be read of the URL and the body
	Bearer      Bearer              `json:"bearer"`
	ContentType string              `json:"contentType,omitempty"`
	UserAgent   string              `json:"userAgent,omitempty"`
	Status      int                 `json:"status"` // of the answer; 0 while there is none, and where none was sent
	Faults      []string            `json:"faults,omitempty"`
}

// EffectKind says what changed.
type EffectKind string

const (
	Created EffectKind = "created"
	Edited  EffectKind = "edited"
	Ended   EffectKind = "terminated"
)

var effectOf = map[Endpoint]EffectKind{Order: Created, Edit: Edited, Terminate: Ended}

// Effect is one change that a request caused, whatever its sender was told.
type Effect struct {
	Kind    EffectKind `json:"kind"`
	Time    time.Time  `json:"time"`
	License License    `json:"license"`          // after the change
	Before  *License   `json:"before,omitempty"` // nil for a new licence
	Request Request    `json:"request"`          // what caused it; without a status, which comes later
}

// Counts count everything, also what the journal no longer keeps.
type Counts struct {
	Requests map[Endpoint]int   `json:"requests"`
	Effects  map[EffectKind]int `json:"effects"`
	Faults   int                `json:"faults"` // faults that struck
}

// journal keeps what arrived and what it did.
type journal struct {
	keep     int // of each, the newest
	number   int
	requests []*Request
	effects  []Effect
	counts   Counts
}

func newJournal(keep int) journal {
	if keep == 0 {
		keep = 100_000
	}
	return journal{keep: max(keep, 0), counts: noCounts()}
}

func noCounts() Counts {
	return Counts{Requests: make(map[Endpoint]int), Effects: make(map[EffectKind]int)}
}

// arrived numbers a request, counts it and keeps it.
func (j *journal) arrived(r *Request) {
	j.number++
	r.Number = j.number
	j.counts.Requests[r.Endpoint]++
	j.counts.Faults += len(r.Faults)
	j.requests = kept(append(j.requests, r), j.keep)
}

// effect counts an effect and keeps it with the request that caused it.
func (j *journal) effect(e Effect, r *Request) {
	e.Request = *r
	j.counts.Effects[e.Kind]++
	j.effects = kept(append(j.effects, e), j.keep)
}

// kept drops the oldest entries, in bulk so that it costs little.
func kept[T any](entries []T, keep int) []T {
	switch {
	case keep == 0:
		return nil
	case len(entries) >= 2*keep:
		return slices.Clone(entries[len(entries)-keep:])
	}
	return entries
}

func newest[T any](entries []T, keep int) []T { return entries[max(0, len(entries)-keep):] }

// Requests returns the requests that the journal keeps, in order of arrival.
func (s *Sandbox) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := []Request{}
	for _, r := range newest(s.journal.requests, s.journal.keep) {
		requests = append(requests, *r)
	}
	return requests
}

// Effects returns the effects that the journal keeps, in order.
func (s *Sandbox) Effects() []Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Effect{}, newest(s.journal.effects, s.journal.keep)...)
}

// Counts returns how much of everything there was.
func (s *Sandbox) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.journal.counts
	return Counts{Requests: maps.Clone(c.Requests), Effects: maps.Clone(c.Effects), Faults: c.Faults}
}

// Forget empties the journal and its counters; numbers go on.
func (s *Sandbox) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.requests, s.journal.effects, s.journal.counts = nil, nil, noCounts()
}
