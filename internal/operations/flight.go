package operations

import (
	"context"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// flight is one operation in the hands of this process: from the moment a call
// goes to claim it until its outcome is as well known as it will be. Other calls
// for the same operation wait for it, so that within a process an operation is
// claimed, sent and looked for once. Across processes the ledger's claim does
// the same.
type flight struct {
	done    chan struct{} // closed when the flight has landed; the rest is set by then
	claimed bool          // this flight made the claim, so it sends
	// abandoned: the caller left before the claim. Nothing was sent and nothing is
	// known, so whoever waited tries for himself.
	abandoned bool
	landing
}

// landing is how a flight ended.
type landing struct {
	operation *Operation
	license   *websoftsolus.License
	err       error // of an operation that did not succeed
}

// result is what a caller is told of a flight that has landed.
func (f *flight) result(replayed bool) (*Result, error) {
	if f.err != nil {
		return nil, f.err
	}
	return &Result{Operation: *f.operation, License: f.license, Replayed: replayed}, nil
}

// landed waits for the flight and says whether it has landed before ctx ended.
func (f *flight) landed(ctx context.Context) bool {
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
	}
	select { // both may have happened
	case <-f.done:
		return true
	default:
		return false
	}
}

// join returns the flight of an operation and whether the caller made it and has
// to land it. It returns nil once Close was called.
func (s *Service) join(id string) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if f := s.flights[id]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	s.flights[id] = f
	s.running.Add(1)
	return f, true
}

// land ends a flight and tells everybody who waits for it.
func (s *Service) land(id string, f *flight, l landing) (*Result, error) {
	f.landing = l
	s.mu.Lock()
	delete(s.flights, id)
	s.mu.Unlock()
	close(f.done)
	s.running.Done()
	return f.result(!f.claimed)
}

// inFlight says whether this process has the operation in its hands.
func (s *Service) inFlight(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flights[id] != nil
}

// fly sends a claimed operation's request, once, and lands its flight. ctx does
// not end with the caller's.
func (s *Service) fly(ctx context.Context, store Store, o *Operation, f *flight) {
	step := s.send(ctx, o)
	s.crash(crashAfterAnswer)
	o = s.record(ctx, store, o, step)
	s.crash(crashAfterOutcome)
	s.log.InfoContext(ctx, "operation answered", "operation", o.ID, "kind", o.Kind, "family", o.Family, "state", o.State, "status", o.Status)

	// Looking ends with Close: an outcome that is still unknown is in the ledger
	// as unknown, and whoever opens it next looks again.
	looking, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.closing, stop)()
	if s.worthLooking(o) {
		o = s.lookFor(looking, store, o, s.pollFor)
	}
	s.land(o.ID, f, s.landing(looking, o))
}

// send makes an operation's one request and returns the step that its answer
// is.
func (s *Service) send(ctx context.Context, o *Operation) Step {
	step := Step{ID: o.ID, From: Sending}
	// A process that was stopped between the claim and here may have been given
	// up by others. Its clock tells.
	left := o.ClaimedAt.Add(s.sendBudget()).Sub(s.now())
	if left <= 0 {
		step.To, step.At = Rejected, s.now()
		step.Finding = Finding{Certainty: Exact, Message: "the time to send it was over before it could be sent; nothing was sent"}
		return step
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	var (
		receipt *websoftsolus.Receipt
		err     error
	)
	switch o.Kind {
	case Order:
		receipt, err = s.api.Order(ctx, o.Family, formEncoding(o.Request))
	case Edit:
		receipt, err = s.api.Edit(ctx, o.Family, o.KeyNumber, formValue(o.Request, "title"), formValue(o.Request, "comment"))
	case Terminate:
		receipt, err = s.api.Terminate(ctx, o.Family, o.KeyNumber)
	}
	step.At = s.now()
	if err != nil {
		step.To, step.Finding = failed(err)
	} else {
		step.To, step.Finding = Succeeded, accepted(o.Kind, receipt)
	}
	return step
}

// landing is how an operation's flight ends by its state. A success is shown
// with the licence as it stands, where it can be read.
func (s *Service) landing(ctx context.Context, o *Operation) landing {
	if o.State != Succeeded {
		return landing{operation: o, err: notSucceeded(o)}
	}
	l := landing{operation: o}
	if o.Kind != Terminate && o.KeyNumber != "" {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		if license, err := s.api.GetLicense(ctx, o.Family, o.KeyNumber); err == nil {
			l.license = license
		}
	}
	return l
}

// recorded is how an operation ended that somebody else claimed. One that is
// still on its way in another process is waited for, by looking at the ledger.
func (s *Service) recorded(ctx context.Context, store Store, o *Operation) landing {
	for waited, pause := time.Duration(0), 20*time.Millisecond; o.State == Sending && !o.overdue(s.now()) && waited < s.pollFor; pause = min(2*pause, time.Second) {
		if s.sleep(ctx, pause) != nil {
			break
		}
		waited += pause
		current, err := s.load(ctx, store, o.ID)
		if err != nil {
			break
		}
		o = current
	}
	if s.mayHaveOutcome(o) {
		o, _ = s.look(ctx, store, o)
	}
	return s.landing(ctx, o)
}
