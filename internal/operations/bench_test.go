package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// BenchmarkOrder previews and confirms an order, with an API that answers at once:
// what the ledger costs. Four writers are four services, each with connections of
// its own.
func BenchmarkOrder(b *testing.B) {
	for name, newPlace := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.db") },
		"PostgreSQL": postgrestest.Schema,
	} {
		for _, writers := range []int{1, 4} {
			b.Run(fmt.Sprintf("%s/%d writers", name, writers), func(b *testing.B) {
				place := newPlace(b)
				var services []*Service
				for range writers {
					s := NewService(Config{
						API: idleAPI{}, Open: func(ctx context.Context) (Store, error) { return openAt(ctx, place) }, MaxOrdersPerDay: 1 << 40,
					})
					defer s.Close(context.Background())
					require.NoError(b, s.Ready(b.Context()))
					services = append(services, s)
				}
				var next atomic.Int64
				begun := time.Now()
				b.ResetTimer()
				var group sync.WaitGroup
				for _, s := range services {
					group.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							r := orderOf(fmt.Sprint(i))
							preview, err := s.ProposeOrder(b.Context(), r)
							if err == nil {
								_, err = s.ConfirmOrder(b.Context(), r, preview.Confirm)
							}
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "orders/s")
			})
		}
	}
}

// idleAPI takes every order, and has no licences.
type idleAPI struct{ API }

func (idleAPI) ListKeys(context.Context, websoftsolus.Family) ([]string, error) { return nil, nil }

func (idleAPI) GetLicense(context.Context, websoftsolus.Family, string) (*websoftsolus.License, error) {
	return nil, errReads
}

var idleKeys atomic.Int64

func (idleAPI) Order(context.Context, websoftsolus.Family, url.Values) (*websoftsolus.Receipt, error) {
	return &websoftsolus.Receipt{Status: 201, KeyNumber: fmt.Sprintf("PLSK.%08d", idleKeys.Add(1))}, nil
}

func BenchmarkOpen(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		folder := b.TempDir()
		for i := 0; b.Loop(); i++ {
			l, err := openSQLite(filepath.Join(folder, fmt.Sprint(i)))
			require.NoError(b, err)
			l.Close()
		}
	})
	b.Run("existing", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "ledger.db")
		keep, err := openSQLite(path)
		require.NoError(b, err)
		defer keep.Close()
		for b.Loop() {
			l, err := openSQLite(path)
			require.NoError(b, err)
			l.Close()
		}
	})
}

// BenchmarkLargeLedger uses a ledger of 100,000 settled orders: 300,000 rows of
// history.
func BenchmarkLargeLedger(b *testing.B) {
	const orders = 100_000
	l := largeLedger(b, orders)
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			page, err := l.List(b.Context(), "https://a/", Filter{})
			require.NoError(b, err)
			require.Len(b, page.Operations, defaultPage)
		}
	})
	b.Run("list one state", func(b *testing.B) {
		for b.Loop() {
			page, err := l.List(b.Context(), "https://a/", Filter{State: Unknown})
			require.NoError(b, err)
			require.Empty(b, page.Operations)
		}
	})
	b.Run("propose", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			o := storeOrder(fmt.Sprint("new ", i))
			require.NoError(b, l.Propose(b.Context(), Proposal{Operation: o, Phrase: o.ID, Limits: Limits{Orders: orders}}))
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			v, err := l.Verify(b.Context())
			require.NoError(b, err)
			require.Empty(b, v.Problems)
		}
	})
}

// largeLedger fills a ledger in one transaction, by the ledger's own means.
func largeLedger(b *testing.B, orders int) *ledger {
	l, err := openSQLite(filepath.Join(b.TempDir(), "ledger.db"))
	require.NoError(b, err)
	b.Cleanup(func() { l.Close() })
	tx, err := l.write.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	defer tx.Rollback()
	baseline, err := json.Marshal([]string{"PLSK.02980001"})
	require.NoError(b, err)
	for i := range orders {
		o := storeOrder(fmt.Sprint(i))
		o.ProposedAt = storeStart.Add(-time.Duration(orders-i) * time.Hour)
		require.NoError(b, l.insert(b.Context(), tx, &o, o.ID))
		sending := o
		sending.State, sending.ClaimedAt = Sending, o.ProposedAt
		require.NoError(b, l.update(b.Context(), tx, &o, &sending, o.ProposedAt, Actor{}))
		_, err := tx.Exec(`INSERT INTO baselines (operation_id, key_numbers) VALUES (?, ?)`, o.ID, string(baseline))
		require.NoError(b, err)
		done := Step{To: Succeeded, At: o.ProposedAt, Finding: Finding{Certainty: Exact, KeyNumber: fmt.Sprintf("PLSK.%08d", i), Status: 201}}.apply(&sending)
		require.NoError(b, l.update(b.Context(), tx, &sending, done, o.ProposedAt, Actor{}))
	}
	require.NoError(b, tx.Commit())
	return l
}
