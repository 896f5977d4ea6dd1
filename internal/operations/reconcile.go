package operations

import (
	"context"
	"errors"
	"slices"
	"time"
)

// The reconciler finds out what became of a request whose answer did not tell,
// by looking at the API and never by sending again.
//
// A look sees one of three things. It finds the effect: the operation succeeded.
// It sees nothing, having seen everything there is to see. Or it cannot tell:
// a read failed, the list was cut short, several keys could be the one. Only
// finding something is proof; not finding it is none, since an effect may show
// late. So it is said that a request took no effect only when quietLooks looks in
// a row saw nothing, all of them later than Config.QuietFor after the operation's
// deadline. Until then it stays unknown.

// quietLooks is how many looks in a row must see nothing.
const quietLooks = 3

// keySearch is how long after its claim an order that succeeded without naming
// its key is still looked at for it.
const keySearch = 24 * time.Hour

// sight is what one look saw.
type sight struct {
	found   bool // the effect: Finding says how certainly, and which key
	nothing bool // everything could be seen, and no effect
	Finding      // where neither: the candidates, and why it cannot be told
}

// mayHaveOutcome says whether looking can tell more of an operation, and nobody
// can be sending it.
func (s *Service) mayHaveOutcome(o *Operation) bool {
	return o != nil && o.BaseURL == s.baseURL && (o.State == Unknown || o.overdue(s.now())) && !s.isUnrecorded(o.ID)
}

// keyMissing says whether an order succeeded and its key is still looked for.
func (s *Service) keyMissing(o *Operation) bool {
	return o.Kind == Order && o.State == Succeeded && o.KeyNumber == "" && o.BaseURL == s.baseURL &&
		s.now().Before(o.ClaimedAt.Add(keySearch)) && !s.isUnrecorded(o.ID)
}

// worthLooking says whether an operation that this process has just sent leaves
// something to be found out.
func (s *Service) worthLooking(o *Operation) bool {
	return o.State == Unknown && !s.isUnrecorded(o.ID) || s.keyMissing(o)
}

// lookFor looks at an operation again and again, with growing pauses, until it
// is found or the pauses add up to the budget. It returns the operation as it
// then stands.
func (s *Service) lookFor(ctx context.Context, store Store, o *Operation, budget time.Duration) *Operation {
	for waited, pause := time.Duration(0), 250*time.Millisecond; ; pause = min(2*pause, 4*time.Second) {
		// Where another server looks, what it finds is in the ledger.
		now, release, err := s.reserve(ctx, store, o)
		if o = now; err == nil && s.worthLooking(o) {
			o, _ = s.lookOnce(ctx, store, o)
		}
		release()
		// An order that waits for approval has no key yet, however long one waits.
		if !s.worthLooking(o) || o.Pending || waited >= budget {
			return o
		}
		pause = min(pause, budget-waited)
		if s.sleep(ctx, pause) != nil {
			return o
		}
		waited += pause
	}
}

// look looks at an operation that nobody is sending, and returns it as it then
// stands. It looks once, or, when it has been quiet for long enough, as often as
// it takes to say so. Goroutines of this process that look at once share one look.
// The error says why it did not look: errReserved while another server does.
func (s *Service) look(ctx context.Context, store Store, o *Operation) (now *Operation, notLooked error) {
	shared := s.looks.DoChan(o.ID, func() (any, error) {
		now, release, err := s.reserve(ctx, store, o)
		defer release()
		if err == nil && (s.mayHaveOutcome(now) || s.keyMissing(now)) { // else somebody has just found out
			now = s.lookReserved(ctx, store, now)
		}
		return now, err
	})
	select {
	case done := <-shared:
		return done.Val.(*Operation), done.Err
	case <-ctx.Done():
		return o, context.Cause(ctx)
	}
}

