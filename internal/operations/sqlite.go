package operations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// memoryPath is the ledger that ends with the process.
const memoryPath = ":memory:"

// sqliteMagic begins every SQLite file.
const sqliteMagic = "SQLite format 3\x00"

// pragmas hold for every connection. synchronous=FULL puts a claim on disk
// before its commit returns, which WAL alone would not. busy_timeout is how
// long, in milliseconds, one process waits for another's transaction.
var pragmas = []string{"busy_timeout(10000)", "foreign_keys(1)", "synchronous(FULL)"}

// OpenSQLite opens the ledger in a file, made with mode 0600 in a folder made
// with mode 0700 where they are missing; ":memory:" is a ledger that ends with
// the process. Several processes may have one file open.
//
// A file that cannot be written is opened for reading: its operations can be
// shown and nothing can be proposed or claimed. What is not a ledger, is
// damaged, or was written by a later version is an error, and the file is left
// as it is.
func OpenSQLite(path string) (Store, error) {
	l, err := openSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	return l, nil
}

func openSQLite(path string) (*ledger, error) {
	ctx := context.Background()
	if path == memoryPath {
		// One connection: each one to :memory: would be a ledger of its own.
		db, err := connect(path, 1, pragmas...)
		if err != nil {
			return nil, err
		}
		if err := migrateSQLite(ctx, db); err != nil {
			db.Close()
			return nil, explainSQLite(err)
		}
		return newSQLite(db, db, nil), nil
	}

	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := prepare(path); err != nil {
		if !errors.Is(err, fs.ErrPermission) && !isReadOnlyFileSystem(err) {
			return nil, err
		}
		return openSQLiteReadOnly(ctx, path, err)
	}
	file := fileURI(path, "rw")
	write, err := connect(file, 1, pragmas...)
	if err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, write); err != nil {
		write.Close()
		switch code(err) & 0xff {
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
			return openSQLiteReadOnly(ctx, path, explainSQLite(err))
		}
		return nil, explainSQLite(err)
	}
	read, err := connect(file, 4, append(pragmas, "query_only(1)")...)
	if err != nil {
		write.Close()
		return nil, err
	}
	return newSQLite(write, read, nil), nil
}

// openSQLiteReadOnly opens an existing ledger that cannot be written, because of
// the given error.
func openSQLiteReadOnly(ctx context.Context, path string, why error) (*ledger, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, why // there is nothing to read either
	}
	modes := []string{"ro"}
	// Where the folder cannot be written, SQLite cannot make the index of a
	// write-ahead log. It may then read the file alone, if the log holds nothing.
	if info, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		modes = append(modes, "ro&immutable=1")
	}
	var failed error
	for _, mode := range modes {
		db, err := connect(fileURI(path, mode), 4, "busy_timeout(10000)", "query_only(1)")
		if err != nil {
			return nil, err
		}
		if failed = sqliteSchema.upToDate(ctx, db); failed == nil {
			return newSQLite(db, db, fmt.Errorf("the ledger is open for reading only: %w", why)), nil
		}
		db.Close()
	}
	return nil, explainSQLite(failed)
}

func newSQLite(write, read *sql.DB, readOnly error) *ledger {
	own := &database{
		snapshot: &sql.TxOptions{ReadOnly: true},
		unique: func(err error) bool {
			c := code(err)
			return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
		},
		explain: explainSQLite,
	}
	l := &ledger{write: &pool{write, own}, readOnly: readOnly, database: own, crash: survive}
	l.read = l.write
	if read != write {
		l.read = &pool{read, own}
	}
	return l
}

// fileURI is a file name as SQLite's own URI, in which no character of the path
// can be taken for an option.
func fileURI(path, mode string) string {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	if !strings.HasPrefix(escaped, "/") {
		escaped = "/" + escaped // a Windows drive letter
	}
	return "file:" + escaped + "?mode=" + mode
}

// connect makes a pool of connections; none is opened yet. Transactions take
// the write lock when they begin.
func connect(name string, connections int, pragmas ...string) (*sql.DB, error) {
	separator := "?"
	if strings.Contains(name, "?") {
		separator = "&"
	}
	options := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	db, err := sql.Open("sqlite", name+separator+options.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(0)
	return db, nil
}

// prepare makes the ledger's folder and an empty file where they are missing,
// and refuses a file that SQLite would not know. The file is made here, and not
// by SQLite, for its mode.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	head := make([]byte, len(sqliteMagic))
	n, err := io.ReadFull(file, head)
	if n == 0 && errors.Is(err, io.EOF) {
		return nil // new
	}
	if string(head[:n]) != sqliteMagic {
		return errNotALedger
	}
	return nil
}

// code returns SQLite's result code of an error, 0 where it has none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// explainSQLite puts the failures that people can mend into words. What is not
// SQLite's passes as it is.
func explainSQLite(err error) error {
	c := code(err)
	words := ""
	switch c & 0xff {
	case 0:
		return err
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		words = "the ledger is locked by another process"
	case sqlite3.SQLITE_FULL:
		words = "the disk that holds the ledger is full"
	case sqlite3.SQLITE_READONLY:
		words = "the ledger cannot be written"
	case sqlite3.SQLITE_CANTOPEN:
		words = "the ledger's file cannot be opened"
	case sqlite3.SQLITE_NOTADB:
		words = errNotALedger.Error()
	case sqlite3.SQLITE_CORRUPT:
		words = "the ledger's file is damaged"
	case sqlite3.SQLITE_IOERR:
		words = "the ledger's disk failed"
	default:
		words = "the ledger failed"
	}
	return fmt.Errorf("%s: %w", words, err)
}
