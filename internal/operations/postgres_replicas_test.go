package operations

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
)

// TestReplicasConfirmOnce confirms one preview 32 times at once through two
// services, each with connections of its own, as two machines have them.
func TestReplicasConfirmOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, newPlace func(testing.TB) string) {
		// They wait for one another as they do in truth.
		awake := func(c *Config) { c.Sleep = nil }
		f := newFixtureOn(t, newPlace(t), awake)
		replicas := []*Service{f.Service, f.service(awake)}
		for round := range 5 {
			r := orderOf(fmt.Sprint("shop ", round))
			preview := f.proposed(r)
			var (
				group sync.WaitGroup
				fresh atomic.Int32
			)
			for i := range 32 {
				group.Go(func() {
					result, err := replicas[i%2].ConfirmOrder(context.Background(), r, preview.Confirm)
					if err != nil {
						t.Error(err)
						return
					}
					if !result.Replayed {
						fresh.Add(1)
					}
				})
			}
			group.Wait()
			require.EqualValues(t, 1, fresh.Load())
			require.Len(t, f.api.sent("POST"), round+1)
		}
	})
}

// TestCapsHoldAcrossReplicas confirms 24 orders at once through three services
// that may make 10.
func TestCapsHoldAcrossReplicas(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, newPlace func(testing.TB) string) {
		ten := func(c *Config) { c.MaxOrdersPerDay = 10 }
		f := newFixtureOn(t, newPlace(t), ten)
		replicas := []*Service{f.Service, f.service(ten), f.service(ten)}
		var previews []*Preview
		for i := range 24 {
			previews = append(previews, f.proposed(orderOf(fmt.Sprint(i))))
		}
		var (
			group         sync.WaitGroup
			made, refused atomic.Int32
		)
		for i, p := range previews {
			group.Go(func() {
				_, err := replicas[i%3].ConfirmOrder(context.Background(), orderOf(fmt.Sprint(i)), p.Confirm)
				switch refusal, _ := err.(*Refusal); {
				case err == nil:
					made.Add(1)
				case refusal != nil && refusal.Code == CodeCapReached:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 10, made.Load())
		require.EqualValues(t, 14, refused.Load())
		require.Len(t, f.api.sent("POST"), 10)
		v, err := f.Verify(t.Context())
		require.NoError(t, err)
		require.Empty(t, v.Problems)
	})
}

// held makes the next call that begins so wait, and returns what is closed when it
// has come, and what lets it go.
func (f *fixture) held(prefix string) (arrived chan struct{}, release func()) {
	arrived, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.api.on(prefix, func(context.Context) error {
		once.Do(func() { close(arrived) })
		<-let
		return nil
	}, nil)
	return arrived, sync.OnceFunc(func() { close(let) })
}

func TestOneReplicaLooks(t *testing.T) {
	f := newFixtureOn(t, postgrestest.Schema(t))
	other := f.service()
	require.NoError(t, other.Recover(t.Context()))
	o := f.lost(orderOf("shop"), true)
	f.quiet()
	arrived, release := f.held("LIST")
	defer release()
	before, lists := len(f.api.sent("")), len(f.api.sent("LIST"))
	looked := make(chan *Operation)
	go func() {
		now, err := f.Get(context.Background(), o.ID)
		if err != nil {
			t.Error(err)
		}
		looked <- now
	}()
	<-arrived

	require.NoError(t, other.Recover(t.Context()))
	told, err := other.Get(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, Unknown, told.State)
	require.Contains(t, told.Message, "another server is looking for its outcome just now")
	_, err = other.Resolve(t.Context(), o.ID, Resolution{State: NotApplied})
	refused(t, err, CodeInProgress, "nothing was recorded")
	require.Len(t, f.api.sent(""), before+1, "only the first looks")

	release()
	found := <-looked
	require.Equal(t, Succeeded, found.State)
	f.api.on("", nil, nil)
	now, err := other.Get(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, found, now)
	require.Len(t, f.api.sent("LIST"), lists+1)
}

// TestReplicaThatDiesLetsAnotherLook ends the connection that holds the right to
// look, as the end of its process or of its network would.
func TestReplicaThatDiesLetsAnotherLook(t *testing.T) {
	place := postgrestest.Schema(t)
	one, other := openTestPostgres(t, place), openTestPostgres(t, place)
	release, err := one.Reserve(t.Context(), "op_1")
	require.NoError(t, err)
	_, err = one.Reserve(t.Context(), "op_1")
	require.ErrorIs(t, err, errReserved)
	_, err = other.Reserve(t.Context(), "op_1")
	require.ErrorIs(t, err, errReserved)
	elsewhere, err := other.Reserve(t.Context(), "op_2")
	require.NoError(t, err)
	elsewhere()

	postgrestest.Exec(t, place, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
		AND ((classid::bigint << 32) | objid::bigint) = `+fmt.Sprint(lockKey(changedQuery(t, place).Get("search_path"), "look at op_1")))
	require.Eventually(t, func() bool {
		mine, err := other.Reserve(t.Context(), "op_1")
		if err == nil {
			mine()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	release() // finds that it broke
	again, err := one.Reserve(t.Context(), "op_1")
	require.NoError(t, err, "with a new connection")
	again()
	for _, l := range []*ledger{one, other} {
		mine, err := l.Reserve(t.Context(), "op_1")
		require.NoError(t, err)
		mine()
	}
}

// TestWatchFindsWhatADeadReplicaLeft has one replica die after its claim, and
// another, that nobody asks anything, find the outcome.
func TestWatchFindsWhatADeadReplicaLeft(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, newPlace func(testing.TB) string) {
		f := newFixtureOn(t, newPlace(t))
		rounds, tick := make(chan struct{}), make(chan struct{})
		watcher := f.service(func(c *Config) {
			c.Sleep = func(ctx context.Context, d time.Duration) error {
				if d != time.Minute {
					return f.clock.Sleep(ctx, d)
				}
				for _, c := range []chan struct{}{rounds, tick} {
					select {
					case c <- struct{}{}:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return nil
			}
		})
		watcher.Watch(t.Context(), time.Minute)
		round := func() { <-rounds; <-tick }
		state := func(id string) State { // through the watcher: another service would look for itself
			store, err := watcher.ledger(t.Context())
			require.NoError(t, err)
			o, err := store.Get(t.Context(), id)
			require.NoError(t, err)
			return o.State
		}
		<-rounds // it has opened the ledger and seen that nothing is open

		dying := &brokenStore{}
		dying.broken.Store(true)
		dead := f.service(func(c *Config) {
			open := c.Open
			c.Open = func(ctx context.Context) (Store, error) {
				store, err := open(ctx)
				dying.Store = store
				return dying, err
			}
		})
		preview, err := dead.ProposeOrder(t.Context(), orderOf("shop"))
		require.NoError(t, err)
		_, err = dead.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
		require.NoError(t, err)
		require.NoError(t, dead.Close(t.Context()))
		before := len(f.api.sent(""))
		<-tick
		round()
		require.Equal(t, Sending, state(preview.Operation.ID), "it may still be on its way")
		require.Len(t, f.api.sent(""), before)
		f.quiet()
		<-rounds
		<-tick
		<-rounds
		require.Equal(t, Succeeded, state(preview.Operation.ID))
		require.Len(t, f.api.sent("POST"), 1)
		watcher.StopLooking() // it ends, or Close would wait for it
	})
}

// TestWatchLooksMoreSeldomAtWhatIsOld counts the looks at an order that nobody
// can tell, through three hours.
func TestWatchLooksMoreSeldomAtWhatIsOld(t *testing.T) {
	f := newFixture(t)
	o := f.lost(orderOf("shop"), false)
	f.api.on("LIST", fails(errReads), nil) // and so it stays
	begun := f.clock.Now()
	done := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	watcher := f.service(func(c *Config) {
		c.Sleep = func(ctx context.Context, d time.Duration) error {
			if f.clock.Now().Sub(begun) > 3*time.Hour {
				stop()
				close(done)
				return context.Canceled
			}
			return f.clock.Sleep(ctx, d)
		}
	})
	before := len(f.api.sent("LIST"))
	watcher.Watch(ctx, 0)
	<-done
	looks := len(f.api.sent("LIST")) - before
	require.Equal(t, Unknown, f.state(o.ID))
	require.Greater(t, looks, 10)
	require.Less(t, looks, 60, "360 rounds")
}
