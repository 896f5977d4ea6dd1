package operations

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// API is what this package uses of the REST client. Its errors are
// *websoftsolus.Error; one of a write whose Outcome is Unknown may have taken
// effect.
type API interface {
	ListKeys(ctx context.Context, family websoftsolus.Family) ([]string, error)
	GetLicense(ctx context.Context, family websoftsolus.Family, keyNumber string) (*websoftsolus.License, error)
	Order(ctx context.Context, family websoftsolus.Family, form url.Values) (*websoftsolus.Receipt, error)
	Edit(ctx context.Context, family websoftsolus.Family, keyNumber, title, comment string) (*websoftsolus.Receipt, error)
	Terminate(ctx context.Context, family websoftsolus.Family, keyNumber string) (*websoftsolus.Receipt, error)
}

const (
	// phraseLife is how long a preview can be confirmed.
	phraseLife = 10 * time.Minute
	// defaultCap is how many orders, and how many terminations, may be claimed in
	// 24 hours where the configuration does not say.
	defaultCap = 20
	// writeAttempts and their pauses are for recording an outcome that is known:
	// losing it would make it unknown.
	writeAttempts = 4
)

// Config is what a Service is made of. API and Open must be set.
type Config struct {
	API API
	// Open opens the ledger, on first use. A failure is reported to the call that
	// needed the ledger, and the next one tries again.
	Open func(ctx context.Context) (Store, error)

	Environment string // "live", "test" or "sandbox", for the record
	BaseURL     string // operations made through another one are never confirmed or looked at
	ReadOnly    bool   // every write is refused

	// Caps on what may be claimed in any 24 hours: 0 means 20, negative means none
	// is allowed.
	MaxOrdersPerDay       int
	MaxTerminationsPerDay int

	// Timeout bounds one request to the API, 30 seconds where it is 0. A claimed
	// operation may take twice that, because a token may have to be fetched.
	Timeout time.Duration
	// PollFor is how long a call looks for an outcome that the API's answer did
	// not tell, 20 seconds where it is 0.
	PollFor time.Duration
	// QuietFor is how long after an operation's deadline nothing must have shown
	// before it is said that it took no effect, 5 minutes where it is 0.
	QuietFor time.Duration

	Now    func() time.Time                           // nil is time.Now
	Sleep  func(context.Context, time.Duration) error // nil sleeps; returns early, with the cause, when the context ends
	Rand   io.Reader                                  // nil is crypto/rand
	Logger *slog.Logger                               // nil logs nothing
}

// Service runs operations. It is safe for use by many goroutines, and any number
// of services, in any number of processes, may share one ledger.
type Service struct {
	api         API
	open        func(context.Context) (Store, error)
	environment string
	baseURL     string
	readOnly    bool
	limits      Limits
	timeout     time.Duration
	pollFor     time.Duration
	quietFor    time.Duration
	clock       func() time.Time
	sleep       func(context.Context, time.Duration) error
	random      io.Reader
	log         *slog.Logger
	crash       func(crashPoint)

	// closing ends when Close is called: nobody looks for outcomes after it.
	closing context.Context
	close   context.CancelFunc

	mu      sync.Mutex
	store   Store // nil until opened
	opening singleflight.Group
	looks   singleflight.Group // by operation id
	closed  bool
	running sync.WaitGroup     // flights and other work that Close waits for
	flights map[string]*flight // by operation id
	// unrecorded holds outcomes that the ledger could not take, by operation id.
	unrecorded map[string]Step
}

