package operations

import (
	"context"
	"errors"
	"time"
)

// check runs the guards of an operation inside the transaction that proposes or
// claims it.
func check(ctx context.Context, tx *transaction, o *Operation, limits Limits, now time.Time) error {
	switch o.Kind {
	case Order:
		if err := checkIdentical(ctx, tx, o, now); err != nil {
			return err
		}
		return checkCap(ctx, tx, o, limits.Orders, now)
	case Terminate:
		if err := checkBusy(ctx, tx, o, now); err != nil {
			return err
		}
		if err := checkEnded(ctx, tx, o, now); err != nil {
			return err
		}
		return checkCap(ctx, tx, o, limits.Terminations, now)
	default:
		return checkBusy(ctx, tx, o, now)
	}
}

// checkIdentical looks for identical orders: one without an outcome blocks, the
// newest that succeeded within the window must be the acknowledged one. The
// newest, so that one acknowledgement lets one more order through, not any
// number.
func checkIdentical(ctx context.Context, tx *transaction, o *Operation, now time.Time) error {
	open, err := oneOrNone(ctx, tx, `base_url = ? AND fingerprint = ? AND state IN `+openStates+` AND id <> ?`,
		o.BaseURL, o.Fingerprint, o.ID)
	if err != nil {
		return err
	}
	if open != nil {
		return &Blocked{guard: identicalOpen, Other: open}
	}
	const done = `base_url = ? AND fingerprint = ? AND state = 'succeeded'`
	if o.DuplicateOf != "" {
		_, err := one(ctx, tx, done+` AND id = ?`, o.BaseURL, o.Fingerprint, o.DuplicateOf)
		if errors.Is(err, ErrNotFound) {
			return &Blocked{guard: notIdentical}
		}
		if err != nil {
			return err
		}
	}
	newest, err := oneOrNone(ctx, tx, done+` AND settled_at > ? ORDER BY claimed_at DESC, seq DESC LIMIT 1`,
		o.BaseURL, o.Fingerprint, micros(now.Add(-guardWindow)))
	if err != nil {
		return err
	}
	if newest != nil && newest.ID != o.DuplicateOf {
		return &Blocked{guard: identicalDone, Other: newest}
	}
	return nil
}

// checkBusy looks for another write to the same licence that may still be on its
// way. A termination of unknown outcome blocks until it is known; an edit of
// unknown outcome only until its request cannot be on its way any more, because
// what follows it starts from a fresh read.
func checkBusy(ctx context.Context, tx *transaction, o *Operation, now time.Time) error {
	busy, err := oneOrNone(ctx, tx, `base_url = ? AND family = ? AND licence = ? AND id <> ? AND state IN `+openStates+`
		AND (kind = 'terminate' OR kind = 'edit' AND deadline >= ?)`,
		o.BaseURL, o.Family, canonicalKey(o.KeyNumber), o.ID, micros(now))
	if err != nil {
		return err
	}
	if busy != nil {
		return &Blocked{guard: licenceBusy, Other: busy}
	}
	return nil
}

// checkEnded looks for a termination of the licence that has lately succeeded,
// unless an order was given the key since. The API may go on showing what is
// gone for a while.
func checkEnded(ctx context.Context, tx *transaction, o *Operation, now time.Time) error {
	done, err := oneOrNone(ctx, tx, `base_url = ? AND family = ? AND licence = ? AND kind = 'terminate' AND state = 'succeeded' AND settled_at > ?
		AND NOT EXISTS (SELECT 1 FROM operations AS n WHERE n.base_url = operations.base_url AND n.family = operations.family
			AND n.licence = operations.licence AND n.kind = 'order' AND n.claimed_at > operations.claimed_at)`,
		o.BaseURL, o.Family, canonicalKey(o.KeyNumber), micros(now.Add(-endedWindow)))
	if err != nil {
		return err
	}
	if done != nil {
		return &Blocked{guard: alreadyEnded, Other: done}
	}
	return nil
}

// checkCap counts what was claimed within the window and took effect or may
// have.
func checkCap(ctx context.Context, tx *transaction, o *Operation, limit int, now time.Time) error {
	var count int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM operations WHERE base_url = ? AND kind = ? AND claimed_at > ? AND state IN `+claimedStates,
		o.BaseURL, o.Kind, micros(now.Add(-guardWindow))).Scan(&count)
	if err != nil {
		return err
	}
	if count >= limit {
		return &Blocked{guard: capReached, Limit: limit}
	}
	return nil
}
