package inventory

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// API is what is read of the REST client. Its errors are *websoftsolus.Error.
type API interface {
	ListKeys(ctx context.Context, family websoftsolus.Family) ([]string, error)
	GetLicense(ctx context.Context, family websoftsolus.Family, keyNumber string) (*websoftsolus.License, error)
}

// Reader reads licences. Its fields are set before the first call and not
// changed after; API must be set, the zero value of each other field works. It
// is safe for use by many goroutines, and one should serve a whole process: its
// readers then share its cache.
type Reader struct {
	API API
	// Concurrency is how many licences one call reads at a time; 8 where it is
	// zero. The client bounds the requests of the whole process. A quarter more
	// than it allows keeps all of its turns taken while answers are decoded.
	Concurrency int
	// Attempts is how often a licence is asked for before it is called unread; 4
	// where it is zero. The client's own repetitions of what passes by itself (a
	// 429, a 502, a broken connection) are not counted, and not repeated.
	Attempts int
	// TTL is how long properties are kept; one minute where it is zero.
	TTL time.Duration
	// CacheBytes bounds what is kept, as it is in memory; 16 MiB where it is zero,
	// nothing is kept where it is negative.
	CacheBytes int64
	// Snapshots, if set, is given each complete inventory with its properties.
	// That it fails is logged and fails no reading.
	Snapshots Snapshots
	Logger    *slog.Logger // nil logs nothing

	// Now, Sleep, After and Jitter are time and chance; real where they are nil.
	// Sleep returns early, with the context's error, if that ends first. Jitter
	// draws from [0, d).
	Now    func() time.Time
	Sleep  func(ctx context.Context, d time.Duration) error
	After  func(d time.Duration) <-chan time.Time
	Jitter func(d time.Duration) time.Duration

	once sync.Once

	mu      sync.Mutex
	cache   cache
	flights map[licenceKey]*flight
	// written holds when a licence was last written by this process, in canonical
	// spelling: for a TTL after it the API may still show what was before.
	written map[licenceKey]time.Time
	saved   savedSnapshot
}

// licenceKey is a licence as it is asked for.
type licenceKey struct {
	family websoftsolus.Family
	number string
}

const (
	defaultConcurrency = 8
	defaultAttempts    = 4
	defaultTTL         = time.Minute
	defaultCacheBytes  = 16 << 20
)

func (r *Reader) start() {
	r.once.Do(func() {
		if r.Concurrency <= 0 {
			r.Concurrency = defaultConcurrency
		}
		if r.Attempts <= 0 {
			r.Attempts = defaultAttempts
		}
		if r.TTL <= 0 {
			r.TTL = defaultTTL
		}
		if r.CacheBytes == 0 {
			r.CacheBytes = defaultCacheBytes
		}
		if r.Logger == nil {
			r.Logger = slog.New(slog.DiscardHandler)
		}
		if r.Now == nil {
			r.Now = time.Now
		}
		if r.Sleep == nil {
			r.Sleep = sleep
		}
		if r.After == nil {
			r.After = time.After
		}
		if r.Jitter == nil {
			r.Jitter = rand.N[time.Duration]
		}
		r.cache.limit = r.CacheBytes
		r.flights = map[licenceKey]*flight{}
		r.written = map[licenceKey]time.Time{}
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
