package operations

import (
	"context"
	"database/sql"
	"time"
)

// database is what the two databases that a ledger may be in do in their own
// way. The statements themselves are the same: they are written with ? for each
// argument, and use nothing that only one of the two knows.
type database struct {
	// statement writes a statement as the database takes it, and argument a value;
	// nil changes nothing.
	statement func(string) string
	argument  func(any) any
	// lock takes the ledger's one write lock for the transaction it is run in;
	// empty where beginning a transaction does.
	lock string
	// writing and snapshot are how a transaction begins that writes, and one whose
	// reads all see the same moment.
	writing, snapshot *sql.TxOptions

	unique  func(error) bool // whether an error is a broken unique constraint
	explain func(error) error
	// away says whether an error means that the database could not be asked. What
	// was not committed by then never will be, so it may be tried again, after each
	// of the pauses; nil tries nothing again.
	away   func(error) bool
	pauses []time.Duration
	// timeout bounds a read and a write transaction; 0 does not.
	timeout time.Duration
	// reserve is Store.Reserve; nil gives everybody what they ask for.
	reserve func(ctx context.Context, id string) (release func(), err error)
	close   func() error // what else there is to close; nil for nothing
}

// pool is connections to a database whose statements are written with ?.
type pool struct {
	*sql.DB
	database *database
}

// transaction is a transaction of a pool.
type transaction struct {
	*sql.Tx
	database *database
}

func (d *database) prepare(statement string, arguments []any) (string, []any) {
	if d.statement != nil {
		statement = d.statement(statement)
	}
	if d.argument != nil {
		given := arguments
		arguments = make([]any, len(given))
		for i, a := range given {
			arguments[i] = d.argument(a)
		}
	}
	return statement, arguments
}

func (p *pool) QueryContext(ctx context.Context, statement string, arguments ...any) (*sql.Rows, error) {
	statement, arguments = p.database.prepare(statement, arguments)
	return p.DB.QueryContext(ctx, statement, arguments...)
}

func (p *pool) QueryRowContext(ctx context.Context, statement string, arguments ...any) *sql.Row {
	statement, arguments = p.database.prepare(statement, arguments)
	return p.DB.QueryRowContext(ctx, statement, arguments...)
}

func (p *pool) BeginTx(ctx context.Context, options *sql.TxOptions) (*transaction, error) {
	tx, err := p.DB.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &transaction{Tx: tx, database: p.database}, nil
}

func (t *transaction) QueryContext(ctx context.Context, statement string, arguments ...any) (*sql.Rows, error) {
	statement, arguments = t.database.prepare(statement, arguments)
	return t.Tx.QueryContext(ctx, statement, arguments...)
}

func (t *transaction) QueryRowContext(ctx context.Context, statement string, arguments ...any) *sql.Row {
	statement, arguments = t.database.prepare(statement, arguments)
	return t.Tx.QueryRowContext(ctx, statement, arguments...)
}

func (t *transaction) ExecContext(ctx context.Context, statement string, arguments ...any) (sql.Result, error) {
	statement, arguments = t.database.prepare(statement, arguments)
	return t.Tx.ExecContext(ctx, statement, arguments...)
}

// transact runs one write transaction. work may be run more than once; all but
// the last run left nothing behind.
func (l *ledger) transact(ctx context.Context, work func(*transaction) error) error {
	if l.readOnly != nil {
		return l.readOnly
	}
	l.crash(crashBeforeTransaction)
	_, err := trying(ctx, l, l.database.pauses, func(ctx context.Context) (nothing struct{}, again bool, err error) {
		tx, err := l.write.BeginTx(ctx, l.database.writing)
		if err != nil {
			return nothing, true, err
		}
		if l.database.lock != "" {
			if _, err := tx.ExecContext(ctx, l.database.lock); err != nil {
				tx.Rollback()
				return nothing, true, err
			}
		}
		if err := work(tx); err != nil {
			tx.Rollback()
			return nothing, true, err
		}
		l.crash(crashBeforeCommit)
		// A commit that fails may have been made all the same, so it is not tried
		// again: the caller must look at what the ledger holds.
		if err := tx.Commit(); err != nil {
			return nothing, false, err
		}
		l.crash(crashAfterCommit)
		return nothing, false, nil
	})
	return err
}

// reading runs a read.
func reading[T any](ctx context.Context, l *ledger, read func(context.Context) (T, error)) (T, error) {
	return trying(ctx, l, l.database.pauses, func(ctx context.Context) (T, bool, error) {
		found, err := read(ctx)
		return found, true, err
	})
}

// trying runs work, again after each of the pauses when the database was away and
// work allows it, and puts its error into words.
func trying[T any](ctx context.Context, l *ledger, pauses []time.Duration, work func(context.Context) (found T, again bool, err error)) (T, error) {
	if l.database.timeout > 0 {
		bounded, cancel := context.WithTimeout(ctx, l.database.timeout)
		defer cancel()
		ctx = bounded
	}
	for _, pause := range pauses {
		found, again, err := work(ctx)
		if err == nil || !again || !l.database.away(err) || sleep(ctx, pause) != nil {
			return found, l.database.explain(err)
		}
	}
	found, _, err := work(ctx)
	return found, l.database.explain(err)
}
