package operations

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
)

func openTestPostgres(t *testing.T, place string) *ledger {
	t.Helper()
	store, err := OpenPostgres(t.Context(), place)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	return store.(*ledger)
}

// changed returns a database's URL with something changed.
func changed(t *testing.T, place string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(place)
	require.NoError(t, err)
	change(u)
	return u.String()
}

func TestManyReplicasMakeOneLedger(t *testing.T) {
	place := postgrestest.Schema(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			store, err := OpenPostgres(context.Background(), place)
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Ping(context.Background()); err != nil {
				t.Error(err)
			}
			store.Close()
		})
	}
	group.Wait()
}

// TestPostgresThatCannotBeUsedSaysWhy holds that each failure is named, stops
// writes, shows no password, and is over when its cause is.
func TestPostgresThatCannotBeUsedSaysWhy(t *testing.T) {
	const password = "s3cr3t-Pass"
	server := postgrestest.Server(t)
	refuses := func(t *testing.T, place, words string) {
		t.Helper()
		f := newFixtureOn(t, place)
		_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
		refusal := refused(t, err, CodeLedgerUnavailable, "nothing was ordered", words)
		require.NotContains(t, fmt.Sprintf("%s %+v %v", refusal.Message, refusal, refusal.Err), password)
		_, err = f.api.GetLicense(t.Context(), "plesk", "PLSK.02980001")
		require.NoError(t, err)
		require.Error(t, f.Ready(t.Context()))
	}
	t.Run("nobody listens", func(t *testing.T) {
		listening, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := listening.Addr().String()
		listening.Close()
		refuses(t, "postgres://u:"+password+"@"+address+"/db", "the database cannot be reached")
	})
	t.Run("another protocol", func(t *testing.T) {
		listening, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listening.Close()
		go func() {
			for {
				c, err := listening.Accept()
				if err != nil {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				c.Close()
			}
		}()
		refuses(t, "postgres://u:"+password+"@"+listening.Addr().String()+"/db", "the database cannot be reached")
	})
	t.Run("wrong password", func(t *testing.T) {
		refuses(t, changed(t, server, func(u *url.URL) { u.User = url.UserPassword("tests", password) }), "does not accept the user's password")
	})
	t.Run("no such database", func(t *testing.T) {
		refuses(t, changed(t, server, func(u *url.URL) { u.Path = "/none" }), "no such database")
	})
	t.Run("no such schema", func(t *testing.T) {
		refuses(t, changed(t, server, func(u *url.URL) { u.RawQuery = "search_path=none_here" }), "CREATE SCHEMA")
	})
	t.Run("another program's tables", func(t *testing.T) {
		place := postgrestest.Schema(t)
		postgrestest.Exec(t, place, `CREATE TABLE recipes (name TEXT)`)
		refuses(t, place, "the schema holds other tables and no ledger")
		postgrestest.Exec(t, place, `CREATE TABLE goose_db_version (id INTEGER, version_id BIGINT, is_applied BOOLEAN); INSERT INTO goose_db_version VALUES (1, 1, true)`)
		refuses(t, place, "the schema holds other tables and no ledger")
	})
	t.Run("a later version", func(t *testing.T) {
		place := postgrestest.Schema(t)
		openTestPostgres(t, place)
		postgrestest.Exec(t, place, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
		refuses(t, place, "later version of this program (schema 99")
	})
	t.Run("a table is gone", func(t *testing.T) {
		place := postgrestest.Schema(t)
		openTestPostgres(t, place)
		postgrestest.Exec(t, place, `DROP TABLE history`)
		f := newFixtureOn(t, place)
		_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
		refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "a table of the ledger is missing")
	})
}

func TestWrongURLSaysHowAndShowsNoPassword(t *testing.T) {
	const password = "s3cr3t"
	for _, wrong := range []string{
		"postgres://u:s3cr3t@db:port/ledger",
		"postgres://u:a/s3cr3t@db/ledger",
		"postgres://u:a#s3cr3t@db/ledger",
		"postgres://u:a?s3cr3t@db/ledger",
		"postgres://u:%zzs3cr3t@db/ledger",
		"postgres://u@db/ledger?password=s3cr3t%zz",
		"postgres://u:s3cr3t@db/ledger?sslmode=sometimes",
		"postgres://u@db/ledger?password=s3cr3t&sslmode=sometimes",
		"postgres://u@db/ledger?sslpassword=s3cr3t",
		"postgres://u:s3cr3t@db/ledger?sslrootcert=/none/ca.pem&sslmode=verify-full",
		"postgres://u:s3cr3t@[::1/ledger",
		"postgres//u:s3cr3t@db",
	} {
		_, err := OpenPostgres(t.Context(), wrong)
		require.ErrorContains(t, err, "open the ledger in PostgreSQL", wrong)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), password)
		for cause := err; cause != nil; {
			require.NotContains(t, cause.Error(), password)
			u, _ := cause.(interface{ Unwrap() error })
			if u == nil {
				break
			}
			cause = u.Unwrap()
		}
		require.Error(t, CheckPostgresURL(wrong))
	}
	for right, want := range map[string]string{
		"postgres://u:a%40b%2Fc@127.0.0.1:5433/ledger?search_path=x":    "a@b/c",
		"postgresql://u@127.0.0.1/ledger?password=a%26b&search_path=x":  "a&b",
		"postgres://u:a%25b@localhost/ledger?sslmode=disable":           "a%b",
		"POSTGRES://u:a+b@db.example/ledger?sslmode=require":            "a+b",
		"postgres://u:pw@one.example:5432,two.example:5433/ledger":      "pw",
		"postgres:///ledger?host=/run/postgresql&user=u&password=p%20w": "p w",
	} {
		config, err := parsePostgres(right)
		require.NoError(t, err, right)
		require.Equal(t, want, config.Password)
		require.Equal(t, "u", config.User)
		require.Equal(t, "ledger", config.Database)
		require.NotContains(t, config.ConnString(), want)
	}
}

