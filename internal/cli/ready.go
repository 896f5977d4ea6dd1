package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// readyFor is how long one look answers every question whether the server is
// ready: however many ask, the API is not asked more often.
const readyFor = 5 * time.Second

// readiness remembers the last look.
type readiness struct {
	looks []func(context.Context) error
	now   func() time.Time

	mu    sync.Mutex
	until time.Time
	last  error
}

// check says what is in the way of working; nil where nothing is.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Before(r.until) {
		return r.last
	}
	found := make([]error, len(r.looks))
	var group errgroup.Group
	for i, look := range r.looks {
		group.Go(func() error {
			found[i] = look(ctx)
			return nil
		})
	}
	_ = group.Wait() // none fails
	r.last = errors.Join(found...)
	if ctx.Err() == nil { // who asked may have gone before the answer
		r.until = r.now().Add(readyFor)
	}
	return r.last
}
