package operations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Result is a write that took effect.
type Result struct {
	Operation Operation
	License   *websoftsolus.License // as read afterwards; nil where that failed or there is none
	Replayed  bool                  // this call sent nothing: it had been confirmed before
}

// ConfirmOrder places the order that the phrase stands for, once. With the
// phrase of an order that was claimed before it sends nothing and returns the
// recorded outcome, with Replayed set.
//
// The error is a *Refusal: nothing was ordered, or, with Outcome Unknown, nobody
// knows yet. An order claimed by this call goes on when ctx ends; only the
// waiting stops.
func (s *Service) ConfirmOrder(ctx context.Context, r OrderRequest, phrase string) (*Result, error) {
	return s.confirm(ctx, Order, phrase, r.Choose, func(o *Operation) []string {
		var differing []string
		if o.Kind == Order {
			differing = differingFields(o.Request, r.Form)
		}
		if o.Family != r.Family {
			differing = append(differing, "family")
		}
		if o.DuplicateOf != r.DuplicateOf {
			differing = append(differing, "duplicateOf")
		}
		return differing
	})
}

// ConfirmTermination ends the licence that the phrase stands for, once. The
// licence is read again first; if what the person saw of it changed, the
// termination is refused and needs a new preview. Otherwise as ConfirmOrder,
// except that a failed read passes through as a *websoftsolus.Error: nothing was
// sent, and the phrase can still be used.
func (s *Service) ConfirmTermination(ctx context.Context, r TerminationRequest, phrase string) (*Result, error) {
	return s.confirm(ctx, Terminate, phrase, r.Choose, func(o *Operation) []string {
		var differing []string
		if o.Family != r.Family {
			differing = append(differing, "family")
		}
		if r.KeyNumber != o.KeyNumber && r.KeyNumber != o.Asked {
			differing = append(differing, "keyNumber")
		}
		return differing
	})
}

// confirm finds the operation of a phrase and claims it, or joins or replays the
// claim that was first. differing names the arguments that are not those of the
// preview.
func (s *Service) confirm(ctx context.Context, kind Kind, phrase string, choose Choose, differing func(*Operation) []string) (*Result, error) {
	store, refusal := s.writable(ctx, kind)
	if refusal != nil {
		return nil, refusal
	}
	o, refusal := s.confirmable(ctx, store, kind, phrase, differing)
	if refusal != nil {
		return nil, refusal
	}
	if o.State == Proposed { // what was confirmed before is told whatever holds by now
		_, bound, refusal := s.ruled(ctx, o)
		if refusal != nil {
			return nil, refusal
		}
		if choose.way(ctx, o, bound) != ByPhrase {
			return nil, NoPhrase(kind).about(o)
		}
	}
	return s.confirmed(ctx, store, o)
}

// confirmed claims an operation that was confirmed, or joins or replays the
// claim that was first.
func (s *Service) confirmed(ctx context.Context, store Store, o *Operation) (*Result, error) {
	kind := o.Kind
	for {
		f, mine := s.join(o.ID)
		if f == nil {
			return nil, noLedger(kind, errClosed)
		}
		if !mine {
			// A goroutine of this process has the operation already.
			if !f.landed(ctx) {
				return nil, s.stoppedWaiting(ctx, store, o)
			}
			if f.abandoned {
				continue // its caller left before the claim
			}
			return f.result(true)
		}
		return s.run(ctx, store, kind, o.ID, f)
	}
}

// confirmable returns the operation of a phrase, unless the call is not the one
// that was previewed.
func (s *Service) confirmable(ctx context.Context, store Store, kind Kind, phrase string, differing func(*Operation) []string) (*Operation, *Refusal) {
	unknown := refuse(kind, CodeConfirmUnknown, RetryAfterChange, "no preview here has that confirm phrase",
		`call again with confirm "" for a preview, show it to the person, and repeat its phrase exactly`)
	digest, ok := phraseDigest(phrase)
	if !ok {
		return nil, unknown
	}
	o, err := store.ByPhrase(ctx, digest)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, unknown
	case err != nil:
		return nil, noLedger(kind, err)
	case o.BaseURL != s.baseURL || o.Environment != s.environment || !mine(ctx, o):
		return nil, unknown
	}
	names := differing(o)
	if o.Kind != kind {
		names = []string{"tool"}
	}
	if len(names) > 0 {
		return nil, refuse(kind, CodeConfirmMismatch, RetryAfterChange,
			fmt.Sprintf("the phrase is that of another preview: %s differs", strings.Join(names, ", ")),
			`repeat the arguments of the preview, or call with confirm "" for a new one`).about(o)
	}
	return o, nil
}

