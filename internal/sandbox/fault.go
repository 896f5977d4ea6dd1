package sandbox

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// FaultKind says what goes wrong.
type FaultKind string

// Faults that let the request take effect as usual and go beside it. Any number
// of them may strike one request.
const (
	Delay        FaultKind = "delay"         // waits Delay; the effect comes even if the client has gone
	Slow         FaultKind = "slow"          // the answer's body trickles out over Delay
	ExpireTokens FaultKind = "expire-tokens" // every token issued so far becomes wrong
	Late         FaultKind = "late"          // an order, edit or termination does not show for Reads reads, or for Delay
)

// Faults that take the place of the answer. The first of them that strikes is
// the only one. With After the request takes effect all the same; without, it
// has none.
//
// Some HTTP clients, Go's among them, send a GET again by themselves when a
// connection that they reuse ends without an answer: one Drop or Reset of a read
// may go unnoticed there.
const (
	Status    FaultKind = "status"    // HTTP status Status, with a body in the shape Body
	HTML      FaultKind = "html"      // 200 with a maintenance page
	Redirect  FaultKind = "redirect"  // 307 to To
	Drop      FaultKind = "drop"      // the connection is closed without an answer
	Reset     FaultKind = "reset"     // likewise, with a TCP reset
	Hang      FaultKind = "hang"      // no answer until the client goes away
	Truncated FaultKind = "truncated" // the connection breaks half-way through the body
	Cut       FaultKind = "cut"       // half of the body, as if it were the whole
	Oversized FaultKind = "oversized" // the body, and spaces up to Size bytes
	Deep      FaultKind = "deep"      // JSON arrays nested Size deep
	Garbled   FaultKind = "garbled"   // bytes that are not HTTP
)

// beside holds the kinds that leave the answer alone.
var beside = []FaultKind{Delay, Slow, ExpireTokens, Late}

// FaultKinds lists every kind.
var FaultKinds = []FaultKind{
	Delay, Slow, ExpireTokens, Late,
	Status, HTML, Redirect, Drop, Reset, Hang, Truncated, Cut, Oversized, Deep, Garbled,
}

// Groups of endpoints that a fault may name, besides each endpoint alone.
const (
	AnyEndpoint Endpoint = "any"
	Reads       Endpoint = "read"  // list, get, versions
	Writes      Endpoint = "write" // order, edit, terminate
)

var groups = map[Endpoint][]Endpoint{
	AnyEndpoint: Endpoints,
	Reads:       {List, Get, Versions},
	Writes:      {Order, Edit, Terminate},
}

// Span is a time, or a range of which each use draws one with the seeded dice.
type Span struct {
	Min, Max time.Duration
}

// For is a span without a range.
func For(d time.Duration) Span { return Span{d, d} }

// Fault is one thing that goes wrong with the requests that match it. [ParseFaults]
// reads it from text.
type Fault struct {
	// On is an endpoint, or a group: any (also the empty value), read, write.
	On     Endpoint
	Method string              // HTTP method; empty for any
	Family websoftsolus.Family // empty for any
	// Path is a pattern in the language of path.Match for the path below the
	// base, e.g. "license/plesk/PLSK.0298*" or "test/*/*"; empty for any.
	Path string

	Kind FaultKind
	// After makes it strike after the effect, not before. It means nothing for
	// Slow and Late, which have to do with what the effect leaves.
	After bool

	Skip        int     // lets so many matching requests through first
	Times       int     // strikes so often, then never again; 0 for always
	Probability float64 // of striking at all, by the seeded dice; 0 for certainly

	Status     int           // of Status; 503 where it is 0
	Body       string        // of Status: an errors shape; empty for the dialect's
	RetryAfter time.Duration // of Status: the header, in whole seconds; 0 for none
	Delay      Span          // of Delay and Slow, and of Late in the sandbox's clock
	Size       int           // of Oversized, 9 MiB where it is 0, and Deep, 100,000 where it is 0
	Reads      int           // of Late: so many lists, and so many gets
	In         string        // of Late: "list" or "get" alone; empty for both
	To         string        // of Redirect: the Location; empty for the request's own URL
}

