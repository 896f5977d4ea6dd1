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

// CountByState counts this environment's operations; a state that none is in is
// left out.
func (s *Service) CountByState(ctx context.Context) (map[State]int, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	return store.CountByState(ctx, s.baseURL)
}
