package operations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Why a ledger in PostgreSQL keeps the same promises as one in a file:
//
// Every transaction that writes begins by locking the one row of history_head,
// and holds it until it ends. So writers take turns, as they do with SQLite's one
// write lock. At READ COMMITTED each statement sees everything that was committed
// before it began, and a transaction's commit is visible before its lock is free;
// so what a writer reads, once it has the lock, is all there is, and stays so until
// it commits. Guards, caps, the compare of a state and the chain of the history
// need no more. A higher isolation would take its snapshot before the lock is had,
// and fail where this one waits. The row is the ledger's own, so two ledgers in one
// database never wait for one another, and the lock goes with the connection.
//
// A commit returns when it is on disk (synchronous_commit, fsync), which every
// connection that writes makes sure of.

const (
	// Connections of one process. Writers take turns anyway; the second one waits
	// for the lock while the first commits.
	writeConnections = 2
	readConnections  = 4
	// postgresTimeout bounds one read and one write transaction.
	postgresTimeout = 30 * time.Second
	// maxClockSkew is how far this machine's clock may be from the database's.
	// Replicas tell by the clock whether another can still be sending.
	maxClockSkew = 30 * time.Second
)

// session is what every connection sets. A lock is waited for as long as SQLite
// waits; a process that stops in the middle of a transaction, or cannot be reached
// any more, soon gives up its locks.
const session = `
	SET lock_timeout = '10s';
	SET idle_in_transaction_session_timeout = '15s';
	SET tcp_keepalives_idle = 30;
	SET tcp_keepalives_interval = 10;
	SET tcp_keepalives_count = 3;
	SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)`

// postgresPauses are how long a call waits for a database that restarts, between
// its tries: about four seconds in all.
var postgresPauses = []time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond, 1200 * time.Millisecond, 2400 * time.Millisecond}

// OpenPostgres opens the ledger in the PostgreSQL database of a URL, in the first
// schema of its search path, and makes its tables where the schema is empty. Any
// number of processes on any number of machines may have one ledger open, and
// start at once.
//
// Without a sslmode, a server on another machine must prove its name by its
// certificate (verify-full). No error holds the URL's password.
//
// A schema that holds other tables, or a ledger that a later version wrote, is an
// error, and is left as it is. A ledger that cannot be written (a standby server, a
// user without the permission, fsync off, a clock that is wrong) is opened: its
// operations can be shown and nothing can be proposed or claimed.
func OpenPostgres(ctx context.Context, url string) (Store, error) {
	config, err := parsePostgres(url)
	if err != nil {
		return nil, fmt.Errorf("open the ledger in PostgreSQL: %w", err)
	}
	l, err := openPostgres(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the ledger in the PostgreSQL database %s: %w", place(config), explainPostgres(err))
	}
	return l, nil
}

// PostgresHasLedger says whether the database of a URL has a ledger; it makes
// none.
func PostgresHasLedger(ctx context.Context, url string) (bool, error) {
	config, err := parsePostgres(url)
	if err != nil {
		return false, fmt.Errorf("look for the ledger in PostgreSQL: %w", err)
	}
	db := connections(config, 1, false)
	defer db.Close()
	var tables, versions, known int
	if err := db.QueryRowContext(ctx, postgresSchema.tables).Scan(&tables, &versions, &known); err != nil {
		return false, fmt.Errorf("look for the ledger in the PostgreSQL database %s: %w", place(config), explainPostgres(err))
	}
	return known > 0, nil
}

func openPostgres(ctx context.Context, config *pgx.ConnConfig) (*ledger, error) {
	own := &database{
		statement: numbered,
		argument:  storableArgument,
		lock:      `SELECT seq FROM history_head WHERE one = 1 FOR UPDATE`,
		writing:   &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		unique:    func(err error) bool { return sqlState(err) == pgUnique },
		explain:   explainPostgres,
		away:      awayPostgres,
		timeout:   postgresTimeout,
	}
	l := &ledger{
		read:     &pool{connections(config, readConnections, false), own},
		write:    &pool{connections(config, writeConnections, true), own},
		database: own,
		crash:    survive,
	}
	schema, err := reading(ctx, l, func(ctx context.Context) (string, error) { return migratePostgres(ctx, l) })
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	reservations := &reservations{db: connections(config, 1, false), schema: schema, held: map[int64]bool{}}
	own.reserve, own.close = reservations.reserve, reservations.db.Close
	// A call waits for a database that restarts, not for one that never was there.
	own.pauses = postgresPauses
	return l, nil
}

