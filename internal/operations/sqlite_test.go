package operations

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLedgerFileIsTheOwnersAlone(t *testing.T) {
	f := newFixture(t)
	f.ordered(orderOf("shop"))
	files, err := os.ReadDir(filepath.Dir(f.path))
	require.NoError(t, err)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
	}
	folder, err := os.Stat(filepath.Dir(f.path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
}

func TestClaimsAreSyncedToDisk(t *testing.T) {
	l, err := openSQLite(filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	defer l.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		require.NoError(t, l.write.QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

func TestNoPhraseIsKept(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	require.NoError(t, f.Close(t.Context()))
	content, err := os.ReadFile(f.path)
	require.NoError(t, err)
	code := preview.Confirm[len(preview.Confirm)-10:]
	require.NotContains(t, string(content), strings.Trim(code, "[]"))
	require.Contains(t, string(content), "shop")
}

func TestFileThatIsNoLedgerIsLeftAsItIs(t *testing.T) {
	ledgerBytes := func(t *testing.T, change func(db *sql.DB)) []byte {
		path := filepath.Join(t.TempDir(), "made.db")
		l, err := openSQLite(path)
		require.NoError(t, err)
		change(l.write.DB)
		_, err = l.write.Exec(`PRAGMA journal_mode = DELETE`)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		return content
	}
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := connect(fileURI(other, "rwc"), 1)
	require.NoError(t, err)
	_, err = db.Exec(`CREATE TABLE recipes (name TEXT)`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	otherBytes, err := os.ReadFile(other)
	require.NoError(t, err)

	whole := ledgerBytes(t, func(*sql.DB) {})
	for name, row := range map[string]struct {
		content []byte
		words   string
	}{
		"text":            {[]byte("my notes, not a database\n"), "not a ledger"},
		"short":           {[]byte("SQLite"), "not a ledger"},
		"other database":  {otherBytes, "not a ledger"},
		"cut off":         {whole[:len(whole)/2], ""},
		"head only":       {whole[:40], ""},
		"a later version": {ledgerBytes(t, func(db *sql.DB) { run(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`) }), "later version"},
		"without a table": {ledgerBytes(t, func(db *sql.DB) {
			run(t, db, `PRAGMA foreign_keys = 0`, `DROP TABLE baselines`, `DROP TRIGGER history_keeps_its_rows`, `DROP TABLE history`, `DROP TABLE operations`)
		}), "not a ledger"},
		"bytes overwritten": {append(append([]byte{}, whole[:100]...), make([]byte, len(whole)-100)...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.db")
			require.NoError(t, os.WriteFile(path, row.content, 0o600))
			store, err := OpenSQLite(path)
			if err == nil {
				store.Close()
			}
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, row.words)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(row.content, after), "the file was changed")
		})
	}
	_, err = OpenSQLite(t.TempDir())
	require.Error(t, err, "a folder is no ledger")
}

func run(t *testing.T, db interface {
	Exec(string, ...any) (sql.Result, error)
}, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := db.Exec(s)
		require.NoError(t, err, s)
	}
}

func TestPathWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory#c%20&d'é", "ledger?x=1#.db")
	store, err := OpenSQLite(path)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	_, err = os.Stat(path)
	require.NoError(t, err)
}

func TestManyProcessesMakeOneLedger(t *testing.T) {
	for range 2 {
		path := filepath.Join(t.TempDir(), "ledger.db")
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				store, err := OpenSQLite(path)
				if err != nil {
					t.Error(err)
					return
				}
				store.Close()
			})
		}
		group.Wait()
	}
}

func TestLockedLedgerSaysSo(t *testing.T) {
	f := newFixture(t)
	f.proposed(orderOf("shop"))
	store, err := f.ledger(t.Context())
	require.NoError(t, err)
	run(t, store.(*ledger).write, `PRAGMA busy_timeout = 1`)
	other, err := openSQLite(f.path)
	require.NoError(t, err)
	defer other.Close()
	tx, err := other.write.BeginTx(context.Background(), nil)
	require.NoError(t, err)
	_, err = f.ProposeOrder(t.Context(), orderOf("other"))
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "locked by another process")
	_, err = f.List(t.Context(), Filter{})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	f.proposed(orderOf("other"))
}
