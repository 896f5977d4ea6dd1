package operations

import (
	"context"
	"time"
)

// What servers that share a ledger know of one another, and how they stand.

// SharedKey returns 32 random bytes that are the same for every server on the
// ledger, under a name that says what they are for.
func (s *Service) SharedKey(ctx context.Context, name string) ([]byte, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	return store.SharedKey(ctx, name)
}

// EndSession records that a session is dead until the given time, on every server
// on the ledger. The ledger keeps SessionDigest of the id and not the id.
func (s *Service) EndSession(ctx context.Context, id string, until time.Time) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	return store.EndSession(ctx, id, until)
}

// EndedSessions returns the sessions that are dead now and until when, by
// SessionDigest.
func (s *Service) EndedSessions(ctx context.Context) (map[string]time.Time, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	return store.EndedSessions(ctx, s.now())
}

// Ready returns nil if the ledger is open, or can be opened, and answers. It makes
// no request to the API.
func (s *Service) Ready(ctx context.Context) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	return store.Ping(ctx)
}

// States counts this environment's operations by their state. Every state is in
// it, those without an operation too.
func (s *Service) States(ctx context.Context) (map[string]int, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	counted, err := store.CountByState(ctx, s.baseURL)
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for _, state := range []State{Proposed, Sending, Succeeded, Rejected, Unknown, NotApplied, Declined, Expired} {
		all[string(state)] = counted[state]
	}
	return all, nil
}
