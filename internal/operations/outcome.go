package operations

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// maxMessage caps, in runes, a message that the ledger keeps.
const maxMessage = 1000

// maxFailure caps what is kept of the API's reasons, so that what is said before
// them cuts none in half: a quotation must keep its end.
const maxFailure = 900

// maxQuoted caps, in characters, what one of our sentences repeats of a text of
// the API's or a customer's.
const maxQuoted = 300

// accepted is what the API's clear yes makes known.
func accepted(kind Kind, r *websoftsolus.Receipt) Finding {
	f := Finding{Certainty: Exact, Status: r.Status, Digest: r.Digest}
	if r.Message != "" {
		f.Message = "the API says " + untrusted.Line(r.Message, maxQuoted)
	}
	if kind == Order {
		f.OrderID, f.Pending = r.OrderID, r.Pending
		if r.KeyNumber != "" {
			f.KeyNumber, f.KeyCertainty = r.KeyNumber, Exact
		}
		if r.Pending {
			f.Message = joined("the API took the order and calls it pending, so the licence may not be active yet", f.Message)
		}
	}
	return f
}

// failed is the state that a failed request leaves an operation in, and what is
// known of it. Only an error that says so had no effect.
func failed(err error) (State, Finding) {
	f := Finding{Message: capped(err.Error())}
	var api *websoftsolus.Error
	if !errors.As(err, &api) {
		return Unknown, f
	}
	f.Status, f.Digest = api.Status, api.Digest
	for _, field := range slices.Sorted(maps.Keys(api.Fields)) {
		more := joined(f.Message, untrusted.Name(field, 60)+": "+untrusted.Line(strings.Join(api.Fields[field], ", "), 200))
		if utf8.RuneCountInString(more) > maxFailure {
			f.Message = joined(f.Message, "and more")
			break
		}
		f.Message = more
	}
	if api.Outcome != websoftsolus.NotDone {
		return Unknown, f
	}
	f.Certainty = Exact
	return Rejected, f
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

func capped(message string) string {
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "…"
	}
	return message
}

// record writes an outcome to the ledger and returns the operation as it then
// stands. It tries more than once, since what is not recorded becomes unknown.
// If it fails, the caller is told the outcome all the same, this process keeps
// it and tries again when the operation is next asked for, in Recover, and so in
// Watch, and in Close. The ledger says sending meanwhile, which after the deadline
// makes others look.
func (s *Service) record(ctx context.Context, store Store, o *Operation, step Step) *Operation {
	var err error
	for attempt := range writeAttempts {
		if attempt > 0 {
			if s.sleep(ctx, 100*time.Millisecond<<(2*attempt)) != nil {
				break
			}
		}
		var recorded *Operation
		if recorded, err = s.tryRecord(ctx, store, step); err == nil {
			return recorded
		}
	}
	s.log.ErrorContext(ctx, "the ledger could not record an outcome", "operation", o.ID, "state", step.To, "error", err)
	s.mu.Lock()
	s.unrecorded[o.ID] = step
	s.mu.Unlock()
	return unrecorded(o, step)
}

// unrecorded is an operation as this process knows it and the ledger does not.
func unrecorded(o *Operation, step Step) *Operation {
	known := step.apply(o)
	known.Message = joined(known.Message, "the ledger could not record this")
	return known
}

// tryRecord makes one attempt to record an outcome, whatever became of the
// operation in the ledger meanwhile.
func (s *Service) tryRecord(ctx context.Context, store Store, step Step) (*Operation, error) {
	for {
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		recorded, err := store.Step(write, step)
		cancel()
		var conflict *StateConflict
		switch {
		case errors.Is(err, errKeyTaken):
			// The request did what it did; the key cannot be told by its number.
			step.Message = joined(step.Message, fmt.Sprintf("the API named the key number %s, which is another order's", untrusted.Name(step.KeyNumber, maxQuoted)))
			step.Candidates = []string{step.KeyNumber}
			step.KeyNumber, step.KeyCertainty = "", Ambiguous
		case errors.As(err, &conflict) && conflict.Current.State == Unknown && step.From == Sending:
			// It was given up as overdue. What its own process knows still counts.
			step.From = Unknown
			if step.To == Rejected {
				step.To = NotApplied
			}
		case errors.As(err, &conflict):
			if conflict.Current.State != step.To {
				s.log.ErrorContext(ctx, "the ledger holds another outcome", "operation", step.ID, "recorded", conflict.Current.State, "found", step.To)
			}
			return conflict.Current, nil
		default:
			return recorded, err
		}
	}
}

// load reads an operation. One whose outcome the ledger could not take is tried
// again first, and shown as this process knows it.
func (s *Service) load(ctx context.Context, store Store, id string) (*Operation, error) {
	s.mu.Lock()
	step, pending := s.unrecorded[id]
	s.mu.Unlock()
	if pending {
		if recorded, err := s.recordKept(ctx, store, step); err == nil {
			return recorded, nil
		}
	}
	o, err := store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.asKnown(o), nil
}

// asKnown is an operation of the ledger with what only this process knows of it.
func (s *Service) asKnown(o *Operation) *Operation {
	s.mu.Lock()
	step, pending := s.unrecorded[o.ID]
	s.mu.Unlock()
	if pending && o.State == step.From {
		return unrecorded(o, step)
	}
	return o
}

// isUnrecorded says whether the ledger could not take an operation's outcome. No
// finding can be recorded before it did.
func (s *Service) isUnrecorded(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, pending := s.unrecorded[id]
	return pending
}

// notSucceeded is what a caller is told of a claimed operation that did not
// succeed, or not yet.
func notSucceeded(o *Operation) *Refusal {
	switch o.State {
	case Rejected:
		return refuse(o.Kind, CodeRejected, RetryAfterChange, o.Message,
			`read the message, change what it names, and start with a new preview`).about(o)
	case NotApplied:
		return refuse(o.Kind, CodeNotApplied, RetryAfterChange, fmt.Sprintf("the %s took no effect: %s", deed(o.Kind), o.Message),
			"start anew if the person still wants it").about(o)
	case Sending:
		return outcomeUnknown(o, "the request is still on its way")
	default:
		return outcomeUnknown(o, o.Message)
	}
}

// outcomeUnknown is the refusal of which nobody knows what was done.
func outcomeUnknown(o *Operation, reason string) *Refusal {
	not := map[Kind]string{
		Order:     "it is not known whether the licence was ordered",
		Edit:      "it is not known whether the licence was changed",
		Terminate: "it is not known whether the licence was terminated",
	}[o.Kind]
	r := &Refusal{
		Code:      CodeOutcomeUnknown,
		Message:   not + ": " + reason,
		Outcome:   websoftsolus.Unknown,
		Retry:     RetryNever,
		Next:      nextGetOperation(o.ID),
		Operation: o,
	}
	if len(o.Candidates) > 0 {
		names := make([]string, len(o.Candidates))
		for i, key := range o.Candidates {
			names[i] = untrusted.Name(key, maxQuoted)
		}
		r.Message += "; it could be " + strings.Join(names, ", ")
		r.Next = fmt.Sprintf("show the person operation %s and the keys that it could be; do not repeat the write", o.ID)
	}
	return r
}