// run takes a proposed operation through its claim, and waits for the outcome;
// of one that is not proposed any more it finds the recorded outcome. It is
// called by the goroutine that made the flight, and lands it.
func (s *Service) run(ctx context.Context, store Store, kind Kind, id string, f *flight) (*Result, error) {
	o, err := s.claim(ctx, store, kind, id, f)
	if err != nil {
		f.abandoned = ctx.Err() != nil
		return s.land(id, f, landing{err: err})
	}
	if !f.claimed {
		// Another process, or this one earlier, has claimed it.
		landed := s.recorded(ctx, store, o)
		f.abandoned = ctx.Err() != nil
		return s.land(id, f, landed)
	}
	go s.fly(context.WithoutCancel(ctx), store, o, f)
	if !f.landed(ctx) {
		return nil, s.stoppedWaiting(ctx, store, o)
	}
	return f.result(false)
}

// claim reads what must be read before sending, and claims the operation. Where
// somebody else was first it returns the operation as it stands, unclaimed.
func (s *Service) claim(ctx context.Context, store Store, kind Kind, id string, f *flight) (*Operation, error) {
	var lookedAt *Operation
	for {
		o, err := s.load(ctx, store, id)
		if err != nil {
			return nil, noLedger(kind, err)
		}
		if o.State != Proposed {
			return o, s.neverSent(o)
		}
		if !s.now().Before(o.ExpiresAt) {
			return nil, s.expire(ctx, store, o)
		}
		limits, bound, refusal := s.ruled(ctx, o)
		if refusal == nil {
			refusal = personFor(o, bound)
		}
		if refusal != nil {
			return nil, refusal
		}
		var baseline []string
		switch o.Kind {
		case Order:
			baseline, err = s.baseline(ctx, o)
		case Terminate:
			err = s.unchanged(ctx, store, o)
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, refuse(o.Kind, CodeRejected, RetrySafe, "the call was canceled before anything was sent", "").about(o).because(err)
		}
		s.crash(crashBeforeClaim)
		at := s.now()
		// From here on the caller's leaving changes nothing: a claim that was
		// broken off could have been committed.
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		claimedNow, err := store.Claim(write, Claim{
			ID: id, At: at, Deadline: s.deadline(at), By: o.confirmer(ctx), Confirmed: o.Way.orPhrase(), Baseline: baseline, Limits: limits,
		})
		cancel()
		var (
			conflict *StateConflict
			blocked  *Blocked
		)
		switch {
		case err == nil:
			f.claimed = true
			s.crash(crashAfterClaim)
			return claimedNow, nil
		case errors.As(err, &conflict):
			continue // somebody else was first
		case errors.Is(err, errProposalExpired):
			return nil, s.expire(ctx, store, o)
		case errors.Is(err, errNotApproved):
			return nil, notApproved(o)
		case errors.As(err, &blocked):
			if lookedAt == nil && s.mayHaveOutcome(blocked.Other) {
				lookedAt, _ = s.look(ctx, store, blocked.Other)
				continue
			}
			return nil, blocked.refusal(ctx, o)
		default:
			return nil, noLedger(o.Kind, err).about(o)
		}
	}
}

// baseline lists the family's keys as they are before an order.
func (s *Service) baseline(ctx context.Context, o *Operation) ([]string, error) {
	keys, err := s.api.ListKeys(ctx, o.Family)
	if err != nil {
		return nil, refuse(o.Kind, CodeNotListed, RetrySafe,
			fmt.Sprintf("the %s licences could not be listed before the order, so a lost answer could not be made good: %v", o.Family, err),
			"call again with the same phrase").about(o).because(err)
	}
	return keys, nil
}

