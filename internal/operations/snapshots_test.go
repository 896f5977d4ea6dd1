package operations

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// inventoryOf is a complete inventory of Plesk licences, and of an empty family
// more for each further family.
func inventoryOf(titles []string, more ...websoftsolus.Family) *inventory.Inventory {
	inv := &inventory.Inventory{Families: append([]websoftsolus.Family{websoftsolus.Plesk}, more...)}
	for i, title := range titles {
		inv.Entries = append(inv.Entries, inventory.Entry{Family: websoftsolus.Plesk, KeyNumber: fmt.Sprint(i), License: &websoftsolus.License{
			Family: websoftsolus.Plesk, KeyNumber: fmt.Sprint(i), Title: title, Properties: []byte(fmt.Sprintf(`{"title":%q,"nodes":{"max":3}}`, title)),
		}})
	}
	return inv
}

func save(t *testing.T, store Store, at time.Time, inv *inventory.Inventory) *inventory.Snapshot {
	t.Helper()
	s := inventory.NewSnapshot(inv, at)
	require.NoError(t, store.SaveSnapshot(t.Context(), "https://a/", s, 1<<20))
	return s
}

func ids(t *testing.T, store Store) []string {
	t.Helper()
	list, err := store.ListSnapshots(t.Context(), "https://a/")
	require.NoError(t, err)
	found := []string{}
	for _, s := range list {
		found = append(found, s.ID)
	}
	return found
}

