package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a reader before a sandbox over real HTTP, with a clock of its own and
// pauses that take no time.
type world struct {
	sandbox *sandbox.Sandbox
	client  *websoftsolus.Client
	reader  *inventory.Reader
	now     atomic.Int64 // nanoseconds since it began
	close   func()
}

func newWorld(t testing.TB, options sandbox.Options) *world {
	w := &world{sandbox: sandbox.New(options)}
	listening, err := w.sandbox.Start("127.0.0.1:0")
	require.NoError(t, err)
	login, secret := w.sandbox.Credentials()
	noPause := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	w.client = &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret, MaxConcurrency: 32, Sleep: noPause, Transport: transport}
	begun := time.Now()
	w.reader = &inventory.Reader{
		API: w.client, Concurrency: 8, Sleep: noPause,
		Now: func() time.Time { return begun.Add(time.Duration(w.now.Load())) },
	}
	w.close = func() {
		transport.CloseIdleConnections()
		require.NoError(t, listening.Close())
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) pass(d time.Duration) { w.now.Add(int64(d)) }

func (w *world) gets() int { return w.sandbox.Counts().Requests[sandbox.Get] }

func many(plesk int) sandbox.Options {
	return sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: plesk}}
}

var onlyPlesk = []websoftsolus.Family{websoftsolus.Plesk}

func TestReadHasEveryLicenceInOrder(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	var told []int
	inv, err := w.reader.Read(t.Context(), websoftsolus.Families, inventory.Options{Progress: func(done, total int) {
		require.Equal(t, 22, total)
		told = append(told, done)
	}})
	require.NoError(t, err)
	require.True(t, inv.Complete())
	require.False(t, inv.Partial())
	var want, got []string
	for _, family := range websoftsolus.Families {
		for _, l := range w.sandbox.Licenses(family) {
			want = append(want, string(family)+l.KeyNumber+l.Title)
		}
	}
	for _, e := range inv.Entries {
		got = append(got, string(e.Family)+e.KeyNumber+e.License.Title)
	}
	require.Equal(t, want, got)
	require.Len(t, told, 22)
	for i, done := range told {
		require.Equal(t, i+1, done)
	}
	counts := inv.Count(inv.Entries)
	require.Equal(t, map[websoftsolus.Family]int{"plesk": 12, "cpanel": 6, "virtuozzo": 4}, counts.Family)
	require.Zero(t, counts.StatusUnknown)
}

func TestPropertiesAreKeptForAMinute(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	read := func(o inventory.Options) {
		_, err := w.reader.Read(t.Context(), websoftsolus.Families, o)
		require.NoError(t, err)
	}
	read(inventory.Options{})
	require.Equal(t, 22, w.gets())
	w.pass(59 * time.Second)
	read(inventory.Options{})
	require.Equal(t, 22, w.gets())
	read(inventory.Options{Fresh: true})
	require.Equal(t, 44, w.gets())
	w.pass(59 * time.Second)
	read(inventory.Options{})
	require.Equal(t, 44, w.gets(), "what was read anew is kept anew")
	w.pass(time.Second)
	read(inventory.Options{})
	require.Equal(t, 66, w.gets())
}

func TestTheCacheIsBoundedInBytes(t *testing.T) {
	w := newWorld(t, many(400))
	w.reader.CacheBytes = 100 << 10
	_, err := w.reader.Read(t.Context(), onlyPlesk, inventory.Options{})
	require.NoError(t, err)
	all := w.sandbox.Licenses(websoftsolus.Plesk)
	w.sandbox.Forget()
	kept := 0
	for i := len(all) - 1; i >= 0; i-- { // the ones used last are those kept
		before := w.gets()
		_, err := w.reader.Get(t.Context(), websoftsolus.Plesk, all[i].KeyNumber, false)
		require.NoError(t, err)
		if w.gets() > before {
			break
		}
		kept++
	}
	require.Greater(t, kept, 40)
	require.Less(t, kept, 120, "a licence takes about 1.2 kB")
}

func TestAWriteOfOursIsSeenAtOnce(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	key := w.sandbox.Licenses(websoftsolus.Plesk)[0].KeyNumber
	title := func() string {
		l, err := w.reader.Get(t.Context(), websoftsolus.Plesk, key, false)
		require.NoError(t, err)
		return l.Title
	}
	title()
	writer := w.reader.Forgetting(w.client)
	// The long form is the same licence.
	_, err := writer.Edit(t.Context(), websoftsolus.Plesk, key, "second", "")
	require.NoError(t, err)
	require.Equal(t, "second", title())

	// An edit whose answer is lost and that shows late: nothing is kept of the
	// licence until a minute has passed.
	w.sandbox.Inject(sandbox.Fault{On: sandbox.Edit, Kind: sandbox.Late, Reads: 1, Times: 1},
		sandbox.Fault{On: sandbox.Edit, Kind: sandbox.Drop, After: true, Times: 1})
	_, err = writer.Edit(t.Context(), websoftsolus.Plesk, key, "third", "")
	require.Error(t, err)
	require.Equal(t, "second", title())
	require.Equal(t, "third", title())

	w.pass(time.Minute)
	gets := w.gets()
	title()
	title()
	require.Equal(t, gets+1, w.gets())
	w.reader.Forget(websoftsolus.Plesk, strings.ToLower(key)+".0000")
	title()
	require.Equal(t, gets+2, w.gets(), "the long form is the same licence")
}

