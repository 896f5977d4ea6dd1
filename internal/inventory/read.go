package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Entry is one licence of an inventory.
type Entry struct {
	Family    websoftsolus.Family
	KeyNumber string                // as the list has it
	License   *websoftsolus.License // nil where its properties were not read; shared, not to be changed
}

// Unread is a family that could not be listed, or a licence whose properties
// were to be read and could not be.
type Unread struct {
	Family    websoftsolus.Family
	KeyNumber string // empty for a whole family
	Err       error  // never nil; ErrDeadline where there was no time left
}

// Inventory is what is known of the licences of some families.
type Inventory struct {
	Families []websoftsolus.Family // that were asked for
	Entries  []Entry               // in the order of Compare, each licence once
	Unread   []Unread
}

// Partial says whether something that was to be read could not be.
func (inv *Inventory) Partial() bool { return len(inv.Unread) > 0 }

// Complete says whether every family was listed and every licence in it read.
func (inv *Inventory) Complete() bool {
	return !inv.Partial() && !slices.ContainsFunc(inv.Entries, func(e Entry) bool { return e.License == nil })
}

// Listed says whether the keys of a family are known.
func (inv *Inventory) Listed(family websoftsolus.Family) bool {
	return slices.Contains(inv.Families, family) &&
		!slices.ContainsFunc(inv.Unread, func(u Unread) bool { return u.Family == family && u.KeyNumber == "" })
}

// Options say how properties are read. The zero value reads them from the cache
// where they are kept.
type Options struct {
	// Fresh reads every licence anew.
	Fresh bool
	// Progress, if set, is told how many of the licences are done, unread ones
	// too. It is called by one goroutine at a time, and never with a lower number.
	Progress func(done, total int)
}

// ErrDeadline ends a context of WithDeadline.
var ErrDeadline = errors.New("there was no time left to read it")

var errNotListed = errors.New("it is listed, and the API says that there is no such licence")

