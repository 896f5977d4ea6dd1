package operations

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Get returns an operation. One whose outcome is not known, and whose request
// cannot be on its way any more, is looked at through the API first. The error
// is a *Refusal.
func (s *Service) Get(ctx context.Context, id string) (*Operation, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	o, err := s.load(ctx, store, id)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && o.BaseURL != s.baseURL:
		return nil, notFound(id)
	case err != nil:
		return nil, unreadable(err)
	}
	switch {
	case o.State == Proposed && !s.now().Before(o.ExpiresAt):
		s.expire(ctx, store, o)
		if o, err = s.load(ctx, store, id); err != nil {
			return nil, unreadable(err)
		}
	case s.inFlight(id): // it is being looked at already
	case s.mayHaveOutcome(o), s.keyMissing(o):
		o = s.look(ctx, store, o)
	}
	return o, nil
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

// Recover takes care of what a process left that died: proposals whose time is
// over expire, and every operation without an outcome, whose request cannot be
// on its way any more, is looked at once. Opening the ledger does the same in
// the background. An outcome that stays unknown is no error.
func (s *Service) Recover(ctx context.Context) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	if _, err := store.Expire(ctx, s.now()); err != nil {
		return err
	}
	open, err := store.Open(ctx, s.baseURL)
	if err != nil {
		return err
	}
	// Saying that something had no effect takes several looks with pauses between
	// them, so operations are looked at beside one another.
	var looks errgroup.Group
	looks.SetLimit(recoverAtATime)
	for i := range open {
		looks.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if s.mayHaveOutcome(&open[i]) && !s.inFlight(open[i].ID) {
				s.look(ctx, store, &open[i])
			}
			return nil
		})
	}
	return looks.Wait()
}

// recoverAtATime is how many operations Recover looks at at a time. The client
// bounds the requests that they make.
const recoverAtATime = 16

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
