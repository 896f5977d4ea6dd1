package operations

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Resolution is what a person found out about an operation that looking cannot
// tell.
type Resolution struct {
	State     State  // Succeeded or NotApplied
	KeyNumber string // the licence that an order made; only and always for an order that succeeded
}

// Resolve records what a person says became of an operation of unknown outcome,
// or which licence an order made that succeeded without a key number. It looks
// once more first: what the API shows comes before what a person says. The actor
// is the context's. The error is a *Refusal.
func (s *Service) Resolve(ctx context.Context, id string, r Resolution) (*Operation, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	o, notLooked, err := s.observe(ctx, id)
	if err != nil {
		return nil, err
	}
	if notLooked != nil && o.State.Open() {
		return nil, (&Refusal{Code: CodeInProgress, Message: "nothing was recorded: it could not be looked at first: " + notLooked.Error(),
			Outcome: websoftsolus.NotDone, Retry: RetrySafe, Next: "ask again in some seconds"}).about(o).because(notLooked)
	}
	wrong := func(format string, args ...any) (*Operation, error) {
		return nil, (&Refusal{Code: CodeInvalidInput, Message: "nothing was recorded: " + fmt.Sprintf(format, args...), Outcome: websoftsolus.NotDone, Retry: RetryAfterChange}).about(o)
	}
	switch {
	case r.State != Succeeded && r.State != NotApplied:
		return wrong("an operation is resolved as succeeded or not_applied, not %q", r.State)
	case (r.KeyNumber != "") != (o.Kind == Order && r.State == Succeeded):
		return wrong("a key number goes with an order that succeeded, and with nothing else")
	case o.State != Unknown && !(o.State == Succeeded && r.State == Succeeded && o.KeyNumber == ""):
		return s.decided(id, nil, &StateConflict{Want: Unknown, Current: o}, "nothing is left to resolve")
	}
	finding := Finding{Certainty: Exact, Message: "a person says so"}
	if r.KeyNumber != "" {
		if problem := s.notItsKey(ctx, store, o, r.KeyNumber); problem != nil {
			return wrong("%v", problem)
		}
		finding.KeyNumber, finding.KeyCertainty = r.KeyNumber, Exact
	}
	stepped, err := store.Step(ctx, Step{ID: id, From: o.State, To: r.State, At: s.now(), By: ActorFrom(ctx), Finding: finding})
	if errors.Is(err, errKeyTaken) {
		return wrong("%s is another order's licence", r.KeyNumber)
	}
	return s.decided(id, stepped, err, "nothing is left to resolve")
}

// notItsKey says why a key cannot be the licence that an order made.
func (s *Service) notItsKey(ctx context.Context, store Store, o *Operation, key string) error {
	before, err := keysBefore(ctx, store, o)
	if err != nil {
		return err
	}
	if before[canonicalKey(key)] {
		return fmt.Errorf("%s was there before the order", key)
	}
	listed, err := s.api.ListKeys(ctx, o.Family)
	if err != nil {
		return fmt.Errorf("whether %s exists could not be read: %w", key, err)
	}
	if !slices.ContainsFunc(listed, func(k string) bool { return canonicalKey(k) == canonicalKey(key) }) {
		return fmt.Errorf("the API lists no %s licence %s", o.Family, key)
	}
	return nil
}
