package operations

import (
	"context"
	"errors"
	"fmt"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Get returns an operation. One whose outcome is not known, and whose request
// cannot be on its way any more, is looked at through the API first, unless
// another server does so just now; the message says so then. The error is a
// *Refusal.
func (s *Service) Get(ctx context.Context, id string) (*Operation, error) {
	o, notLooked, err := s.observe(ctx, id)
	if err == nil && errors.Is(notLooked, errReserved) && (o.State.Open() || s.keyMissing(o)) {
		told := *o
		told.Message = joined(o.Message, "another server is looking for its outcome just now; ask again in some seconds")
		return &told, nil
	}
	return o, err
}

// observe is Get, and says why it did not look where it should have.
func (s *Service) observe(ctx context.Context, id string) (o *Operation, notLooked, err error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	o, err = s.load(ctx, store, id)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && o.BaseURL != s.baseURL:
		return nil, nil, notFound(id)
	case err != nil:
		return nil, nil, unreadable(err)
	}
	switch {
	case o.State == Proposed && !s.now().Before(o.ExpiresAt):
		s.expire(ctx, store, o)
		if o, err = s.load(ctx, store, id); err != nil {
			return nil, nil, unreadable(err)
		}
	case s.inFlight(id): // it is being looked at already
	case s.mayHaveOutcome(o), s.keyMissing(o):
		o, notLooked = s.look(ctx, store, o)
	}
	return o, notLooked, nil
}

func notFound(id string) *Refusal {
	return &Refusal{
		Code:    CodeOperationNotFound,
		Message: fmt.Sprintf("this server's ledger has no operation %q for this environment", id),
		Outcome: websoftsolus.NotDone,
		Retry:   RetryAfterChange,
		Next:    "take an operationId from list_operations",
	}
}

// List returns a page of this environment's operations, newest first. It makes
// no request. The error is a *Refusal.
func (s *Service) List(ctx context.Context, f Filter) (*Page, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	page, err := store.List(ctx, s.baseURL, f)
	if errors.Is(err, errWrongCursor) {
		return nil, &Refusal{
			Code:    CodeInvalidInput,
			Message: "cursor is not one that list_operations returned for the same state, kind and family",
			Outcome: websoftsolus.NotDone,
			Retry:   RetryAfterChange,
			Next:    "leave cursor out to start at the first page",
			Err:     err,
		}
	}
	if err != nil {
		return nil, unreadable(err)
	}
	for i := range page.Operations {
		page.Operations[i] = *s.asKnown(&page.Operations[i])
	}
	return page, nil
}

// Decline records that a person said no to a proposal: its phrase confirms
// nothing any more. The error is a *Refusal; with code not_open the operation
// was not proposed any more.
func (s *Service) Decline(ctx context.Context, id string) (*Operation, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	o, err := store.Step(ctx, Step{
		ID: id, From: Proposed, To: Declined, At: s.now(), By: ActorFrom(ctx), Finding: Finding{Message: "a person declined it"},
	})
	return s.decided(id, o, err, "nothing is left to decline")
}

// decided is the answer to a person's decision on an operation.
func (s *Service) decided(id string, o *Operation, err error, tooLate string) (*Operation, error) {
	var conflict *StateConflict
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, ErrNotFound):
		return nil, notFound(id)
	case errors.As(err, &conflict):
		return nil, &Refusal{
			Code:      CodeNotOpen,
			Message:   fmt.Sprintf("operation %s is %s: %s", id, conflict.Current.State, tooLate),
			Outcome:   websoftsolus.NotDone,
			Retry:     RetryNever,
			Operation: conflict.Current,
			Err:       err,
		}
	default:
		return nil, unreadable(err)
	}
}
