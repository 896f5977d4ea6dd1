package operations

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ledger is a Store in an SQL database. What a database does in its own way is
// its database.
type ledger struct {
	// write runs transactions that hold the ledger's one write lock from their
	// start, so that what a transaction read is still so when it writes.
	write *pool
	read  *pool
	// readOnly is why the ledger cannot be written; nil where it can.
	readOnly error
	database *database
	crash    func(crashPoint)
}

// columns are what every query for operations selects, in scan's order.
const columns = `seq, document`

// row is *sql.Row or *sql.Rows.
type row interface{ Scan(...any) error }

func scan(r row) (seq int64, o *Operation, err error) {
	var document string
	if err := r.Scan(&seq, &document); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil, ErrNotFound
		}
		return 0, nil, err
	}
	o = new(Operation)
	if err := json.Unmarshal([]byte(document), o); err != nil {
		return 0, nil, fmt.Errorf("read an operation from the ledger: %w", err)
	}
	return seq, o, nil
}

// querier is *pool or *transaction.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// one returns the first operation that a condition on the table selects, or
// ErrNotFound.
func one(ctx context.Context, q querier, where string, args ...any) (*Operation, error) {
	_, o, err := scan(q.QueryRowContext(ctx, `SELECT `+columns+` FROM operations WHERE `+where, args...))
	return o, err
}

// oneOrNone is one, with nil for no operation.
func oneOrNone(ctx context.Context, q querier, where string, args ...any) (*Operation, error) {
	o, err := one(ctx, q, where, args...)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return o, err
}

// many returns the operations that a condition selects, oldest first. It sorts
// them itself, since asking the database to do so makes it walk the whole table
// in that order to find a few.
func many(ctx context.Context, q querier, where string, args ...any) ([]Operation, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM operations WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Operation
	for rows.Next() {
		_, o, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, *o)
	}
	slices.SortFunc(found, func(a, b Operation) int { return strings.Compare(a.ID, b.ID) })
	return found, rows.Err()
}

// in writes a list of states for an IN condition. States are constants of this
// package, never input.
func in(states []State) string {
	quoted := make([]string, len(states))
	for i, s := range states {
		quoted[i] = "'" + string(s) + "'"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

var (
	openStates    = in([]State{Sending, Unknown})
	claimedStates = in(claimed)
)

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// projection is what the columns of an operation's row repeat of its document.
func projection(o *Operation) []any {
	serverIP := ""
	if o.Kind == Order {
		serverIP = formValue(o.Request, "serverIP")
	}
	return []any{
		o.Kind, o.Family, o.State, o.BaseURL, o.Fingerprint, canonicalKey(o.KeyNumber), serverIP,
		micros(o.ExpiresAt), micros(o.ClaimedAt), micros(o.Deadline), micros(o.SettledAt), o.Actor.Principal,
	}
}

// insert records an operation that is new.
func (l *ledger) insert(ctx context.Context, tx *transaction, o *Operation, phrase string) error {
	document, err := json.Marshal(o)
	if err != nil {
		return err
	}
	digest := sql.NullString{String: phrase, Valid: phrase != ""}
	_, err = tx.ExecContext(ctx, `INSERT INTO operations
		(kind, family, state, base_url, fingerprint, licence, server_ip, expires_at, claimed_at, deadline, settled_at, principal, id, phrase, document)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		append(projection(o), o.ID, digest, string(document))...)
	if err != nil {
		if phrase != "" && l.database.unique(err) {
			return errPhraseTaken
		}
		return err
	}
	return remember(ctx, tx, nil, o, o.ProposedAt, o.Actor)
}

// update records an operation as it stands after a step from the state it was
// in before.
func (l *ledger) update(ctx context.Context, tx *transaction, before, after *Operation, at time.Time, by Actor) error {
	if err := checkStep(before.State, after.State); err != nil {
		return err
	}
	return l.rewrite(ctx, tx, before, after, at, by)
}

// rewrite is update for a change that need not be a step.
func (l *ledger) rewrite(ctx context.Context, tx *transaction, before, after *Operation, at time.Time, by Actor) error {
	document, err := json.Marshal(after)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `UPDATE operations SET
		kind = ?, family = ?, state = ?, base_url = ?, fingerprint = ?, licence = ?, server_ip = ?, expires_at = ?, claimed_at = ?, deadline = ?, settled_at = ?, principal = ?, document = ?
		WHERE id = ? AND state = ?`,
		append(projection(after), string(document), after.ID, before.State)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil {
		return err
	} else if n != 1 {
		return &StateConflict{Want: before.State, Current: before}
	}
	return remember(ctx, tx, before, after, at, by)
}

func (l *ledger) Propose(ctx context.Context, p Proposal) error {
	o := p.Operation
	if err := checkStep("", o.State); err != nil {
		return err
	}
	return l.transact(ctx, func(tx *transaction) error {
		if o.Way == ByApproval {
			if err := checkAsked(ctx, tx, &o); err != nil {
				return err
			}
		}
		if err := check(ctx, tx, &o, p.Limits, o.ProposedAt); err != nil {
			return err
		}
		if o.Kind == Edit {
			last, err := oneOrNone(ctx, tx, lastWrite, o.BaseURL, o.Family, canonicalKey(o.KeyNumber))
			if err != nil {
				return err
			}
			if last != nil && last.ID != p.After {
				return &Blocked{guard: licenceBusy, Other: last}
			}
		}
		return l.insert(ctx, tx, &o, p.Phrase)
	})
}

func (l *ledger) Claim(ctx context.Context, c Claim) (*Operation, error) {
	var claimedNow *Operation
	err := l.transact(ctx, func(tx *transaction) error {
		before, err := one(ctx, tx, `id = ?`, c.ID)
		if err != nil {
			return err
		}
		if before.State != Proposed {
			return &StateConflict{Want: Proposed, Current: before}
		}
		if !c.At.Before(before.ExpiresAt) {
			return errProposalExpired
		}
		if c.Confirmed.orPhrase() != before.Way.orPhrase() || before.Way == ByApproval && before.ApprovedAt.IsZero() {
			return errNotApproved
		}
		if err := check(ctx, tx, before, c.Limits, c.At); err != nil {
			return err
		}
		after := *before
		after.State = Sending
		after.ClaimedAt, after.Deadline = c.At, c.Deadline
		after.ConfirmedBy, after.Confirmed = c.By, c.Confirmed
		after.Rule = c.Limits.Rule.Rule
		if before.Kind == Order {
			baseline, err := json.Marshal(c.Baseline)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO baselines (operation_id, key_numbers) VALUES (?, ?)`, c.ID, string(baseline)); err != nil {
				return err
			}
		}
		claimedNow = &after
		return l.update(ctx, tx, before, &after, c.At, c.By)
	})
	if err != nil {
		return nil, err
	}
	return claimedNow, nil
}

