package inventory

import (
	"context"
	"errors"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// flight is one request that some callers wait for. It runs on a context of its
// own, which ends with the last of them.
type flight struct {
	done    chan struct{}
	waiting int // guarded by the Reader
	cancel  context.CancelFunc
	license *websoftsolus.License // once done is closed, as is err
	err     error
}

// Get returns the properties of one licence: what is kept, unless fresh, or what
// the API says. Several callers share one request; one that leaves does not
// fail the others. The error is the API's *websoftsolus.Error, or the cause of
// the context's end.
func (r *Reader) Get(ctx context.Context, family websoftsolus.Family, keyNumber string, fresh bool) (*websoftsolus.License, error) {
	r.start()
	key := licenceKey{family, keyNumber}
	r.mu.Lock()
	if ctx.Err() != nil { // with the lock, so that nobody begins what another's leaving has just ended
		r.mu.Unlock()
		return nil, context.Cause(ctx)
	}
	f := r.flights[key]
	if fresh {
		f = nil // a request on its way may have been answered before this call began
	} else if license := r.cache.get(key, r.Now()); license != nil {
		r.mu.Unlock()
		return license, nil
	}
	if f == nil {
		f = r.fly(ctx, key)
	}
	f.waiting++
	r.mu.Unlock()

	select {
	case <-f.done:
		return f.license, f.err
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		r.land(key, f)
	}
	return nil, context.Cause(ctx)
}

// fly begins a request. The caller holds the lock.
func (r *Reader) fly(ctx context.Context, key licenceKey) *flight {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{done: make(chan struct{}), cancel: cancel}
	r.flights[key] = f
	go func() {
		defer cancel()
		license, err := r.ask(own, key)
		r.mu.Lock()
		defer r.mu.Unlock()
		f.license, f.err = license, err
		if now := r.Now(); err == nil && r.flights[key] == f && !r.justWritten(key, license, now) {
			r.cache.put(key, license, now, now.Add(r.TTL))
		}
		r.land(key, f)
		close(f.done)
	}()
	return f
}

// land takes a flight out of those that can be joined. The caller holds the lock.
func (r *Reader) land(key licenceKey, f *flight) {
	if r.flights[key] == f {
		delete(r.flights, key)
	}
}

const (
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// ask reads a licence, again where that may do better.
func (r *Reader) ask(ctx context.Context, key licenceKey) (*websoftsolus.License, error) {
	for attempt := 1; ; attempt++ {
		license, err := r.API.GetLicense(ctx, key.family, key.number)
		if err == nil || attempt >= r.Attempts || ctx.Err() != nil || !worthAnotherTry(err) {
			return license, err
		}
		if r.Sleep(ctx, r.Jitter(min(firstBackoff<<(attempt-1), maxBackoff))) != nil {
			return nil, err
		}
	}
}

// worthAnotherTry says whether a failure may pass that the client does not try
// again by itself: a 500 and its like, an answer that is not whole.
func worthAnotherTry(err error) bool {
	var failed *websoftsolus.Error
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.Kind {
	case websoftsolus.Unreadable:
		return true
	case websoftsolus.Unavailable:
		return failed.Status != 502 && failed.Status != 503 && failed.Status != 504
	}
	return false
}
