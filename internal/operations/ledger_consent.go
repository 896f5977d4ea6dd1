package operations

import (
	"context"
	"time"
)

// askedAlready says that the same caller has asked a person to approve the same thing
// already: the operation that waits, or what became of it.
type askedAlready struct {
	operation *Operation
}

func (e *askedAlready) Error() string { return "approval was asked for already by " + e.operation.ID }

// checkAsked looks for an operation that a repeated call is about. Until its
// time is over, the same call of the same caller is the same operation: one
// that waits is not asked for twice, one that was declined is not asked for
// again at once, and one that was performed meanwhile is reported. After the
// API's no a person may want another try at once.
func checkAsked(ctx context.Context, tx *transaction, o *Operation) error {
	other, err := askedBefore(ctx, tx, o)
	if err != nil {
		return err
	}
	if other != nil {
		return &askedAlready{other}
	}
	return nil
}

func (l *ledger) Asked(ctx context.Context, o *Operation) (*Operation, error) {
	return reading(ctx, l, func(ctx context.Context) (*Operation, error) { return askedBefore(ctx, l.read, o) })
}

func askedBefore(ctx context.Context, q querier, o *Operation) (*Operation, error) {
	same, err := many(ctx, q, `base_url = ? AND fingerprint = ? AND expires_at > ?`, o.BaseURL, o.Fingerprint, micros(o.ProposedAt))
	if err != nil {
		return nil, err
	}
	for i := len(same) - 1; i >= 0; i-- { // the newest first
		other := &same[i]
		if other.Way != ByApproval || other.Actor.Principal != o.Actor.Principal || other.DuplicateOf != o.DuplicateOf {
			continue
		}
		switch other.State {
		case Proposed, Declined, Sending, Unknown, Succeeded:
			return other, nil
		}
	}
	return nil, nil
}

func (l *ledger) Approve(ctx context.Context, a Approval) (*Operation, error) {
	return l.amend(ctx, a.ID, a.At, a.By, func(o *Operation) error {
		if o.ApprovedAt.IsZero() {
			o.ApprovedAt, o.ApprovedBy = a.At, a.By
		}
		return nil
	})
}

func (l *ledger) UseLink(ctx context.Context, id string, n int, at time.Time) error {
	_, err := l.amend(ctx, id, at, Actor{}, func(o *Operation) error {
		if n != o.LinksUsed+1 {
			return errLinkUsed
		}
		o.LinksUsed = n
		return nil
	})
	return err
}

// amend changes what an operation that waits for approval holds. It stays
// proposed.
func (l *ledger) amend(ctx context.Context, id string, at time.Time, by Actor, change func(*Operation) error) (*Operation, error) {
	var amended *Operation
	err := l.transact(ctx, func(tx *transaction) error {
		before, err := one(ctx, tx, `id = ?`, id)
		switch {
		case err != nil:
			return err
		case before.State != Proposed:
			return &StateConflict{Want: Proposed, Current: before}
		case !at.Before(before.ExpiresAt):
			return errProposalExpired
		case before.Way != ByApproval:
			return errNotApprovable
		}
		after := *before
		if err := change(&after); err != nil {
			return err
		}
		amended = &after
		return l.rewrite(ctx, tx, before, &after, at, by)
	})
	if err != nil {
		return nil, err
	}
	return amended, nil
}