// unchanged reads the licence again and returns nil if it is what the person
// saw. Otherwise the operation cannot be confirmed any more.
func (s *Service) unchanged(ctx context.Context, store Store, o *Operation) error {
	read := func() (*Snapshot, error) {
		license, err := s.api.GetLicense(ctx, o.Family, o.KeyNumber)
		if err != nil {
			return nil, fmt.Errorf("read the licence again before its termination: %w", err)
		}
		return snapshot(license), nil
	}
	now, err := read()
	if err != nil {
		return err
	}
	changed := o.Previous.changes(now)
	if slices.Equal(changed, []string{"expiresAt"}) {
		// The date may be a technical one that the API makes up anew for every
		// read. Then it tells nothing. A date that stays as it is now was moved:
		// the licence was renewed.
		again, err := read()
		if err != nil {
			return err
		}
		if again.ExpiresAt != now.ExpiresAt {
			changed = nil
		}
	}
	if len(changed) == 0 {
		return nil
	}
	reason := fmt.Sprintf("the licence changed since the preview: %s", strings.Join(changed, ", "))
	ended, err := store.Step(context.WithoutCancel(ctx), Step{ID: o.ID, From: Proposed, To: Expired, At: s.now(), Finding: Finding{Message: reason}})
	var conflict *StateConflict
	switch {
	case errors.As(err, &conflict) && conflict.Current.State != Expired:
		return nil // somebody else was first; the claim will find out
	case err != nil && conflict == nil:
		return noLedger(o.Kind, err).about(o)
	case ended == nil:
		ended = conflict.Current
	}
	return licenceChanged(ended, reason)
}

func licenceChanged(o *Operation, reason string) *Refusal {
	return refuse(o.Kind, CodeLicenceChanged, RetryAfterChange, reason,
		`call again with confirm "" for a new preview and show it to the person`).about(o)
}

// overdue is the step of a proposal whose time is over. A person who was asked
// through the client and gave no answer has declined.
func overdue(o *Operation, now time.Time) Step {
	step := Step{ID: o.ID, From: Proposed, To: Expired, At: now, Finding: Finding{Message: "it was not confirmed in time"}}
	if o.Way == ByElicitation {
		step.To, step.Message = Declined, "declined or unavailable: no answer came in time"
	}
	return step
}

// expire records that a proposal's time is over, and returns the refusal.
func (s *Service) expire(ctx context.Context, store Store, o *Operation) error {
	step := overdue(o, s.now())
	stepped, err := store.Step(context.WithoutCancel(ctx), step)
	if err != nil { // nothing was sent, whether that could be recorded or not
		unrecorded := *o
		unrecorded.Message, stepped = step.Message, &unrecorded
	}
	o = stepped
	if step.To == Declined {
		return declined(o)
	}
	return confirmExpired(o)
}

func confirmExpired(o *Operation) *Refusal {
	return refuse(o.Kind, CodeConfirmExpired, RetryAfterChange,
		fmt.Sprintf("%s expired at %s", map[bool]string{true: "the phrase", false: "the preview"}[o.Way.orPhrase() == ByPhrase], o.ExpiresAt.Format(time.RFC3339)),
		`call again with confirm "" for a new preview and show it to the person`).about(o)
}

// neverSent returns the refusal of an operation that ended before it was
// claimed, nil for any other.
func (s *Service) neverSent(o *Operation) error {
	switch {
	case o.State == Declined:
		return declined(o)
	case o.State == Expired && o.SettledAt.Before(o.ExpiresAt):
		return licenceChanged(o, o.Message) // nothing else ends a proposal before its time
	case o.State == Expired:
		return confirmExpired(o)
	}
	return nil
}

// stoppedWaiting is what a caller is told that leaves before the outcome.
func (s *Service) stoppedWaiting(ctx context.Context, store Store, o *Operation) error {
	if current, err := s.load(context.WithoutCancel(ctx), store, o.ID); err == nil {
		o = current
	}
	if o.State == Proposed {
		return refuse(o.Kind, CodeRejected, RetrySafe, "the call was canceled before anything was sent", "").about(o).because(context.Cause(ctx))
	}
	return outcomeUnknown(o, "the call ended before the outcome was known").because(context.Cause(ctx))
}
