package operations

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// The history keeps every step of every operation and is only ever appended to.
// A row holds when and by whom the step was made and the fields of the
// operation that it changed; the first row of an operation holds all of them,
// environment, base URL and form fields included. Putting an operation's rows
// over one another gives the operation as it stands.
//
// A row's hash covers its own content and the hash of the row before it, and
// the head record holds the last row's, so a row that was changed, removed or
// slipped in anywhere, the end included, breaks the chain. The chain shows
// damage and careless hands. It cannot show a forger who rewrites every later
// row and the head; for that, keep the head's hash (Verification.Head) somewhere
// else.

// entry is the content of a history row.
type entry struct {
	From    State                      `json:"from,omitempty"`
	To      State                      `json:"to"`
	By      Actor                      `json:"by,omitzero"`
	Changes map[string]json.RawMessage `json:"changes"` // JSON null for a field that is gone
}

// rowHash is the hash of a history row.
func rowHash(previous string, seq int64, operation string, at int64, content []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d\n%s\n%d\n", previous, seq, operation, at)
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// fieldsOf returns an operation's JSON by field.
func fieldsOf(o *Operation) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if o == nil {
		return fields, nil
	}
	document, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return fields, json.Unmarshal(document, &fields)
}

// remember appends the step between two states of an operation to the history.
func remember(ctx context.Context, tx *transaction, before, after *Operation, at time.Time, by Actor) error {
	old, err := fieldsOf(before)
	if err != nil {
		return err
	}
	changes, err := fieldsOf(after)
	if err != nil {
		return err
	}
	for name, value := range old {
		now, kept := changes[name]
		switch {
		case !kept:
			changes[name] = json.RawMessage("null")
		case bytes.Equal(value, now):
			delete(changes, name)
		}
	}
	e := entry{To: after.State, By: by, Changes: changes}
	if before != nil {
		e.From = before.State
	}
	content, err := json.Marshal(e) // maps marshal in the order of their keys
	if err != nil {
		return err
	}
	var (
		seq      int64
		previous string
	)
	if err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM history_head WHERE one = 1`).Scan(&seq, &previous); err != nil {
		return fmt.Errorf("read the head of the history: %w", err)
	}
	seq++
	hash := rowHash(previous, seq, after.ID, micros(at), content)
	if _, err := tx.ExecContext(ctx, `INSERT INTO history (seq, operation_id, at, content, previous, hash) VALUES (?, ?, ?, ?, ?, ?)`,
		seq, after.ID, micros(at), string(content), previous, hash); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE history_head SET seq = ?, hash = ? WHERE one = 1`, seq, hash)
	return err
}
