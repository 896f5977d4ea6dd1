package operations

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

// What servers on one ledger share besides the operations. None of it is in the
// history: it is no record of anything done.

// sharedKeySize is the size of a shared key in bytes.
const sharedKeySize = 32

func (l *ledger) SharedKey(ctx context.Context, name string) ([]byte, error) {
	const find = `SELECT key FROM shared_keys WHERE name = ?`
	key, err := reading(ctx, l, func(ctx context.Context) (key []byte, err error) {
		err = l.read.QueryRowContext(ctx, find, name).Scan(&key)
		return key, err
	})
	if !errors.Is(err, sql.ErrNoRows) {
		return key, err
	}
	err = l.transact(ctx, func(tx *transaction) error {
		err := tx.QueryRowContext(ctx, find, name).Scan(&key)
		if !errors.Is(err, sql.ErrNoRows) {
			return err // somebody else was first
		}
		key = make([]byte, sharedKeySize)
		rand.Read(key) // never fails
		_, err = tx.ExecContext(ctx, `INSERT INTO shared_keys (name, key) VALUES (?, ?)`, name, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// SessionDigest is under what an ended session is kept: the hex SHA-256 of its
// id, so that the ledger holds no id that could be used.
func SessionDigest(id string) string {
	digest := sha256.Sum256([]byte(id))
	return hex.EncodeToString(digest[:])
}

func (l *ledger) EndSession(ctx context.Context, id string, until time.Time) error {
	return l.transact(ctx, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO ended_sessions (digest, dead_until) VALUES (?, ?)
			ON CONFLICT (digest) DO UPDATE SET dead_until = excluded.dead_until WHERE excluded.dead_until > ended_sessions.dead_until`,
			SessionDigest(id), micros(until))
		return err
	})
}

func (l *ledger) EndedSessions(ctx context.Context, now time.Time) (map[string]time.Time, error) {
	over := false
	ended, err := reading(ctx, l, func(ctx context.Context) (map[string]time.Time, error) {
		rows, err := l.read.QueryContext(ctx, `SELECT digest, dead_until FROM ended_sessions`)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		found := map[string]time.Time{}
		for rows.Next() {
			var (
				digest string
				until  int64
			)
			if err := rows.Scan(&digest, &until); err != nil {
				return nil, err
			}
			if until <= micros(now) {
				over = true
				continue
			}
			found[digest] = time.UnixMicro(until).UTC()
		}
		return found, rows.Err()
	})
	if err != nil || !over || l.readOnly != nil {
		return ended, err
	}
	// What cannot be forgotten now is, the next time.
	_ = l.transact(ctx, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM ended_sessions WHERE dead_until <= ?`, micros(now))
		return err
	})
	return ended, nil
}

func (l *ledger) Ping(ctx context.Context) error {
	// Who asks wants to know how it is now, and asks again soon.
	atMost := l.database.pauses[:min(1, len(l.database.pauses))]
	_, err := trying(ctx, l, atMost, func(ctx context.Context) (seq int64, again bool, err error) {
		err = l.read.QueryRowContext(ctx, `SELECT seq FROM history_head WHERE one = 1`).Scan(&seq)
		return seq, true, err
	})
	return err
}

func (l *ledger) CountByState(ctx context.Context, baseURL string) (map[State]int, error) {
	return reading(ctx, l, func(ctx context.Context) (map[State]int, error) {
		rows, err := l.read.QueryContext(ctx, `SELECT state, COUNT(*) FROM operations WHERE base_url = ? GROUP BY state`, baseURL)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		counts := map[State]int{}
		for rows.Next() {
			var (
				state State
				count int
			)
			if err := rows.Scan(&state, &count); err != nil {
				return nil, err
			}
			counts[state] = count
		}
		return counts, rows.Err()
	})
}
