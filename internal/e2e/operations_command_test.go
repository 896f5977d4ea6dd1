package e2e

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // to edit a ledger behind its back

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

// TestOperationsCommand looks at a ledger as a person does: after an order that
// succeeded, an edit, and an order whose outcome only a person can tell.
func TestOperationsCommand(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		journal := filepath.Join(t.TempDir(), "ledger.db")
		operationsCommand(t, journal, "there is no ledger at "+journal, func(statements ...string) {
			db, err := sql.Open("sqlite", journal)
			require.NoError(t, err)
			defer db.Close()
			for _, s := range append([]string{`DROP TRIGGER history_keeps_its_words`}, statements...) {
				_, err = db.Exec(s)
				require.NoError(t, err)
			}
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		journal := postgrestest.Schema(t)
		operationsCommand(t, journal, "there is no ledger in that database", func(statements ...string) {
			postgrestest.Exec(t, journal, `ALTER TABLE history DISABLE TRIGGER USER;`+strings.Join(statements, ";"))
		})
	})
}

func operationsCommand(t *testing.T, journal, none string, tamper func(statements ...string)) {
	api := newAPI(t)
	env := api.variables(t, journal)
	command := func(status int, args ...string) string {
		t.Helper()
		stdout, stderr, got := run(t, env, "", append([]string{"operations"}, args...)...)
		require.Equal(t, status, got, "%v: %s", args, stderr)
		if u, err := url.Parse(journal); err == nil && u.User != nil {
			password, _ := u.User.Password()
			require.NotContains(t, stdout+stderr, password)
		}
		return stdout + stderr
	}
	require.Contains(t, command(1, "list"), none)

	c := connect(t, eras[0], env)
	order := valid("")["order_virtuozzo_license"]
	order["title"] = "=HYPERLINK(\"http://x\")"
	ordered := c.ok(t, "order_virtuozzo_license", with(order, "confirm", c.ok(t, "order_virtuozzo_license", order)["confirm"]))
	key := ordered["keyNumber"].(string)
	c.ok(t, "edit_license", object{"family": "virtuozzo", "keyNumber": key, "comment": "second"})

	table := command(0, "list")
	require.Len(t, strings.Split(strings.TrimSpace(table), "\n"), 3)
	for _, line := range strings.Split(table, "\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
	}
	require.NotContains(t, table, "\x1b", "colour only on a terminal")
	require.Len(t, strings.Split(strings.TrimSpace(command(0, "list", "--kind", "edit")), "\n"), 2)
	require.Len(t, strings.Split(strings.TrimSpace(command(0, "list", "--limit", "1", "--json")), "\n"), 1)
	require.Contains(t, command(0, "show", ordered["operationId"].(string)), key)
	require.Contains(t, command(1, "show", "op_00000000000000000000000000"), "no operation")
	require.Contains(t, command(0, "reconcile"), "every operation has a known outcome")
	require.Contains(t, command(1, "resolve", ordered["operationId"].(string), "--not-applied"), "nothing is left to resolve")
	require.Contains(t, command(2, "resolve", "op_x"), "--succeeded")

	var exported []object
	for _, line := range strings.Split(strings.TrimSpace(command(0, "export")), "\n") {
		var o object
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		exported = append(exported, o)
	}
	require.Len(t, exported, 2)
	rows, err := csv.NewReader(strings.NewReader(command(0, "export", "--format", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Contains(t, rows[2], "'"+order["title"].(string), "no formula")

	require.Contains(t, command(0, "verify"), "sound")
	tamper(`UPDATE history SET content = replace(content, 'succeeded', 'rejected')`)
	require.Contains(t, command(1, "verify"), "was changed")
}

// TestAPersonResolvesWhatLookingCannotTell leaves two licences that could be the
// order's, and settles it from the command line.
func TestAPersonResolvesWhatLookingCannotTell(t *testing.T) {
	api := newAPI(t)
	dialect, err := sandbox.ParseDialect("get:key-only")
	require.NoError(t, err)
	api.sandbox.SetDialect(dialect) // nothing to match a licence by
	api.sandbox.Inject(sandbox.Fault{On: sandbox.Order, Kind: sandbox.Drop, After: true, Times: 2})
	env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	c := connect(t, eras[0], env)
	order := valid("")["order_virtuozzo_license"]
	confirm := c.ok(t, "order_virtuozzo_license", order)["confirm"]
	arrived, release := api.hold("POST", "/license/virtuozzo/order")
	answered := make(chan object, 1)
	go func() {
		result, _ := c.call(t, "order_virtuozzo_license", with(order, "confirm", confirm))
		answered <- result
	}()
	<-arrived
	api.orderElsewhere(t) // somebody orders through the customer area meanwhile
	close(release)
	var open struct{ ID string }
	require.Eventually(t, func() bool {
		stdout, _, _ := run(t, env, "", "operations", "list", "--state", "unknown", "--json")
		return json.Unmarshal([]byte(stdout), &open) == nil
	}, time.Minute, 20*time.Millisecond, "the order's outcome is unknown")
	id := open.ID
	// Told to stop, it does not go on looking: the call is answered at once.
	require.NoError(t, c.process.Process.Signal(syscall.SIGTERM))
	result := <-answered
	require.Equal(t, "unknown", result["error"].(object)["outcome"], "%v", result)
	require.Equal(t, id, result["operationId"])

	licences := api.sandbox.Licenses("virtuozzo")
	last := licences[len(licences)-1].KeyNumber
	stdout, stderr, status := run(t, env, "", "operations", "resolve", id, "--succeeded", "--key-number", licences[0].KeyNumber)
	require.Equal(t, 1, status, stdout)
	require.Contains(t, stderr, "was there before the order")
	stdout, stderr, status = run(t, env, "", "operations", "resolve", id, "--succeeded", "--key-number", last)
	require.Equal(t, 0, status, stderr)
	require.Contains(t, stdout, "succeeded (exact)")
	c = connect(t, eras[0], env)
	require.Equal(t, last, c.ok(t, "get_operation", object{"operationId": id})["operation"].(object)["keyNumber"])
}