func (l *ledger) Step(ctx context.Context, s Step) (*Operation, error) {
	var stepped *Operation
	err := l.transact(ctx, func(tx *transaction) error {
		before, err := one(ctx, tx, `id = ?`, s.ID)
		if err != nil {
			return err
		}
		if before.State != s.From {
			return &StateConflict{Want: s.From, Current: before}
		}
		after := s.apply(before)
		if after.Kind == Order && after.KeyNumber != "" && after.KeyNumber != before.KeyNumber {
			if err := giveKey(ctx, tx, after); err != nil {
				return err
			}
		}
		stepped = after
		return l.update(ctx, tx, before, after, s.At, s.By)
	})
	if err != nil {
		return nil, err
	}
	return stepped, nil
}

// apply returns the operation as it stands after the step.
func (s Step) apply(before *Operation) *Operation {
	after := *before
	after.State = s.To
	after.Message = s.Message
	after.Pending = after.Pending || s.Pending
	keep(&after.Certainty, s.Certainty)
	keep(&after.KeyNumber, s.KeyNumber)
	keep(&after.KeyCertainty, s.KeyCertainty)
	keep(&after.Status, s.Status)
	keep(&after.Digest, s.Digest)
	keep(&after.OrderID, s.OrderID)
	keep(&after.ResolvedBy, s.By)
	after.Candidates = s.Candidates
	if s.To.Final() && before.State != s.To {
		after.SettledAt = s.At
	}
	return &after
}

// keep sets a field to what was found, unless nothing was.
func keep[T comparable](field *T, found T) {
	var nothing T
	if found != nothing {
		*field = found
	}
}

// taken selects the key numbers, in canonical spelling, that other orders of an
// order's family have been given, save those whose licence was terminated before
// the order was claimed.
const taken = `SELECT licence FROM operations AS given WHERE base_url = ? AND family = ? AND kind = 'order' AND licence <> '' AND id <> ?
	AND NOT EXISTS (SELECT 1 FROM operations AS t WHERE t.base_url = given.base_url AND t.family = given.family AND t.licence = given.licence
		AND t.kind = 'terminate' AND t.state = 'succeeded' AND t.claimed_at >= given.claimed_at AND t.claimed_at <= ?)`

// giveKey returns errKeyTaken if the key number that an order is to be given is
// another order's. The transaction holds the write lock, so no other can give it
// away meanwhile.
func giveKey(ctx context.Context, tx *transaction, o *Operation) error {
	var key string
	err := tx.QueryRowContext(ctx, taken+` AND licence = ?`, o.BaseURL, o.Family, o.ID, micros(o.ClaimedAt), canonicalKey(o.KeyNumber)).Scan(&key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return errKeyTaken
}

func (l *ledger) Expire(ctx context.Context, now time.Time) (int, error) {
	expired := 0
	err := l.transact(ctx, func(tx *transaction) error {
		expired = 0
		over, err := many(ctx, tx, `state = 'proposed' AND expires_at <= ?`, micros(now))
		if err != nil {
			return err
		}
		for i := range over {
			after := overdue(&over[i], now).apply(&over[i])
			if err := l.update(ctx, tx, &over[i], after, now, Actor{}); err != nil {
				return err
			}
			expired++
		}
		return nil
	})
	return expired, err
}

func (l *ledger) Close() error {
	var errs []error
	if l.database.close != nil {
		errs = append(errs, l.database.close())
	}
	if l.read != l.write {
		errs = append(errs, l.read.Close())
	}
	return errors.Join(append(errs, l.write.Close())...)
}