// WithDeadline returns a context that ends with ErrDeadline as its cause after
// a time. What was read by then is returned as a partial inventory.
func (r *Reader) WithDeadline(parent context.Context, within time.Duration) (context.Context, context.CancelFunc) {
	r.start()
	ctx, cancel := context.WithCancelCause(parent)
	over := r.After(within)
	go func() {
		select {
		case <-over:
			cancel(ErrDeadline)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// List asks for the keys of the families, one request each. A family that cannot
// be listed is unread; where none can, the first failure is the error. It is the
// cause of the context's end where the caller has gone.
func (r *Reader) List(ctx context.Context, families []websoftsolus.Family) (*Inventory, error) {
	r.start()
	listed := make([][]string, len(families))
	failures := make([]error, len(families))
	var group sync.WaitGroup
	for i, family := range families {
		group.Go(func() { listed[i], failures[i] = r.API.ListKeys(ctx, family) })
	}
	group.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ErrDeadline) {
		return nil, cause
	}

	inv := &Inventory{Families: families}
	for i, family := range families {
		if failures[i] != nil {
			if ctx.Err() != nil {
				failures[i] = context.Cause(ctx)
			}
			inv.Unread = append(inv.Unread, Unread{Family: family, Err: failures[i]})
			continue
		}
		for _, key := range listed[i] {
			inv.Entries = append(inv.Entries, Entry{Family: family, KeyNumber: key})
		}
	}
	if len(families) > 0 && len(inv.Unread) == len(families) {
		return nil, inv.Unread[0].Err
	}
	slices.SortFunc(inv.Entries, Compare)
	return inv, nil
}

// Read lists the families and reads the properties of every licence. A complete
// inventory is given to Snapshots.
func (r *Reader) Read(ctx context.Context, families []websoftsolus.Family, o Options) (*Inventory, error) {
	inv, err := r.List(ctx, families)
	if err != nil {
		return nil, err
	}
	return inv, r.Details(ctx, inv, 0, len(inv.Entries), o)
}

// Details reads the properties of the entries from..to of an inventory. Those
// that cannot be read are added to its Unread. A licence that ended meanwhile is
// taken out of it. The error is the cause of the context's end, unless that is
// ErrDeadline, and nothing else.
func (r *Reader) Details(ctx context.Context, inv *Inventory, from, to int, o Options) error {
	var vanished []int
	err := r.walk(ctx, inv.Entries[from:to], to-from, o, func(i int, license *websoftsolus.License, err error) error {
		i += from
		var failed *websoftsolus.Error
		switch {
		case err == nil:
			inv.Entries[i].License = license
		case errors.As(err, &failed) && failed.Kind == websoftsolus.NotFound:
			vanished = append(vanished, i)
		default:
			inv.Unread = append(inv.Unread, Unread{inv.Entries[i].Family, inv.Entries[i].KeyNumber, err})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(vanished) > 0 {
		if err := r.lookAgain(ctx, inv, vanished); err != nil {
			return err
		}
	}
	if inv.Complete() {
		r.remember(ctx, inv)
	}
	return nil
}

// lookAgain lists the families anew in which licences were listed that the API
// then did not know. Those that are not listed any more have ended; the others
// are unread.
func (r *Reader) lookAgain(ctx context.Context, inv *Inventory, vanished []int) error {
	gone := make([]bool, len(inv.Entries))
	still := map[websoftsolus.Family]map[string]bool{}
	for _, i := range vanished {
		e := inv.Entries[i]
		if still[e.Family] == nil {
			still[e.Family] = map[string]bool{}
			keys, err := r.API.ListKeys(ctx, e.Family)
			if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ErrDeadline) {
				return cause
			}
			if err != nil { // then nothing says that they ended
				for _, i := range vanished {
					if inv.Entries[i].Family == e.Family {
						still[e.Family][inv.Entries[i].KeyNumber] = true
					}
				}
			}
			for _, key := range keys {
				still[e.Family][key] = true
			}
		}
		if gone[i] = !still[e.Family][e.KeyNumber]; !gone[i] {
			inv.Unread = append(inv.Unread, Unread{e.Family, e.KeyNumber, errNotListed})
		}
	}
	left := inv.Entries[:0]
	for i, e := range inv.Entries {
		if !gone[i] {
			left = append(left, e)
		}
	}
	inv.Entries = left
	return nil
}

// Each reads the properties of every licence of an inventory and calls visit
// with one after the other, in order, keeping none: of 100,000 licences it holds
// a few hundred at a time. unread is why an entry has no properties. It ends
// early with visit's error, or with the cause of the context's end.
func (r *Reader) Each(ctx context.Context, inv *Inventory, o Options, visit func(e Entry, unread error) error) error {
	r.start()
	return r.walk(ctx, inv.Entries, 16*r.Concurrency, o, func(i int, license *websoftsolus.License, err error) error {
		e := inv.Entries[i]
		e.License = license
		return visit(e, err)
	})
}

// job is one licence of a walk.
type job struct {
	done    chan struct{}
	license *websoftsolus.License
	err     error
}

// walk reads the properties of entries, a bounded number at a time, and calls
// visit with each in order, by one goroutine. At most window of them are read
// and not visited. Its error is visit's, or the cause of the context's end,
// unless that is ErrDeadline.
func (r *Reader) walk(caller context.Context, entries []Entry, window int, o Options, visit func(i int, license *websoftsolus.License, err error) error) error {
	r.start()
	if len(entries) == 0 {
		return nil
	}
	ctx, stop := context.WithCancelCause(caller)
	defer stop(context.Canceled)
	ordered := make(chan *job, max(window, 1))
	failures := failing{most: int32(max(3*r.Concurrency, 24)), stop: stop}
	report := reporter(o.Progress, len(entries))

	var group errgroup.Group
	group.SetLimit(r.Concurrency)
	producing := make(chan struct{})
	go func() {
		defer close(producing)
		defer close(ordered)
		for _, e := range entries {
			j := &job{done: make(chan struct{})}
			ordered <- j
			if ctx.Err() != nil { // the rest is unread
				j.err = context.Cause(ctx)
				report()
				close(j.done)
				continue
			}
			group.Go(func() error {
				defer close(j.done)
				j.license, j.err = r.Get(ctx, e.Family, e.KeyNumber, o.Fresh)
				failures.count(j.err)
				report()
				return nil
			})
		}
	}()

	var failed error
	i := 0
	for j := range ordered {
		<-j.done
		if failed == nil && !leaving(caller) {
			if failed = visit(i, j.license, j.err); failed != nil {
				stop(failed)
			}
		}
		i++
	}
	<-producing
	_ = group.Wait()
	if failed == nil && leaving(caller) {
		failed = context.Cause(caller)
	}
	return failed
}

// leaving says whether the caller has gone, and not only run out of time.
func leaving(caller context.Context) bool {
	return caller.Err() != nil && !errors.Is(context.Cause(caller), ErrDeadline)
}

// reporter counts what is done and tells progress.
func reporter(progress func(done, total int), total int) func() {
	if progress == nil {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		progress(done, total)
	}
}

// failing ends a walk that only fails: nobody is helped by a refused password
// sent 5,000 times, nor a broken server by being asked on and on.
type failing struct {
	inARow atomic.Int32
	most   int32
	stop   context.CancelCauseFunc
}

func (f *failing) count(err error) {
	var failed *websoftsolus.Error
	if !errors.As(err, &failed) {
		if err == nil {
			f.inARow.Store(0)
		}
		return
	}
	switch failed.Kind {
	case websoftsolus.Unauthorized, websoftsolus.NotConfigured:
		f.stop(err)
	case websoftsolus.Unavailable, websoftsolus.Network, websoftsolus.RateLimited, websoftsolus.Unreadable, websoftsolus.Redirected:
		if n := f.inARow.Add(1); n == f.most {
			f.stop(fmt.Errorf("not asked for, since %d licences in a row could not be read; the last: %w", n, err))
		}
	default: // the API answers
		f.inARow.Store(0)
	}
}