func contents(t *testing.T, store Store) (n int) {
	t.Helper()
	require.NoError(t, store.(*ledger).read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM snapshot_contents`).Scan(&n))
	return n
}

func storeKeepsSnapshots(t *testing.T, open func() Store) {
	store := open()
	plesk := []websoftsolus.Family{websoftsolus.Plesk}
	both := []websoftsolus.Family{websoftsolus.Plesk, websoftsolus.CPanel}
	_, err := store.LoadSnapshot(t.Context(), "https://a/", "last", plesk)
	require.ErrorIs(t, err, inventory.ErrNoSnapshot)

	first := save(t, store, storeStart, inventoryOf([]string{"a", "b"}))
	loaded, err := open().LoadSnapshot(t.Context(), "https://a/", "last", plesk)
	require.NoError(t, err)
	require.Equal(t, first, loaded, "every field, from another process")

	// What did not change does not grow the store.
	again := save(t, store, storeStart.Add(time.Hour), inventoryOf([]string{"a", "b"}))
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, []string{first.ID}, ids(t, store))
	require.Equal(t, 1, contents(t, store))
	list, err := store.ListSnapshots(t.Context(), "https://a/")
	require.NoError(t, err)
	require.Equal(t, storeStart, list[0].TakenAt)
	require.Equal(t, storeStart.Add(time.Hour), list[0].SeenAt)

	second := save(t, store, storeStart.Add(2*time.Hour), inventoryOf([]string{"a", "c"}))
	wider := save(t, store, storeStart.Add(3*time.Hour), inventoryOf([]string{"a", "c"}, websoftsolus.CPanel))
	back := save(t, store, storeStart.Add(4*time.Hour), inventoryOf([]string{"a", "b"}))
	require.NotEqual(t, first.ID, back.ID, "it was different between")
	require.Equal(t, []string{back.ID, wider.ID, second.ID, first.ID}, ids(t, store))
	require.Equal(t, 3, contents(t, store), "two states of Plesk and an empty cPanel")

	for _, row := range []struct {
		since    string
		families []websoftsolus.Family
		want     string
	}{
		{"last", plesk, back.ID},
		{"last", both, wider.ID},
		{second.ID, plesk, second.ID},
		{second.ID, both, ""},
		{storeStart.Add(150 * time.Minute).Format(time.RFC3339), plesk, second.ID},
		{storeStart.Add(150 * time.Minute).Format(time.RFC3339), both, ""},
		{"2026-05-01T10:30:00+02:00", plesk, first.ID},
		{"2020-01-01T00:00:00Z", plesk, ""},
		{"2099-01-01T00:00:00Z", plesk, back.ID},
		{"snap_unknown", plesk, ""},
		{"yesterday", plesk, ""},
	} {
		loaded, err := store.LoadSnapshot(t.Context(), "https://a/", row.since, row.families)
		if row.want == "" {
			require.ErrorIs(t, err, inventory.ErrNoSnapshot, "%v", row)
			require.Contains(t, err.Error(), "snap", "it names what there is")
			continue
		}
		require.NoError(t, err, "%v", row)
		require.Equal(t, row.want, loaded.ID, "%v", row)
	}
	_, err = store.LoadSnapshot(t.Context(), "https://b/", "last", plesk)
	require.ErrorIs(t, err, inventory.ErrNoSnapshot, "of another environment")
}

func storeDropsOldSnapshots(t *testing.T, open func() Store) {
	store := open()
	// A different inventory at 8 and at 20 o'clock of every third day, for 120
	// days, and of the last three.
	saved := 0
	for day := range 123 {
		if day%3 != 0 && day < 120 {
			continue
		}
		for _, hours := range []int{0, 12} {
			saved++
			save(t, store, storeStart.Add(time.Duration(24*day+hours)*time.Hour), inventoryOf([]string{fmt.Sprint("title ", saved)}))
		}
	}
	list, err := store.ListSnapshots(t.Context(), "https://a/")
	require.NoError(t, err)
	newest := list[0].SeenAt
	recent, daily := 0, map[string]int{}
	for _, s := range list {
		age := newest.Sub(s.SeenAt)
		require.Less(t, age, keepDailyFor)
		if age < keepAllFor {
			recent++
			continue
		}
		daily[s.SeenAt.Format(time.DateOnly)]++
		require.Equal(t, 20, s.SeenAt.Hour(), "the newest of its day, of two")
	}
	require.Equal(t, 4, recent, "all of the last 48 hours")
	require.Len(t, daily, 30, "every third day of ninety, and the third day before today")
	for day, n := range daily {
		require.Equal(t, 1, n, day)
	}
	require.Equal(t, len(list), contents(t, store), "what nothing refers to is gone")
}

func storeBoundsSnapshotsInBytes(t *testing.T, open func() Store) {
	store := open()
	var last *inventory.Snapshot
	for i := range 40 {
		// Text that does not compress, so that one takes over 2,000 bytes.
		var text strings.Builder
		for j := range 100 {
			fmt.Fprint(&text, fingerprint(Order, websoftsolus.Plesk, fmt.Sprint(i, j), nil))
		}
		last = inventory.NewSnapshot(inventoryOf([]string{text.String()}), storeStart.Add(time.Duration(i)*time.Minute))
		require.NoError(t, store.SaveSnapshot(t.Context(), "https://a/", last, 50_000))
	}
	var total int64
	require.NoError(t, store.(*ledger).read.QueryRowContext(t.Context(), `SELECT SUM(size) FROM snapshot_contents`).Scan(&total))
	require.LessOrEqual(t, total, int64(50_000))
	kept := ids(t, store)
	require.Greater(t, len(kept), 2)
	require.Less(t, len(kept), 40)
	require.Equal(t, last.ID, kept[0], "the oldest go first")

	require.NoError(t, store.SaveSnapshot(t.Context(), "https://a/", inventory.NewSnapshot(inventoryOf([]string{"small"}), storeStart.Add(time.Hour)), 1))
	require.Len(t, ids(t, store), 1, "the newest is kept, whatever it takes")
}

// TestALedgerOfTheFirstVersionIsBroughtUpToDate, with what it holds.
func TestALedgerOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	db, err := connect(fileURI(path, "rw"), 1, pragmas...)
	require.NoError(t, err)
	files, err := fs.Sub(migrations, "migrations/sqlite")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
	o := storeOrder("old")
	o.Actor.Principal = "ann"
	document, err := json.Marshal(o)
	require.NoError(t, err)
	_, err = db.Exec(`INSERT INTO operations
		(kind, family, state, base_url, fingerprint, licence, server_ip, expires_at, claimed_at, deadline, settled_at, id, phrase, document)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'digest', ?)`, append(projection(&o)[:11], o.ID, string(document))...)
	require.NoError(t, err)
	require.NoError(t, db.Close())

	store, err := OpenSQLite(path)
	require.NoError(t, err)
	defer store.Close()
	kept, err := store.Get(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, o.Request, kept.Request)
	page, err := store.List(t.Context(), o.BaseURL, Filter{By: "ann"})
	require.NoError(t, err)
	require.Len(t, page.Operations, 1, "whose it is was found in its record")
	save(t, store, storeStart, inventoryOf([]string{"a"}))
	require.Len(t, ids(t, store), 1)
}
