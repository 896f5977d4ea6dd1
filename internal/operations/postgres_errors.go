package operations

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// sqlState returns PostgreSQL's code of an error (its document, appendix A),
// empty where it has none.
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// The codes that this program tells apart.
const (
	pgUnique          = "23505"
	pgReadOnly        = "25006"
	pgIdle            = "25P03"
	pgNoLogin         = "28000"
	pgWrongPassword   = "28P01"
	pgNoDatabase      = "3D000"
	pgNoSchema        = "3F000"
	pgSerialization   = "40001"
	pgDeadlock        = "40P01"
	pgNotAllowed      = "42501"
	pgNoTable         = "42P01"
	pgDiskFull        = "53100"
	pgTooMany         = "53300"
	pgLockTimeout     = "55P03"
	pgCanceled        = "57014"
	pgStopping        = "57P01"
	pgCrashed         = "57P02"
	pgStarting        = "57P03"
	pgDamaged         = "XX001"
	pgDamagedIndex    = "XX002"
	pgConnectionClass = "08"
)

// databaseWords puts the codes that people can do something about into words.
var databaseWords = map[string]string{
	pgReadOnly:      "the database is open for reading only (a standby server, or default_transaction_read_only)",
	pgIdle:          "the transaction took too long and the database ended it",
	pgNoLogin:       "the database does not let this user in",
	pgWrongPassword: "the database does not accept the user's password",
	pgNoDatabase:    "the server has no such database",
	pgNoSchema:      "the schema of the ledger is missing",
	pgNotAllowed:    "the database user lacks a permission on the ledger's tables",
	pgNoTable:       "a table of the ledger is missing",
	pgDiskFull:      "the disk that holds the ledger is full",
	pgTooMany:       "the database has no connection left",
	pgLockTimeout:   "the ledger is locked by another process",
	pgCanceled:      "the database did not answer in time",
	pgStopping:      "the database is shutting down",
	pgCrashed:       "the database crashed and is recovering",
	pgStarting:      "the database is starting up",
	pgDamaged:       "the ledger's tables are damaged",
	pgDamagedIndex:  "the ledger's tables are damaged",
}

// explainPostgres puts the failures that people can mend into words. What is not
// the database's passes as it is.
func explainPostgres(err error) error {
	var connecting *pgconn.ConnectError
	state := sqlState(err)
	words := databaseWords[state]
	switch {
	case words != "":
	case state != "":
		words = "the ledger failed"
	case errors.As(err, &connecting):
		words = "the database cannot be reached"
	case pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded):
		words = "the database did not answer in time"
	case lostConnection(err):
		words = "the connection to the database broke"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", words, err)
}

// lostConnection says whether a connection ended, or was not made, for a reason
// that another one may not meet.
func lostConnection(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || errors.As(err, &network)
}

// awayPostgres says whether the database could not be asked just now: it
// restarts, or a connection of before its restart was used. Nobody waits for one
// that does not answer at all.
func awayPostgres(err error) bool {
	switch state := sqlState(err); state {
	case "":
		return lostConnection(err) && !pgconn.Timeout(err) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	case pgIdle, pgSerialization, pgDeadlock, pgTooMany, pgStopping, pgCrashed, pgStarting:
		return true
	default:
		return strings.HasPrefix(state, pgConnectionClass)
	}
}