// heldAPI answers when it is told to.
type heldAPI struct {
	inventory.API
	begun   chan string
	release chan struct{}
	ended   atomic.Int32 // requests whose context ended
}

func (h *heldAPI) GetLicense(ctx context.Context, family websoftsolus.Family, key string) (*websoftsolus.License, error) {
	h.begun <- key
	select {
	case <-h.release:
		return &websoftsolus.License{Family: family, KeyNumber: key, Title: "t"}, nil
	case <-ctx.Done():
		h.ended.Add(1)
		return nil, &websoftsolus.Error{Kind: websoftsolus.Canceled, Err: ctx.Err()}
	}
}

func TestCallersShareOneRequestAndLeaveAlone(t *testing.T) {
	api := &heldAPI{begun: make(chan string, 10), release: make(chan struct{})}
	r := &inventory.Reader{API: api}
	first, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_, err := r.Get(first, websoftsolus.Plesk, "a", false)
		require.ErrorIs(t, err, context.Canceled)
	})
	<-api.begun
	for range 5 {
		group.Go(func() {
			l, err := r.Get(t.Context(), websoftsolus.Plesk, "a", false)
			require.NoError(t, err)
			require.Equal(t, "t", l.Title)
		})
	}
	require.Eventually(t, func() bool { return inventory.Waiting(r, websoftsolus.Plesk, "a") == 6 }, time.Minute, time.Millisecond)
	leave()
	require.Eventually(t, func() bool { return inventory.Waiting(r, websoftsolus.Plesk, "a") == 5 }, time.Minute, time.Millisecond)
	require.Zero(t, api.ended.Load())
	close(api.release)
	group.Wait()
	require.Empty(t, api.begun, "one request")
}

func TestTheLastCallerWhoLeavesEndsTheRequest(t *testing.T) {
	api := &heldAPI{begun: make(chan string, 10), release: make(chan struct{})}
	r := &inventory.Reader{API: api}
	ctx, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			_, err := r.Get(ctx, websoftsolus.Plesk, "a", false)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	<-api.begun
	leave()
	group.Wait()
	require.Eventually(t, func() bool { return api.ended.Load() == 1 }, time.Minute, time.Millisecond)
}

func TestAReadThatFailsIsTriedAgain(t *testing.T) {
	for _, fault := range []sandbox.Fault{
		{On: sandbox.Get, Kind: sandbox.Status, Status: 500, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Status, Status: 503, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Status, Status: 429, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Drop, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Reset, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Truncated, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Cut, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.HTML, Probability: 0.05},
		{On: sandbox.Get, Kind: sandbox.Garbled, Probability: 0.05},
	} {
		options := many(400)
		options.Faults = []sandbox.Fault{fault}
		w := newWorld(t, options)
		inv, err := w.reader.Read(t.Context(), onlyPlesk, inventory.Options{})
		require.NoError(t, err)
		require.Greater(t, w.sandbox.Counts().Faults, 5, "%s", fault.Kind)
		require.Len(t, inv.Entries, 400)
		unread := map[string]bool{}
		for _, u := range inv.Unread {
			require.Error(t, u.Err)
			unread[u.KeyNumber] = true
		}
		for _, e := range inv.Entries {
			require.Equal(t, e.License == nil, unread[e.KeyNumber], "%s %s: read, or labelled", fault.Kind, e.KeyNumber)
		}
		require.LessOrEqual(t, len(unread), 1, "%s: retries read nearly all", fault.Kind)
	}
}

func TestWhatOnlyFailsIsNotAskedOnAndOn(t *testing.T) {
	for _, row := range []struct {
		status, most int
	}{{401, 2*8 + 8}, {403, 2 * 8}, {500, 4 * (24 + 8)}} {
		w := newWorld(t, many(1000))
		inv, err := w.reader.List(t.Context(), onlyPlesk)
		require.NoError(t, err)
		w.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Kind: sandbox.Status, Status: row.status})
		require.NoError(t, w.reader.Details(t.Context(), inv, 0, len(inv.Entries), inventory.Options{}))
		require.LessOrEqual(t, w.gets(), row.most, "%d", row.status)
		require.Len(t, inv.Unread, 1000)
		require.ErrorContains(t, inv.Unread[999].Err, fmt.Sprint(row.status), "it says why")
	}
}

