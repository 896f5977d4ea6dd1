package operations

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// recoverAtATime is how many operations Recover looks at at a time. The client
// bounds the requests that they make.
const recoverAtATime = 16

// Recover takes care of what was left open: outcomes that the ledger could not
// take are recorded, proposals whose time is over expire, and every operation
// without an outcome, whose request cannot be on its way any more, is looked at
// once, unless another server does so just now. Opening the ledger does the same
// in the background. An outcome that stays unknown is no error.
func (s *Service) Recover(ctx context.Context) error {
	return s.recover(ctx, func(*Operation) bool { return true })
}

// recover is Recover for the open operations that are due.
func (s *Service) recover(ctx context.Context, due func(*Operation) bool) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	s.recordAgain(ctx, store)
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
		if !s.mayHaveOutcome(&open[i]) || s.inFlight(open[i].ID) || !due(&open[i]) {
			continue
		}
		looks.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.look(ctx, store, &open[i])
			return nil
		})
	}
	return looks.Wait()
}

// recordAgain tries to record the outcomes that the ledger could not take.
func (s *Service) recordAgain(ctx context.Context, store Store) {
	s.mu.Lock()
	steps := slices.Collect(maps.Values(s.unrecorded))
	s.mu.Unlock()
	for _, step := range steps {
		if _, err := s.recordKept(ctx, store, step); err != nil {
			s.log.WarnContext(ctx, "the ledger still cannot record an outcome", "operation", step.ID, "state", step.To, "error", err)
			return // it is away; the others wait too
		}
	}
}

// recordKept records an outcome that was kept, and forgets it.
func (s *Service) recordKept(ctx context.Context, store Store, step Step) (*Operation, error) {
	recorded, err := s.tryRecord(ctx, store, step)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	delete(s.unrecorded, step.ID)
	s.mu.Unlock()
	return recorded, nil
}

const (
	// watchEvery is how often Watch looks unless it is told.
	watchEvery = 30 * time.Second
	// watchAtMost is how long an operation of unknown outcome is left alone at
	// most. What a minute's looking did not find shows later or never, so the
	// pauses grow with its age.
	watchAtMost = time.Hour
)

// Watch looks again and again, beside the calls, at what has no known outcome:
// where several servers share a ledger, the one that dies is not started again to
// do so. It opens the ledger, which calls Recover, then does the same each time
// the given duration has passed (30 seconds where it is 0) while anything is open:
// more seldom for each operation the older that is, at least hourly. It returns at
// once, and ends with ctx, StopLooking or Close.
func (s *Service) Watch(ctx context.Context, every time.Duration) {
	if every <= 0 {
		every = watchEvery
	}
	s.background(func() {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(s.closing, stop)()
		looked := map[string]time.Time{} // by operation id
		for ctx.Err() == nil {
			if err := s.watch(ctx, every, looked); err != nil && ctx.Err() == nil && !errors.Is(err, errClosed) {
				s.log.WarnContext(ctx, "looking at operations without an outcome", "error", err)
			}
			if s.sleep(ctx, every) != nil {
				return
			}
		}
	})
}

// watch makes one round of Watch.
func (s *Service) watch(ctx context.Context, every time.Duration, looked map[string]time.Time) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	kept := len(s.unrecorded)
	s.mu.Unlock()
	if kept == 0 {
		open, err := store.Open(ctx, s.baseURL)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			clear(looked)
			return nil
		}
	}
	return s.recover(ctx, func(o *Operation) bool {
		now := s.now()
		pause := max(every, min(now.Sub(o.ClaimedAt)/8, watchAtMost))
		if last, before := looked[o.ID]; before && now.Before(last.Add(pause)) {
			return false
		}
		looked[o.ID] = now
		return true
	})
}