func TestServerElsewhereMustProveItsName(t *testing.T) {
	for place, verified := range map[string]bool{
		"postgres://u@db.example/ledger":                                   true,
		"postgres://u@192.0.2.1/ledger":                                    true,
		"postgres://u@db.example/ledger?application_name=x":                true,
		"postgres://u@127.0.0.1,db.example/ledger":                         true,
		"postgres://u@db.example/ledger?sslmode=disable":                   false,
		"postgres://u@127.0.0.1/ledger":                                    false,
		"postgres://u@localhost/ledger":                                    false,
		"postgres://u@/ledger?host=/run/postgresql":                        false,
		"postgres://u@db.example/ledger?sslmode=require&application_name=": false,
	} {
		config, err := parsePostgres(place)
		require.NoError(t, err, place)
		require.Equal(t, verified, config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify && config.TLSConfig.ServerName != "", place)
		if verified {
			for _, f := range config.Fallbacks {
				require.NotNil(t, f.TLSConfig, "nothing falls back to a plain connection")
			}
		}
	}
}

// TestLeastPermissions runs a whole life with the permissions that docs/ledger.md
// names, and shows that one that may only read, reads.
func TestLeastPermissions(t *testing.T) {
	place := postgrestest.Schema(t)
	openTestPostgres(t, place)
	schema := changedQuery(t, place).Get("search_path")
	role := func(name, grants string) string {
		name += strings.TrimPrefix(schema, "test")
		postgrestest.Exec(t, place, `CREATE ROLE `+name+` LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA `+schema+` TO `+name+`;`+strings.ReplaceAll(grants, "ROLE", name))
		t.Cleanup(func() { postgrestest.Exec(t, place, `DROP OWNED BY `+name+`; DROP ROLE `+name) })
		return changed(t, place, func(u *url.URL) { u.User = url.UserPassword(name, "p") })
	}
	server := role("server", `
		GRANT SELECT ON goose_db_version TO ROLE;
		GRANT SELECT, INSERT, UPDATE ON operations TO ROLE;
		GRANT SELECT, UPDATE ON history_head TO ROLE;
		GRANT SELECT, INSERT ON history, baselines, shared_keys TO ROLE;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ended_sessions TO ROLE;`)
	f := newFixtureOn(t, server)
	done := f.ordered(orderOf("shop"))
	_, err := f.SharedKey(t.Context(), "k")
	require.NoError(t, err)
	require.NoError(t, f.EndSession(t.Context(), "s", f.now()))
	ended, err := f.EndedSessions(t.Context())
	require.NoError(t, err)
	require.Empty(t, ended)
	require.NoError(t, f.Recover(t.Context()))
	store, err := f.ledger(t.Context())
	require.NoError(t, err)
	_, err = store.(*ledger).write.Exec(`ALTER TABLE history DISABLE TRIGGER ALL`)
	require.Equal(t, pgNotAllowed, sqlState(err), "it cannot free the history of its rule")

	auditor := newFixtureOn(t, role("auditor", `GRANT SELECT ON goose_db_version, operations, baselines, history, history_head TO ROLE;`))
	_, err = auditor.ProposeOrder(t.Context(), orderOf("other"))
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "lacks a permission")
	o, err := auditor.Get(t.Context(), done.Operation.ID)
	require.NoError(t, err)
	require.Equal(t, done.Operation, *o)
	_, err = auditor.SharedKey(t.Context(), "k")
	require.ErrorContains(t, err, "lacks a permission")
	v, err := auditor.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)

	stranger := newFixtureOn(t, role("stranger", ``))
	_, err = stranger.List(t.Context(), Filter{})
	refused(t, err, CodeLedgerUnavailable, "lacks a permission")
}

