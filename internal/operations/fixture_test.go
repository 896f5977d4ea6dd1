package operations

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestMain(m *testing.M) {
	if orders := os.Getenv(crashVariable); orders != "" {
		dieAsOrdered(orders)
	}
	goleak.VerifyTestMain(m)
}

// testClock is time that moves when it is told to, or slept through.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *testClock {
	return &testClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *testClock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

// stub is an API in memory for what no server can be made to do on cue: to hold
// an answer until the test lets go, or to fail at one exact call. before, when
// set, runs ahead of each call and may fail it; after runs when the effect has
// happened and may lose its answer.
type stub struct {
	mu       sync.Mutex
	licenses map[websoftsolus.Family][]*websoftsolus.License
	requests []string
	made     int
	silent   bool // answers to orders name no key
	before   func(ctx context.Context, call string) error
	after    func(ctx context.Context, call string) error
}

func newStub() *stub {
	s := &stub{licenses: map[websoftsolus.Family][]*websoftsolus.License{}}
	for i := range 3 {
		s.add(websoftsolus.Plesk, url.Values{"product": {"PLESK_12_WEB_HOST"}, "title": {fmt.Sprintf("old %d", i)}, "comment": {"kept"}, "period": {"12"}})
	}
	return s
}

func (s *stub) add(family websoftsolus.Family, form url.Values) *websoftsolus.License {
	s.made++
	l := &websoftsolus.License{
		Family: family, KeyNumber: fmt.Sprintf("PLSK.%08d", 2980000+s.made),
		Title: form.Get("title"), Comment: form.Get("comment"), Product: form.Get("product"), Period: form.Get("period"), ServerIP: form.Get("serverIP"),
		Status: "active", TitleShown: true, CommentShown: true, Properties: []byte(`{}`),
	}
	s.licenses[family] = append(s.licenses[family], l)
	return l
}

// call runs one request: what comes before it, its effect, what comes after.
func (s *stub) call(ctx context.Context, call string, effect func() error) error {
	s.mu.Lock()
	s.requests = append(s.requests, call)
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, call); err != nil {
			return err
		}
	}
	s.mu.Lock()
	err := effect()
	s.mu.Unlock()
	if err == nil && after != nil {
		err = after(ctx, call)
	}
	return err
}

func (s *stub) find(family websoftsolus.Family, key string) (*websoftsolus.License, error) {
	for _, l := range s.licenses[family] {
		if l.KeyNumber == key || l.KeyNumber+".0000" == key {
			return l, nil
		}
	}
	return nil, &websoftsolus.Error{Op: "get licence", Kind: websoftsolus.NotFound, Outcome: websoftsolus.NotDone, Status: 404}
}

func (s *stub) ListKeys(ctx context.Context, family websoftsolus.Family) (keys []string, err error) {
	err = s.call(ctx, "LIST "+string(family), func() error {
		for _, l := range s.licenses[family] {
			keys = append(keys, l.KeyNumber)
		}
		return nil
	})
	return keys, err
}

func (s *stub) GetLicense(ctx context.Context, family websoftsolus.Family, key string) (found *websoftsolus.License, err error) {
	err = s.call(ctx, "GET "+key, func() error {
		l, err := s.find(family, key)
		if err == nil {
			copied := *l
			found = &copied
		}
		return err
	})
	return found, err
}