// reserve asks for the right to look at an operation, which nobody else has until
// release is called, and returns the operation as it then stands. release may be
// called without the right, too.
func (s *Service) reserve(ctx context.Context, store Store, o *Operation) (now *Operation, release func(), err error) {
	release, err = store.Reserve(ctx, o.ID)
	if err != nil {
		release = func() {}
		if errors.Is(err, errReserved) {
			s.log.InfoContext(ctx, "another server is looking at an operation", "operation", o.ID)
		} else {
			s.log.WarnContext(ctx, "an operation could not be reserved to look at it", "operation", o.ID, "error", err)
		}
	}
	if current, err := s.load(ctx, store, o.ID); err == nil {
		o = current
	}
	return o, release, err
}

// lookReserved is look for who has the right to.
func (s *Service) lookReserved(ctx context.Context, store Store, o *Operation) *Operation {
	if o.overdue(s.now()) {
		stepped, err := store.Step(ctx, Step{ID: o.ID, From: Sending, To: Unknown, At: s.now(),
			Finding: Finding{Message: "the process that sent it recorded no outcome"}})
		if err != nil {
			stepped = s.overtaken(ctx, o, err)
		}
		if o = stepped; o.State != Unknown {
			return o
		}
	}
	for looks := 1; ; looks++ {
		quiet := s.now().After(o.Deadline.Add(s.quietFor))
		var nothing bool
		if o, nothing = s.lookOnce(ctx, store, o); !nothing || !quiet || o.State != Unknown {
			return o
		}
		if looks == quietLooks {
			break
		}
		if s.sleep(ctx, time.Duration(looks)*time.Second) != nil {
			return o
		}
	}
	s.crash(crashAfterLook)
	stepped, err := store.Step(ctx, Step{ID: o.ID, From: Unknown, To: NotApplied, At: s.now(),
		Finding: Finding{Certainty: Exact, Message: "it was looked for through the API, and it took no effect"}})
	if err != nil {
		return s.overtaken(ctx, o, err)
	}
	return stepped
}

// lookOnce looks and records what it found. nothing says that it saw everything,
// and no effect.
func (s *Service) lookOnce(ctx context.Context, store Store, o *Operation) (now *Operation, nothing bool) {
	s.crash(crashBeforeLook)
	var (
		saw sight
		err error
	)
	switch o.Kind {
	case Order:
		saw, err = s.seeOrder(ctx, store, o)
	case Edit:
		saw, err = s.seeEdit(ctx, store, o)
	case Terminate:
		saw, err = s.seeTermination(ctx, o)
	}
	if err != nil {
		s.log.DebugContext(ctx, "looking at an operation", "operation", o.ID, "error", err)
		return o, false
	}
	step := Step{ID: o.ID, From: o.State, To: o.State, At: s.now(), Finding: saw.Finding}
	switch {
	case saw.nothing:
		return o, true
	case saw.found:
		step.To = Succeeded
		if o.State == Succeeded { // the request is known to have succeeded; its key was found
			step.Certainty = ""
		}
	case o.State == Succeeded:
		step.Certainty = ""
		step.Message = o.Message
		if slices.Equal(o.Candidates, step.Candidates) {
			return o, false
		}
	case slices.Equal(o.Candidates, step.Candidates) && o.Message == step.Message:
		return o, false // nothing new
	}
	s.crash(crashAfterLook)
	stepped, err := store.Step(ctx, step)
	if err != nil {
		return s.overtaken(ctx, o, err), false
	}
	s.log.InfoContext(ctx, "operation looked at", "operation", o.ID, "kind", o.Kind, "state", stepped.State, "certainty", stepped.Certainty)
	return stepped, false
}

// overtaken is the operation as it stands when a finding could not be recorded:
// another process found out first, or the ledger failed.
func (s *Service) overtaken(ctx context.Context, o *Operation, err error) *Operation {
	var conflict *StateConflict
	if errors.As(err, &conflict) {
		return conflict.Current
	}
	s.log.WarnContext(ctx, "a finding could not be recorded", "operation", o.ID, "error", err)
	return o
}
