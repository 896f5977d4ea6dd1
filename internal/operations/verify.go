package operations

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
)

// maxProblems caps how many problems a verification lists.
const maxProblems = 20

// Verification is what walking the history found.
type Verification struct {
	Operations int // operations compared with their history
	Rows       int // history rows walked
	// Head is the hash of the last row. Kept elsewhere, it proves later that the
	// history up to it was not rewritten.
	Head string
	// Problems says what is wrong, the first few; empty for a sound ledger.
	Problems []string
}

func (v *Verification) problem(format string, args ...any) {
	if len(v.Problems) < maxProblems {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify walks the whole history of the ledger, of every environment in it, and
// compares it with the operations. Its error is a *Refusal: the ledger could not
// be read. What is wrong with what was read is in the Verification.
func (s *Service) Verify(ctx context.Context) (*Verification, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	v, err := store.Verify(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	return v, nil
}

func (l *ledger) Verify(ctx context.Context) (*Verification, error) {
	// One transaction, so that what others write meanwhile is not seen half.
	tx, err := l.read.BeginTx(ctx, l.database.snapshot)
	if err != nil {
		return nil, l.database.explain(err)
	}
	defer tx.Rollback()
	v := &Verification{}
	if err := v.walk(ctx, tx); err != nil {
		return nil, l.database.explain(err)
	}
	if err := v.compare(ctx, tx); err != nil {
		return nil, l.database.explain(err)
	}
	return v, nil
}

// walk checks the chain: every number is there, every hash follows from the row
// and the one before it, and the last is the head's.
func (v *Verification) walk(ctx context.Context, tx *transaction) error {
	rows, err := tx.QueryContext(ctx, `SELECT seq, operation_id, at, content, previous, hash FROM history ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var last int64
	for rows.Next() {
		var (
			seq, at                  int64
			operation                string
			content, previous, given sql.RawBytes
		)
		if err := rows.Scan(&seq, &operation, &at, &content, &previous, &given); err != nil {
			return err
		}
		v.Rows++
		if seq != last+1 {
			v.problem("history row %d is missing before row %d", last+1, seq)
		} else if string(previous) != v.Head {
			v.problem("history row %d does not follow from row %d", seq, last)
		}
		if rowHash(string(previous), seq, operation, at, content) != string(given) {
			v.problem("history row %d, of operation %s, was changed", seq, operation)
		}
		last, v.Head = seq, string(given)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var headSeq int64
	var headHash string
	if err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM history_head WHERE one = 1`).Scan(&headSeq, &headHash); err != nil {
		return fmt.Errorf("read the head of the history: %w", err)
	}
	if headSeq != last || headHash != v.Head {
		v.problem("the history ends at row %d, its head record says row %d", last, headSeq)
	}
	return nil
}

// compare puts each operation's rows over one another and compares the result
// with the operation.
func (v *Verification) compare(ctx context.Context, tx *transaction) error {
	rows, err := tx.QueryContext(ctx, `SELECT o.id, o.document, o.kind, o.family, o.state, o.base_url, o.fingerprint, o.licence, o.server_ip,
			o.expires_at, o.claimed_at, o.deadline, o.settled_at, h.content
		FROM operations AS o LEFT JOIN history AS h ON h.operation_id = o.id ORDER BY o.id, h.seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var at operationRow
	built := map[string]json.RawMessage{}
	finish := func() {
		if at.id != "" {
			v.Operations++
			at.check(v, built)
		}
		clear(built)
	}
	for rows.Next() {
		var (
			next    operationRow
			content sql.NullString
		)
		if err := rows.Scan(append(next.fields(), &content)...); err != nil {
			return err
		}
		if next.id != at.id {
			finish()
			at = next
		}
		if !content.Valid {
			continue
		}
		var e entry
		if err := json.Unmarshal([]byte(content.String), &e); err != nil {
			v.problem("a history row of operation %s cannot be read: %v", at.id, err)
			continue
		}
		for name, value := range e.Changes {
			if string(value) == "null" {
				delete(built, name)
			} else {
				built[name] = value
			}
		}
	}
	finish()
	return rows.Err()
}

// sameJSON says whether two values mean the same. One character may be written
// in two ways: U+FFFD is escaped where it stands for broken UTF-8.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var va, vb any
	return json.Unmarshal(a, &va) == nil && json.Unmarshal(b, &vb) == nil && reflect.DeepEqual(va, vb)
}

// operationRow is an operation as its row holds it.
type operationRow struct {
	id, document                                            string
	kind, family, state, base, fingerprint, licence, server string
	expires, claimed, deadline, settled                     int64
}

func (r *operationRow) fields() []any {
	return []any{
		&r.id, &r.document, &r.kind, &r.family, &r.state, &r.base, &r.fingerprint, &r.licence, &r.server,
		&r.expires, &r.claimed, &r.deadline, &r.settled,
	}
}

// check compares the row's document with what the history built, and its
// columns with the document.
func (r *operationRow) check(v *Verification, built map[string]json.RawMessage) {
	var (
		held map[string]json.RawMessage
		o    Operation
	)
	if json.Unmarshal([]byte(r.document), &held) != nil || json.Unmarshal([]byte(r.document), &o) != nil {
		v.problem("operation %s cannot be read", r.id)
		return
	}
	same := len(held) == len(built)
	for name, value := range held {
		same = same && sameJSON(value, built[name])
	}
	if !same {
		v.problem("operation %s is not what its history says", r.id)
		return
	}
	serverIP := ""
	if o.Kind == Order {
		serverIP = formValue(o.Request, "serverIP")
	}
	columns := operationRow{
		id: o.ID, document: r.document,
		kind: string(o.Kind), family: string(o.Family), state: string(o.State), base: o.BaseURL,
		fingerprint: o.Fingerprint, licence: canonicalKey(o.KeyNumber), server: serverIP,
		expires: micros(o.ExpiresAt), claimed: micros(o.ClaimedAt), deadline: micros(o.Deadline), settled: micros(o.SettledAt),
	}
	if *r != columns {
		v.problem("the columns of operation %s are not what its document says", r.id)
	}
}