func (s *stub) Order(ctx context.Context, family websoftsolus.Family, form url.Values) (*websoftsolus.Receipt, error) {
	receipt := &websoftsolus.Receipt{Status: 201, Digest: "d1"}
	err := s.call(ctx, "POST "+string(family), func() error {
		l := s.add(family, form)
		if !s.silent {
			receipt.KeyNumber = l.KeyNumber
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return receipt, nil
}

func (s *stub) Edit(ctx context.Context, family websoftsolus.Family, key, title, comment string) (*websoftsolus.Receipt, error) {
	err := s.call(ctx, "PUT "+key, func() error {
		l, err := s.find(family, key)
		if err == nil {
			l.Title, l.Comment = title, comment
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &websoftsolus.Receipt{Status: 200}, nil
}

func (s *stub) Terminate(ctx context.Context, family websoftsolus.Family, key string) (*websoftsolus.Receipt, error) {
	err := s.call(ctx, "DELETE "+key, func() error {
		l, err := s.find(family, key)
		if err == nil {
			s.licenses[family] = slices.DeleteFunc(s.licenses[family], func(o *websoftsolus.License) bool { return o == l })
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &websoftsolus.Receipt{Status: 204}, nil
}

// sent returns the requests that begin so.
func (s *stub) sent(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for _, r := range s.requests {
		if strings.HasPrefix(r, prefix) {
			found = append(found, r)
		}
	}
	return found
}

// on sets what happens before and after the calls that begin so; nil changes
// nothing.
func (s *stub) on(prefix string, before, after func(context.Context) error) {
	only := func(f func(context.Context) error) func(context.Context, string) error {
		return func(ctx context.Context, call string) error {
			if f == nil || !strings.HasPrefix(call, prefix) {
				return nil
			}
			return f(ctx)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = only(before), only(after)
}

func (s *stub) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

var (
	errLost  = &websoftsolus.Error{Op: "write", Kind: websoftsolus.Network, Outcome: websoftsolus.Unknown}
	errNo    = &websoftsolus.Error{Op: "write", Kind: websoftsolus.Rejected, Outcome: websoftsolus.NotDone, Status: 422, Message: "not enough credit", Digest: "d2"}
	errReads = &websoftsolus.Error{Op: "read", Kind: websoftsolus.Unavailable, Outcome: websoftsolus.NotDone, Status: 503}
)

func fails(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// fixture is a service on a ledger file, with a stub behind it.
type fixture struct {
	*Service
	t     *testing.T
	api   *stub
	clock *testClock
	path  string // of the ledger's file, or the URL of its database
}

func newFixture(t *testing.T, options ...func(*Config)) *fixture {
	return newFixtureOn(t, filepath.Join(t.TempDir(), "state", "ledger.db"), options...)
}

func newFixtureOn(t *testing.T, ledger string, options ...func(*Config)) *fixture {
	f := &fixture{t: t, api: newStub(), clock: newClock(), path: ledger}
	f.Service = f.service(options...)
	return f
}

// onEachDatabase runs a test with what gives it places of new ledgers in a
// database.
func onEachDatabase(t *testing.T, test func(t *testing.T, newPlace func(testing.TB) string)) {
	t.Run("SQLite", func(t *testing.T) {
		test(t, func(t testing.TB) string { return filepath.Join(t.TempDir(), "state", "ledger.db") })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		postgrestest.Server(t)
		test(t, postgrestest.Schema)
	})
}

func isURL(place string) bool { return strings.HasPrefix(place, "postgres://") }

// openAt opens the ledger in a file, or in the database of a URL.
func openAt(ctx context.Context, place string) (Store, error) {
	if isURL(place) {
		return OpenPostgres(ctx, place)
	}
	return OpenSQLite(place)
}

// service makes another service on the same ledger, API and clock.
func (f *fixture) service(options ...func(*Config)) *Service {
	c := Config{
		API: f.api, Open: func(ctx context.Context) (Store, error) { return openAt(ctx, f.path) },
		Environment: "live", BaseURL: "https://api.example.com/",
		Now: f.clock.Now, Sleep: f.clock.Sleep, Rand: rand.Reader,
	}
	for _, option := range options {
		option(&c)
	}
	s := NewService(c)
	f.t.Cleanup(func() { require.NoError(f.t, s.Close(context.WithoutCancel(f.t.Context()))) })
	return s
}

func orderOf(title string) OrderRequest {
	return OrderRequest{
		Family: websoftsolus.Plesk, Product: "PLESK_12_WEB_HOST", Title: title, Period: "12",
		Form: []Field{{"product", "PLESK_12_WEB_HOST"}, {"title", title}, {"comment", ""}, {"period", "12"}, {"antivirus", "0"}},
	}
}

func termination(n int) TerminationRequest {
	return TerminationRequest{Family: websoftsolus.Plesk, KeyNumber: fmt.Sprintf("PLSK.%08d", 2980000+n)}
}

// proposed previews an order and returns its phrase.
func (f *fixture) proposed(r OrderRequest) *Preview {
	f.t.Helper()
	preview, err := f.ProposeOrder(f.t.Context(), r)
	require.NoError(f.t, err)
	return preview
}

// ordered previews and confirms an order.
func (f *fixture) ordered(r OrderRequest) *Result {
	f.t.Helper()
	result, err := f.ConfirmOrder(f.t.Context(), r, f.proposed(r).Confirm)
	require.NoError(f.t, err)
	return result
}

// refused checks an error for a refusal with the code and what did not happen.
func refused(t *testing.T, err error, code string, words ...string) *Refusal {
	t.Helper()
	var r *Refusal
	require.ErrorAs(t, err, &r)
	require.Equal(t, code, r.Code, r.Message)
	for _, w := range words {
		require.Contains(t, r.Message, w)
	}
	require.NotEmpty(t, r.Retry)
	return r
}

func (f *fixture) state(id string) State {
	f.t.Helper()
	store, err := f.Service.ledger(f.t.Context())
	require.NoError(f.t, err)
	o, err := store.Get(f.t.Context(), id)
	require.NoError(f.t, err)
	return o.State
}

type contextT = context.Context
