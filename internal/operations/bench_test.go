package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkOrder previews and confirms an order through a ledger file, with an
// API that answers at once: what the ledger costs.
func BenchmarkOrder(b *testing.B) {
	api := newStub()
	s := NewService(Config{
		API: api, Open: func(context.Context) (Store, error) { return OpenSQLite(filepath.Join(b.TempDir(), "ledger.db")) },
		MaxOrdersPerDay: 1 << 40,
	})
	defer s.Close(context.Background())
	for i := 0; b.Loop(); i++ {
		r := orderOf(fmt.Sprint(i))
		preview, err := s.ProposeOrder(b.Context(), r)
		require.NoError(b, err)
		_, err = s.ConfirmOrder(b.Context(), r, preview.Confirm)
		require.NoError(b, err)
		api.change(func() { api.licenses[r.Family] = api.licenses[r.Family][:3] })
	}
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
