package operations

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTamperingIsFound(t *testing.T) {
	onEachDatabase(t, tamperingIsFound)
}

func tamperingIsFound(t *testing.T, newPlace func(testing.TB) string) {
	unbind := map[bool][]string{ // by whether it is PostgreSQL
		false: {`DROP TRIGGER history_keeps_its_rows`, `DROP TRIGGER history_keeps_its_words`, `PRAGMA foreign_keys = 0`},
		true:  {`SET session_replication_role = 'replica'`}, // no trigger and no foreign key holds then
	}
	for name, statement := range map[string]string{
		"a row's words changed":        `UPDATE history SET content = replace(content, 'shop', 'free') WHERE seq = 1`,
		"a row's time changed":         `UPDATE history SET at = at + 1 WHERE seq = 2`,
		"a row's hash changed":         `UPDATE history SET hash = 'x' WHERE seq = 2`,
		"a row removed":                `DELETE FROM history WHERE seq = 2`,
		"the first row removed":        `DELETE FROM history WHERE seq = 1`,
		"the last row removed":         `DELETE FROM history WHERE seq = (SELECT MAX(seq) FROM history)`,
		"every row removed":            `DELETE FROM history`,
		"a row given to another":       `UPDATE history SET operation_id = (SELECT id FROM operations WHERE id <> history.operation_id LIMIT 1) WHERE seq = 1`,
		"rows in another order":        `UPDATE history SET seq = seq + 100 WHERE seq = 2`,
		"a row added":                  `INSERT INTO history SELECT seq + 1, operation_id, at, content, hash, 'x' FROM history WHERE seq = (SELECT MAX(seq) FROM history)`,
		"the head moved":               `UPDATE history_head SET seq = seq - 1`,
		"an operation's state changed": `UPDATE operations SET state = 'rejected' WHERE seq = 1`,
		"an operation's words changed": `UPDATE operations SET document = replace(document, 'shop', 'free') WHERE seq = 1`,
		"an operation's key changed":   `UPDATE operations SET licence = 'K' WHERE seq = 1`,
		"an operation added":           `INSERT INTO operations SELECT 99, 'op_99', kind, family, state, base_url, NULL, fingerprint, licence, server_ip, expires_at, claimed_at, deadline, settled_at, document FROM operations WHERE seq = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixtureOn(t, newPlace(t))
			f.ordered(orderOf("shop"))
			f.ordered(orderOf("mail"))
			before, err := f.Verify(t.Context())
			require.NoError(t, err)
			require.Empty(t, before.Problems)
			require.Equal(t, 6, before.Rows)
			store, err := f.ledger(t.Context())
			require.NoError(t, err)
			write, err := store.(*ledger).write.Conn(t.Context())
			require.NoError(t, err)
			defer write.Close()
			for _, s := range slices.Concat(unbind[isURL(f.path)], []string{statement}) {
				_, err = write.ExecContext(t.Context(), s)
				require.NoError(t, err, s)
			}
			after, err := f.Verify(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, after.Problems)
		})
	}
}

func TestHistoryIsAppendOnly(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, newPlace func(testing.TB) string) {
		f := newFixtureOn(t, newPlace(t))
		f.ordered(orderOf("shop"))
		store, err := f.ledger(t.Context())
		require.NoError(t, err)
		for _, statement := range []string{`DELETE FROM history`, `UPDATE history SET at = 0`} {
			_, err = store.(*ledger).write.Exec(statement)
			require.ErrorContains(t, err, "append-only")
		}
	})
}
