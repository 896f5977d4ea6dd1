package operations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
)

// Each database has the same migrations under the same names, in SQL of its own.
//
//go:embed migrations
var migrations embed.FS

// schemaVersion is the newest migration this program knows.
var schemaVersion = sync.OnceValue(func() int {
	files, err := fs.ReadDir(migrations, "migrations/sqlite")
	if err != nil {
		panic(err) // it is in the program
	}
	newest := slices.MaxFunc(files, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	number, _, _ := strings.Cut(newest.Name(), "_")
	version, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	return version
})

var (
	errNotALedger = errors.New("the file is not a ledger")
	// errOldSchema: the ledger is older than this program, and migrating will do.
	errOldSchema = errors.New("the ledger was written by an earlier version and cannot be brought up to date")
)

// schema is how a database is asked for its tables, and migrated.
type schema struct {
	dialect goose.Dialect
	folder  string // in migrations
	// tables counts the tables, of them goose's own, and of them the operations'.
	tables     string
	notALedger error
	options    []goose.ProviderOption
}

// upToDate returns nil for a ledger whose schema is this program's. Asking costs
// a fraction of what it costs to set up the migrations, and a ledger is opened
// far more often than it is migrated.
func (s *schema) upToDate(ctx context.Context, db *sql.DB) error {
	var tables, versions, known int
	if err := db.QueryRowContext(ctx, s.tables).Scan(&tables, &versions, &known); err != nil {
		return err
	}
	if versions == 0 {
		if tables > 0 {
			return s.notALedger
		}
		return errOldSchema
	}
	var version int
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		return err
	}
	switch {
	case version > 0 && known == 0:
		return s.notALedger
	case version > schemaVersion():
		return fmt.Errorf("it was written by a later version of this program (schema %d, known is %d)", version, schemaVersion())
	case version < schemaVersion():
		return errOldSchema
	}
	return nil
}

func (s *schema) apply(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, s.folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect, db, files, append(s.options, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

var sqliteSchema = schema{
	dialect: goose.DialectSQLite3,
	folder:  "migrations/sqlite",
	tables: `SELECT COUNT(*), COALESCE(SUM(name = 'goose_db_version'), 0), COALESCE(SUM(name = 'operations'), 0)
		FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
	notALedger: errNotALedger,
}

// migrateSQLite brings a ledger up to date, and writes nothing to what is not
// one. Several processes may do so at once: each migration is one transaction,
// so those that come second fail, and find the work done when they look again.
func migrateSQLite(ctx context.Context, db *sql.DB) error {
	var failed error
	for range schemaVersion() + 4 { // each failure is a migration that another made
		err := sqliteSchema.upToDate(ctx, db)
		if err != nil && !errors.Is(err, errOldSchema) {
			return err
		}
		// The mode stays with the file. With a write-ahead log, reading never
		// waits for another process's write.
		if _, failed = db.ExecContext(ctx, `PRAGMA journal_mode = WAL`); failed != nil {
			continue
		}
		if err == nil {
			return nil
		}
		if failed = sqliteSchema.apply(ctx, db); failed == nil {
			return sqliteSchema.upToDate(ctx, db)
		}
	}
	return failed
}