// check says what is wrong with a fault.
func (f *Fault) check() error {
	_, isGroup := groups[f.On]
	switch {
	case f.On != "" && !isGroup && !slices.Contains(Endpoints, f.On):
		return fmt.Errorf("no endpoint %q; there are %v and any, read, write", f.On, Endpoints)
	case !slices.Contains(FaultKinds, f.Kind):
		return fmt.Errorf("no kind %q; there are %v", f.Kind, FaultKinds)
	case f.Family != "" && !slices.Contains(websoftsolus.Families, f.Family):
		return fmt.Errorf("no family %q; there are %v", f.Family, websoftsolus.Families)
	case f.Skip < 0 || f.Times < 0 || !(f.Probability >= 0 && f.Probability <= 1) || f.Size < 0 || f.Reads < 0 || f.RetryAfter < 0:
		return fmt.Errorf("%s: a number is out of range", f.Kind)
	case f.Delay.Min < 0 || f.Delay.Max < f.Delay.Min:
		return fmt.Errorf("%s: %v is not a span of time", f.Kind, f.Delay)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("%s: no final HTTP status %d", f.Kind, f.Status)
	case f.Body != "" && !slices.Contains(namesOf(errorShapes), f.Body):
		return fmt.Errorf("%s: no body %q; there are %v", f.Kind, f.Body, namesOf(errorShapes))
	case f.In != "" && f.In != "list" && f.In != "get":
		return fmt.Errorf("%s: in is list or get, not %q", f.Kind, f.In)
	case f.Kind == Late && (f.Reads > 0) == (f.Delay.Max > 0):
		return fmt.Errorf("%s: takes a number of reads or a time", f.Kind)
	case (f.Kind == Delay || f.Kind == Slow) && f.Delay.Max == 0:
		return fmt.Errorf("%s: takes a time", f.Kind)
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		return fmt.Errorf("%s: path %q: %w", f.Kind, f.Path, err)
	}
	return nil
}

// matches says whether a request is one that the fault is for.
func (f *Fault) matches(r *http.Request, to route) bool {
	if f.On != "" && f.On != to.endpoint && !slices.Contains(groups[f.On], to.endpoint) {
		return false
	}
	if f.Method != "" && f.Method != r.Method || f.Family != "" && f.Family != to.family {
		return false
	}
	if f.Path != "" {
		matched, _ := path.Match(f.Path, to.below) // check has tried the pattern
		return matched
	}
	return true
}

// injected is a fault in force.
type injected struct {
	Fault
	matched int // requests that matched
	struck  int
}

// strikes decides whether the fault strikes a request that matches, and counts
// it. The caller holds the lock.
func (s *Sandbox) strikes(f *injected) bool {
	f.matched++
	switch {
	case f.matched <= f.Skip, f.Times > 0 && f.struck >= f.Times:
		return false
	case f.Probability > 0 && s.dice.Float64() >= f.Probability:
		return false
	}
	f.struck++
	return true
}

// Inject adds faults, which strike from the next request on. It panics where
// one is not valid: of an unknown kind or endpoint, or with a number out of
// range.
func (s *Sandbox) Inject(faults ...Fault) {
	for _, f := range faults {
		if err := f.check(); err != nil {
			panic("sandbox: fault: " + err.Error())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &injected{Fault: f})
	}
}

// ClearFaults ends every fault, for requests that have not arrived yet. What a
// late effect hides stays hidden.
func (s *Sandbox) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// FaultState is a fault in force and what it did so far.
type FaultState struct {
	Fault  Fault
	Struck int
}

// Faults returns the faults in force, in the order in which they were injected.
func (s *Sandbox) Faults() []FaultState {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]FaultState, len(s.faults))
	for i, f := range s.faults {
		states[i] = FaultState{f.Fault, f.struck}
	}
	return states
}

// plan is what goes wrong with one request.
type plan struct {
	delayBefore, delayAfter   time.Duration
	slow                      time.Duration
	expireBefore, expireAfter bool
	late                      *Fault
	instead                   *Fault // takes the place of the answer
}

// plan decides what strikes a request. The caller holds the lock.
func (s *Sandbox) plan(r *http.Request, to route) (p plan, struck []string) {
	for _, f := range s.faults {
		if !f.matches(r, to) || p.instead != nil && !slices.Contains(beside, f.Kind) || !s.strikes(f) {
			continue
		}
		struck = append(struck, f.Fault.String())
		switch f.Kind {
		case Delay:
			if f.After {
				p.delayAfter += s.drawn(f.Delay)
			} else {
				p.delayBefore += s.drawn(f.Delay)
			}
		case Slow:
			p.slow += s.drawn(f.Delay)
		case ExpireTokens:
			p.expireAfter = p.expireAfter || f.After
			p.expireBefore = p.expireBefore || !f.After
		case Late:
			p.late = &f.Fault
		default:
			p.instead = &f.Fault
		}
	}
	return p, struck
}

// drawn is one time of the span. The caller holds the lock.
func (s *Sandbox) drawn(span Span) time.Duration {
	if span.Max <= span.Min {
		return span.Min
	}
	return span.Min + time.Duration(s.dice.Int64N(int64(span.Max-span.Min)+1))
}