func changedQuery(t *testing.T, place string) url.Values {
	u, err := url.Parse(place)
	require.NoError(t, err)
	return u.Query()
}

func TestOlderLedgerThatMayNotBeMigratedSaysSo(t *testing.T) {
	place := postgrestest.Schema(t)
	openTestPostgres(t, place)
	name := "old" + strings.TrimPrefix(changedQuery(t, place).Get("search_path"), "test")
	postgrestest.Exec(t, place, `DELETE FROM goose_db_version WHERE version_id > 1; DROP TABLE shared_keys, ended_sessions;
		CREATE ROLE `+name+` LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA `+changedQuery(t, place).Get("search_path")+` TO `+name+`;
		GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA `+changedQuery(t, place).Get("search_path")+` TO `+name)
	t.Cleanup(func() { postgrestest.Exec(t, place, `DROP OWNED BY `+name+`; DROP ROLE `+name) })
	_, err := OpenPostgres(t.Context(), changed(t, place, func(u *url.URL) { u.User = url.UserPassword(name, "p") }))
	require.ErrorContains(t, err, "of an earlier version, and the database user may not make them")
	openTestPostgres(t, place)
}

func TestPostgresSessionsAreDurable(t *testing.T) {
	place := postgrestest.Schema(t)
	for given, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
		l := openTestPostgres(t, place+"&synchronous_commit="+given+"&default_transaction_isolation=serializable")
		for setting, want := range map[string]string{
			"synchronous_commit": want, "lock_timeout": "10s", "idle_in_transaction_session_timeout": "15s", "tcp_keepalives_idle": "30",
		} {
			var got string
			require.NoError(t, l.write.QueryRow("SELECT current_setting($1)", setting).Scan(&got))
			require.Equal(t, want, got, setting)
		}
		tx, err := l.write.BeginTx(t.Context(), l.database.writing)
		require.NoError(t, err)
		var isolation string
		require.NoError(t, tx.QueryRow(`SELECT current_setting('transaction_isolation')`).Scan(&isolation))
		require.Equal(t, "read committed", isolation, "whatever the role's default is")
		require.NoError(t, tx.Rollback())
	}
}

func TestLockedPostgresLedgerSaysSo(t *testing.T) {
	f := newFixtureOn(t, postgrestest.Schema(t))
	f.proposed(orderOf("shop"))
	store, err := f.ledger(t.Context())
	require.NoError(t, err)
	l := store.(*ledger)
	other := openTestPostgres(t, f.path)
	tx, err := other.write.BeginTx(context.Background(), other.database.writing)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), other.database.lock)
	require.NoError(t, err)
	// Both connections of the pool, so that whichever is taken does not wait long.
	for range writeConnections {
		c, err := l.write.Conn(t.Context())
		require.NoError(t, err)
		_, err = c.ExecContext(t.Context(), `SET lock_timeout = '50ms'`)
		require.NoError(t, err)
		defer c.Close()
	}
	l.write.SetMaxOpenConns(0)
	short, err := l.write.Conn(t.Context())
	require.NoError(t, err)
	_, err = short.ExecContext(t.Context(), `SET lock_timeout = '50ms'`)
	require.NoError(t, err)
	require.NoError(t, short.Close())
	_, err = f.ProposeOrder(t.Context(), orderOf("other"))
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "locked by another process")
	_, err = f.List(t.Context(), Filter{})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	f.proposed(orderOf("other"))
}

func TestWriterThatStoppedGivesUpItsLock(t *testing.T) {
	place := postgrestest.Schema(t)
	stopped := openTestPostgres(t, place)
	tx, err := stopped.write.BeginTx(context.Background(), stopped.database.writing)
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = tx.ExecContext(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = '300ms'`)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), stopped.database.lock)
	require.NoError(t, err)
	begun := time.Now()
	propose(t, openTestPostgres(t, place), storeOrder("a"))
	require.GreaterOrEqual(t, time.Since(begun), 200*time.Millisecond, "it waited")
	require.Error(t, tx.Commit(), "who stopped cannot go on")
}

func TestNumbered(t *testing.T) {
	require.Equal(t, "a = $1 AND b IN ($2, $3)", numbered("a = ? AND b IN (?, ?)"))
	require.Equal(t, "SELECT 1", numbered("SELECT 1"))
}

func TestBothDatabasesHaveTheSameMigrations(t *testing.T) {
	names := func(folder string) (names []string) {
		files, err := migrations.ReadDir("migrations/" + folder)
		require.NoError(t, err)
		for _, f := range files {
			names = append(names, f.Name())
		}
		return names
	}
	require.Equal(t, names("sqlite"), names("postgres"))
	require.GreaterOrEqual(t, schemaVersion(), 2)
}
