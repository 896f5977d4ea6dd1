package operations

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
)

// What happens when the database goes away in the middle. These tests have a
// server of their own.

// TestDatabaseRestartLosesAndDoublesNothing orders through three services while
// the database is restarted twice and crashes once, then repeats every phrase.
func TestDatabaseRestartLosesAndDoublesNothing(t *testing.T) {
	cluster := postgrestest.Start(t)
	real := func(c *Config) { c.Sleep, c.Now, c.MaxOrdersPerDay = nil, nil, 10000 }
	f := newFixtureOn(t, cluster.URL, real)
	replicas := []*Service{f.Service, f.service(real), f.service(real)}
	require.NoError(t, f.Ready(t.Context()))

	type asked struct {
		request OrderRequest
		phrase  string
	}
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		phrases []asked
		stop    = make(chan struct{})
		away    atomic.Int32 // calls that were told the ledger was away
	)
	for n, s := range replicas {
		for lane := range 2 {
			group.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					r := orderOf(fmt.Sprintf("%d of %d of %d", i, lane, n))
					preview, err := s.ProposeOrder(context.Background(), r)
					if err != nil {
						away.Add(1)
						continue
					}
					mu.Lock()
					phrases = append(phrases, asked{r, preview.Confirm})
					mu.Unlock()
					if _, err := s.ConfirmOrder(context.Background(), r, preview.Confirm); err != nil {
						away.Add(1)
					}
				}
			})
		}
	}
	enough := func() {
		mu.Lock()
		before := len(phrases)
		mu.Unlock()
		require.Eventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(phrases) > before+20
		}, 30*time.Second, 5*time.Millisecond)
	}
	for _, happens := range []func(){cluster.Restart, func() { cluster.Crash(); cluster.Up() }, cluster.Restart} {
		enough()
		happens()
	}
	enough()
	close(stop)
	group.Wait()
	t.Logf("%d previews, %d calls met the database away", len(phrases), away.Load())

	// An outcome that could not be recorded is kept, and recorded now; a claim that
	// was made although it looked failed sent nothing.
	for _, s := range replicas {
		require.NoError(t, s.Recover(t.Context()))
	}
	store, err := f.ledger(t.Context())
	require.NoError(t, err)
	made, inDoubt := map[string]bool{}, 0
	for cursor := ""; ; {
		page, err := store.List(t.Context(), f.baseURL, Filter{Limit: 200, Cursor: cursor})
		require.NoError(t, err)
		for _, o := range page.Operations {
			switch title := formValue(o.Request, "title"); o.State {
			case Succeeded:
				require.False(t, made[title])
				made[title] = true
			case Sending:
				inDoubt++
			default:
				require.Equal(t, Proposed, o.State, o.Message)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	require.Len(t, f.api.sent("POST"), len(made), "what was sent is recorded, and nothing was sent twice")
	t.Logf("%d orders made, %d claims in doubt", len(made), inDoubt)
	v, err := f.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)

	for i, a := range phrases {
		result, err := replicas[i%3].ConfirmOrder(t.Context(), a.request, a.phrase)
		if made[a.request.Title] {
			require.NoError(t, err)
			require.True(t, result.Replayed)
		}
		if i == 20 {
			break // each claim in doubt is waited for
		}
	}
}

// TestOutcomeOfAnOrderIsRecordedWhenTheDatabaseIsBack stops the database while an
// order is on its way, and starts it while the service tries to record the outcome.
func TestOutcomeOfAnOrderIsRecordedWhenTheDatabaseIsBack(t *testing.T) {
	cluster := postgrestest.Start(t)
	for name, tries := range map[string]int{"in time": 2, "later": 100} {
		t.Run(name, func(t *testing.T) {
			place, drop := postgrestest.SchemaIn(t, cluster.URL)
			t.Cleanup(drop)
			slept := 0
			f := newFixtureOn(t, place)
			f.Service = f.service(func(c *Config) {
				c.Sleep = func(ctx context.Context, d time.Duration) error {
					if slept++; slept == tries {
						cluster.Up()
					}
					return f.clock.Sleep(ctx, d)
				}
			})
			preview := f.proposed(orderOf("shop"))
			store, err := f.ledger(t.Context())
			require.NoError(t, err)
			store.(*ledger).database.pauses = postgresPauses[:1]
			f.api.on("POST", nil, func(context.Context) error { cluster.Crash(); return nil })
			result, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
			require.NoError(t, err, "what is known is told")
			require.Equal(t, Succeeded, result.Operation.State)
			store.(*ledger).database.pauses = postgresPauses // several connections may be broken
			f.api.on("", nil, nil)
			if tries > writeAttempts {
				require.Contains(t, result.Operation.Message, "the ledger could not record this")
				require.Error(t, f.Ready(t.Context()))
				cluster.Up()
				require.NoError(t, f.Recover(t.Context()), "as Watch calls it")
			}
			require.Equal(t, Succeeded, f.state(preview.Operation.ID))
			require.Len(t, f.api.sent("POST"), 1)
		})
	}
}

func TestOutcomeIsRecordedAtTheEnd(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, newPlace func(testing.TB) string) {
		f := newFixtureOn(t, newPlace(t))
		broken := &brokenStore{}
		s := f.service(func(c *Config) {
			open := c.Open
			c.Open = func(ctx context.Context) (Store, error) {
				store, err := open(ctx)
				broken.Store = store
				return broken, err
			}
		})
		preview, err := s.ProposeOrder(t.Context(), orderOf("shop"))
		require.NoError(t, err)
		broken.broken.Store(true)
		_, err = s.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		require.NoError(t, err)
		require.Equal(t, Sending, f.state(preview.Operation.ID))
		broken.broken.Store(false)
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, Succeeded, f.state(preview.Operation.ID))
	})
}