// NewService returns a Service. It opens nothing and makes no request.
func NewService(c Config) *Service {
	s := &Service{
		api:         c.API,
		open:        c.Open,
		environment: c.Environment,
		baseURL:     c.BaseURL,
		readOnly:    c.ReadOnly,
		limits:      Limits{Orders: limit(c.MaxOrdersPerDay), Terminations: limit(c.MaxTerminationsPerDay)},
		timeout:     c.Timeout,
		pollFor:     c.PollFor,
		quietFor:    c.QuietFor,
		clock:       c.Now,
		sleep:       c.Sleep,
		random:      c.Rand,
		log:         c.Logger,
		crash:       survive,
		flights:     map[string]*flight{},
		unrecorded:  map[string]Step{},
	}
	s.closing, s.close = context.WithCancel(context.Background())
	if s.timeout <= 0 {
		s.timeout = 30 * time.Second
	}
	if s.pollFor <= 0 {
		s.pollFor = 20 * time.Second
	}
	if s.quietFor <= 0 {
		s.quietFor = 5 * time.Minute
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.sleep == nil {
		s.sleep = sleep
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	s.random = &lockedReader{reader: s.random}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// lockedReader lets many goroutines read from a reader that allows one.
type lockedReader struct {
	mu     sync.Mutex
	reader io.Reader
}

func (r *lockedReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reader.Read(p)
}

func limit(configured int) int {
	if configured == 0 {
		return defaultCap
	}
	return max(configured, 0)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// now is the time as the ledger keeps it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// sendBudget is how long sending may take, a fresh token included.
func (s *Service) sendBudget() time.Duration { return 2 * s.timeout }

// deadline is when nobody can be sending an operation any more that is claimed
// now: what sending may take, and some time to record the outcome.
func (s *Service) deadline(claimed time.Time) time.Time {
	return claimed.Add(s.sendBudget() + 15*time.Second)
}

// ledger returns the store, opening it on first use. Calls that come while it is
// being opened wait for that one attempt: a database that does not answer keeps
// each of them once, not one after the other.
func (s *Service) ledger(ctx context.Context) (Store, error) {
	s.mu.Lock()
	store, closed := s.store, s.closed
	s.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if store != nil {
		return store, nil
	}
	// Who asked first may be gone before it is open; others still want it.
	opened := s.opening.DoChan("", func() (any, error) { return s.openLedger(context.WithoutCancel(ctx)) })
	select {
	case result := <-opened:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(Store), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *Service) openLedger(ctx context.Context) (Store, error) {
	s.mu.Lock()
	store := s.store
	s.mu.Unlock()
	if store != nil {
		return store, nil
	}
	store, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errors.Join(errClosed, store.Close())
	}
	s.store = store
	s.mu.Unlock()
	// What a dead process left is looked at once, beside the call.
	s.background(func() {
		if err := s.Recover(s.closing); err != nil && s.closing.Err() == nil {
			s.log.Warn("looking at operations without an outcome", "error", err)
		}
	})
	return store, nil
}

var errClosed = errors.New("the server is shutting down")

// background runs work that Close waits for. It reports false, and runs nothing,
// once Close was called.
func (s *Service) background(work func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(work)
	return true
}

// StopLooking ends every search for an outcome: what is unknown is answered and
// stays recorded as unknown, for whoever opens the ledger next. It is for a
// process that was told to stop and whose calls in flight should not take the
// time of a search. Requests on their way are not touched.
func (s *Service) StopLooking() { s.close() }

// Close waits until every claimed operation has its outcome recorded, as far as
// it is known and the ledger takes it, then closes the ledger. Nothing can be claimed once it was
// called. It returns early when ctx ends; the ledger stays open then, for the
// operations still in flight.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	store := s.store
	s.mu.Unlock()
	s.close()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		if store != nil {
			s.recordAgain(ctx, store)
		}
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("operations are still in flight: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	store = s.store
	s.store = nil
	s.mu.Unlock()
	if store == nil {
		return nil
	}
	return store.Close()
}

// noLedger is the refusal of a write that the ledger cannot record.
func noLedger(kind Kind, err error) *Refusal {
	if errors.Is(err, errClosed) {
		return refuse(kind, CodeShuttingDown, RetrySafe, errClosed.Error(), "call again when the server is back").because(err)
	}
	return refuse(kind, CodeLedgerUnavailable, RetryAfterChange, err.Error(),
		"tell the person; writes need the ledger, reading licences does not").because(err)
}

// unreadable is the refusal to show operations where the ledger cannot be read.
func unreadable(err error) *Refusal {
	return &Refusal{
		Code:    CodeLedgerUnavailable,
		Message: "the operations cannot be shown: " + err.Error(),
		Outcome: websoftsolus.NotDone,
		Retry:   RetryAfterChange,
		Next:    "tell the person; reading licences does not need the ledger",
		Err:     err,
	}
}