// connections makes a pool; none is opened yet.
func connections(config *pgx.ConnConfig, most int, writing bool) *sql.DB {
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, session).ReadAll()
		if err == nil && writing {
			err = fitToWrite(ctx, c)
		}
		if err != nil {
			c.Close(context.WithoutCancel(ctx))
		}
		return err
	}))
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour) // a server that moved is found
	return db
}

// fitToWrite says why nothing may be written through a connection.
func fitToWrite(ctx context.Context, c *pgx.Conn) error {
	var (
		fsync string
		skew  float64
	)
	// The round trip makes the difference look at most that much larger.
	err := c.QueryRow(ctx, `SELECT current_setting('fsync'), extract(epoch FROM clock_timestamp())::float8 - $1::float8`,
		float64(time.Now().UnixMicro())/1e6).Scan(&fsync, &skew)
	switch {
	case err != nil:
		return err
	case fsync != "on":
		return errors.New("the database runs with fsync off, so a power cut could lose what was claimed; turn it on")
	case skew > maxClockSkew.Seconds() || skew < -maxClockSkew.Seconds():
		return fmt.Errorf("the clocks of this machine and of the database differ by %.0f seconds, and replicas tell by the clock whether another is still sending; set them", skew)
	}
	return nil
}

var postgresSchema = schema{
	dialect: goose.DialectPostgres,
	folder:  "migrations/postgres",
	tables: `SELECT COUNT(*), COUNT(*) FILTER (WHERE tablename = 'goose_db_version'), COUNT(*) FILTER (WHERE tablename = 'operations')
		FROM pg_tables WHERE schemaname = current_schema()`,
	notALedger: errors.New("the schema holds other tables and no ledger; give the ledger a database or a schema of its own (?search_path=NAME)"),
}

// migratePostgres brings a ledger up to date, one process at a time, and writes
// nothing to what is not one. It returns the schema that the ledger is in.
func migratePostgres(ctx context.Context, l *ledger) (schema string, err error) {
	var name sql.NullString
	if err := l.read.QueryRowContext(ctx, `SELECT current_schema()`).Scan(&name); err != nil {
		return "", err
	}
	if !name.Valid {
		return "", errors.New("the schema that search_path names is not there; make it (CREATE SCHEMA)")
	}
	err = postgresSchema.upToDate(ctx, l.read.DB)
	if !errors.Is(err, errOldSchema) {
		return name.String, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockKey(name.String, "migrate")), lock.WithLockTimeout(1, 60))
	if err != nil {
		return "", err
	}
	migrating := postgresSchema
	migrating.options = []goose.ProviderOption{goose.WithSessionLocker(locker)}
	if err := migrating.apply(ctx, l.write.DB); err != nil {
		if sqlState(err) == pgNotAllowed {
			return "", fmt.Errorf("the ledger's tables are missing or of an earlier version, and the database user may not make them: %w", err)
		}
		return "", err
	}
	return name.String, postgresSchema.upToDate(ctx, l.read.DB)
}

// lockKey is the number of an advisory lock. Those of two schemas in one database
// differ; that two names share one would only make one wait for the other.
func lockKey(schema, name string) int64 {
	digest := sha256.Sum256([]byte("websoftsolus-mcp\x00" + schema + "\x00" + name))
	return int64(binary.BigEndian.Uint64(digest[:8]))
}

// numbered writes a statement's ? as PostgreSQL's $1, $2 and so on. No statement
// of the ledger has a ? that is not an argument.
func numbered(statement string) string {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, more := strings.Cut(statement, "?")
		b.WriteString(before)
		if !more {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		statement = after
	}
}

// storableArgument makes text that PostgreSQL takes: its text holds no NUL and
// no broken UTF-8. What a caller asks for in such words is then not found.
func storableArgument(a any) any {
	if text, ok := a.(string); ok {
		return storable(text)
	}
	return a
}

func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
