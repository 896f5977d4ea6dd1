package operations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// schemaVersion is the newest migration this program knows.
const schemaVersion = 4

var errNotALedger = errors.New("the file is not a ledger")

// errOldSchema: the ledger is older than this program, and migrating will do.
var errOldSchema = errors.New("the ledger was written by an earlier version and cannot be brought up to date")

// upToDate returns nil for a ledger whose schema is this program's. Asking costs
// a fraction of what it costs to set up the migrations, and a ledger is opened
// far more often than it is migrated.
func upToDate(ctx context.Context, db *sql.DB) error {
	var tables, versions, known int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(name = 'goose_db_version'), 0), COALESCE(SUM(name = 'operations'), 0)
		FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).Scan(&tables, &versions, &known)
	if err != nil {
		return err
	}
	if versions == 0 {
		if tables > 0 {
			return errNotALedger
		}
		return errOldSchema
	}
	var version int
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		return err
	}
	switch {
	case version > schemaVersion:
		return fmt.Errorf("it was written by a later version of this program (schema %d, known is %d)", version, schemaVersion)
	case version > 0 && known == 0:
		return errNotALedger
	case version < schemaVersion:
		return errOldSchema
	}
	return nil
}

// migrate brings a ledger up to date, and writes nothing to what is not one.
// Several processes may do so at once: each migration is one transaction, so
// those that come second fail, and find the work done when they look again.
func migrate(ctx context.Context, db *sql.DB) error {
	var failed error
	for range 5 {
		err := upToDate(ctx, db)
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
		if failed = apply(ctx, db); failed == nil {
			return upToDate(ctx, db)
		}
	}
	return failed
}

func apply(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