// TestClaimWhoseCommitIsInDoubtSendsNothing cuts the connection after the server
// committed and before it could say so.
func TestClaimWhoseCommitIsInDoubtSendsNothing(t *testing.T) {
	place := postgrestest.Schema(t)
	cutter := cut(t, place)
	f := newFixtureOn(t, cutter.place)
	preview := f.proposed(orderOf("shop"))
	cutter.arm(preview.Operation.ID)
	_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "connection to the database broke")
	require.EqualValues(t, 1, cutter.cuts.Load())
	require.Equal(t, Sending, f.state(preview.Operation.ID), "the claim was made")
	require.Empty(t, f.api.sent("POST"))

	for _, s := range []*Service{f.Service, f.service()} {
		_, err = s.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		refused(t, err, CodeOutcomeUnknown)
	}
	f.quiet()
	require.Eventually(t, func() bool { // the other service may be looking just now
		return f.got(preview.Operation.ID).State == NotApplied
	}, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, f.api.sent("POST"))

	// The same for an edit, whose proposal is its claim.
	title := "a title like no other"
	cutter.arm(title)
	_, err = f.Edit(t.Context(), EditRequest{Family: "plesk", KeyNumber: "PLSK.02980001", Title: &title})
	refused(t, err, CodeLedgerUnavailable, "the licence was not changed")
	require.Empty(t, f.api.sent("PUT"))

	// And for an outcome: it is recorded, and nobody is told otherwise.
	next := f.proposed(orderOf("mail"))
	f.api.on("POST", nil, func(context.Context) error { cutter.arm(next.Operation.ID); return nil })
	result, err := f.ConfirmOrder(t.Context(), orderOf("mail"), next.Confirm)
	require.NoError(t, err)
	require.NotContains(t, result.Operation.Message, "could not record")
	require.Equal(t, Succeeded, f.state(next.Operation.ID))
	require.EqualValues(t, 3, cutter.cuts.Load())
	v, err := f.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)
}

// commitCutter stands between a service and its database. When it is armed with
// words, the commit of the next transaction that sends them reaches the database,
// and its answer reaches nobody.
type commitCutter struct {
	place string
	words atomic.Pointer[string]
	cuts  atomic.Int32
}

func (c *commitCutter) arm(words string) { c.words.Store(&words) }

func cut(t *testing.T, place string) *commitCutter {
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &commitCutter{}
	var target string
	c.place = changed(t, place, func(u *url.URL) { target, u.Host = u.Host, listening.Addr().String() })
	var group sync.WaitGroup
	group.Go(func() {
		for {
			client, err := listening.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			group.Go(func() { c.between(client, server) })
		}
	})
	t.Cleanup(func() { listening.Close(); group.Wait() })
	return c
}

func (c *commitCutter) between(client, server net.Conn) {
	var deaf atomic.Bool
	var group sync.WaitGroup
	group.Go(func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil || deaf.Load() { // it has answered, so it has committed
				return
			}
			client.Write(buffer[:n])
		}
	})
	buffer := make([]byte, 64<<10)
	var said *string // the words, once this connection has said them
	for {
		n, err := client.Read(buffer)
		if err != nil {
			break
		}
		if words := c.words.Load(); words != nil && bytes.Contains(buffer[:n], []byte(*words)) {
			said = words
		}
		if bytes.Contains(buffer[:n], []byte("commit\x00")) && said != nil && c.words.CompareAndSwap(said, nil) {
			c.cuts.Add(1)
			deaf.Store(true)
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			break
		}
	}
	server.Close()
	group.Wait()
}

// TestDatabaseThatDoesNotAnswerStopsNoRead has a database that takes connections
// and says nothing: calls for the ledger fail in time, all those that wait at once.
func TestDatabaseThatDoesNotAnswerStopsNoRead(t *testing.T) {
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := listening.Accept()
			if err != nil {
				return
			}
			group.Go(func() { io.Copy(io.Discard, c); c.Close() })
		}
	})
	defer group.Wait()
	defer listening.Close()
	f := newFixtureOn(t, "postgres://u:p@"+listening.Addr().String()+"/db?connect_timeout=1")
	begun := time.Now()
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			_, err := f.ProposeOrder(context.Background(), orderOf("shop"))
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Code != CodeLedgerUnavailable {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	require.Less(t, time.Since(begun), 8*time.Second, "they wait for one attempt, not for one each")
	left, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.ProposeOrder(left, orderOf("shop"))
	refused(t, err, CodeLedgerUnavailable)
}

// TestFsyncOffStopsWrites turns fsync off in a server that has a ledger.
func TestFsyncOffStopsWrites(t *testing.T) {
	cluster := postgrestest.Start(t)
	f := newFixtureOn(t, cluster.URL)
	done := f.ordered(orderOf("shop"))
	postgrestest.Exec(t, cluster.URL, `ALTER SYSTEM SET fsync = off`)
	cluster.Restart()
	_, err := f.ProposeOrder(t.Context(), orderOf("other"))
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "fsync off")
	require.Equal(t, done.Operation, *f.got(done.Operation.ID))
	require.NoError(t, f.Ready(t.Context()))
	postgrestest.Exec(t, cluster.URL, `ALTER SYSTEM RESET fsync`)
	cluster.Restart()
	f.proposed(orderOf("other"))
}