func TestADeadlineReturnsWhatWasRead(t *testing.T) {
	w := newWorld(t, many(200))
	over := make(chan time.Time)
	w.reader.After = func(time.Duration) <-chan time.Time { return over }
	ctx, cancel := w.reader.WithDeadline(t.Context(), time.Second)
	defer cancel()
	var once sync.Once
	inv, err := w.reader.Read(ctx, onlyPlesk, inventory.Options{Progress: func(done, _ int) {
		if done == 50 {
			once.Do(func() { close(over); <-ctx.Done() })
		}
	}})
	require.NoError(t, err)
	require.True(t, inv.Partial())
	require.Len(t, inv.Entries, 200)
	read := 0
	for _, e := range inv.Entries {
		if e.License != nil {
			read++
		}
	}
	require.GreaterOrEqual(t, read, 49)
	require.Less(t, read, 70)
	require.Len(t, inv.Unread, 200-read)
	for _, u := range inv.Unread {
		require.ErrorIs(t, u.Err, inventory.ErrDeadline)
		require.NotEmpty(t, u.KeyNumber)
	}
}

func TestCancelledHalfWayNoRequestStarts(t *testing.T) {
	options := many(500)
	options.Latency = sandbox.For(2 * time.Millisecond)
	w := newWorld(t, options)
	ctx, cancel := context.WithCancel(t.Context())
	inv, err := w.reader.List(t.Context(), onlyPlesk)
	require.NoError(t, err)
	err = w.reader.Details(ctx, inv, 0, len(inv.Entries), inventory.Options{Progress: func(done, _ int) {
		if done == 250 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	// Those on their way when it was cancelled may still arrive; none comes after.
	require.LessOrEqual(t, w.gets(), 250+2*8)
	w.close() // waits for what is being served
	arrived := w.gets()
	require.LessOrEqual(t, arrived, 250+2*8)
}

func TestALicenceThatEndsMeanwhileIsNotUnread(t *testing.T) {
	w := newWorld(t, many(20))
	inv, err := w.reader.List(t.Context(), onlyPlesk)
	require.NoError(t, err)
	gone, ghost := inv.Entries[3].KeyNumber, inv.Entries[7].KeyNumber
	_, err = w.client.Terminate(t.Context(), websoftsolus.Plesk, gone)
	require.NoError(t, err)
	w.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Path: "license/plesk/" + ghost, Kind: sandbox.Status, Status: 404})
	require.NoError(t, w.reader.Details(t.Context(), inv, 0, len(inv.Entries), inventory.Options{}))
	require.Len(t, inv.Entries, 19)
	require.Len(t, inv.Unread, 1, "listed, and not to be read: nothing is said of it")
	require.Equal(t, ghost, inv.Unread[0].KeyNumber)
}

func TestAFamilyThatCannotBeListedIsUnread(t *testing.T) {
	w := newWorld(t, sandbox.Options{Faults: []sandbox.Fault{{On: sandbox.List, Family: websoftsolus.CPanel, Kind: sandbox.Status, Status: 500}}})
	inv, err := w.reader.Read(t.Context(), websoftsolus.Families, inventory.Options{})
	require.NoError(t, err)
	require.True(t, inv.Partial())
	require.False(t, inv.Listed(websoftsolus.CPanel))
	require.NotContains(t, inv.Count(inv.Entries).Family, websoftsolus.CPanel)
	_, err = w.reader.List(t.Context(), []websoftsolus.Family{websoftsolus.CPanel})
	var failed *websoftsolus.Error
	require.True(t, errors.As(err, &failed), "nothing could be read")
}

func TestEachHoldsFewAtATime(t *testing.T) {
	options := many(1000)
	w := newWorld(t, options)
	w.reader.CacheBytes = -1
	inv, err := w.reader.List(t.Context(), onlyPlesk)
	require.NoError(t, err)
	i := 0
	require.NoError(t, w.reader.Each(t.Context(), inv, inventory.Options{}, func(e inventory.Entry, unread error) error {
		require.NoError(t, unread)
		require.Equal(t, inv.Entries[i].KeyNumber, e.License.KeyNumber, "in order")
		require.Nil(t, inv.Entries[i].License)
		i++
		require.LessOrEqual(t, w.gets()-i, 16*8+2*8, "not far ahead of what was visited")
		return nil
	}))
	require.Equal(t, 1000, i)

	stop := errors.New("enough")
	require.ErrorIs(t, w.reader.Each(t.Context(), inv, inventory.Options{}, func(inventory.Entry, error) error { return stop }), stop)
}

func TestQueryNeedsEveryWord(t *testing.T) {
	e := inventory.Entry{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001", License: &websoftsolus.License{
		Title: "Web 1", Comment: "srv1.example.com", Product: "PLESK_12_WEB_HOST", ServerIP: "192.0.2.1"}}
	for query, found := range map[string]bool{
		"": true, "web": true, "WEB 0298": true, "192.0.2.1 srv1 plesk_12": true, "web nowhere": false, "web\n1": true,
	} {
		require.Equal(t, found, inventory.ParseQuery(query).Finds(e), query)
	}
	require.True(t, inventory.ParseQuery("plsk").Finds(inventory.Entry{KeyNumber: "PLSK.1"}))
	require.False(t, inventory.ParseQuery("web").Finds(inventory.Entry{KeyNumber: "PLSK.1"}))
}

var _ inventory.Client = (*websoftsolus.Client)(nil)
