package operations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Edit changes a licence's title, comment or both, at once. The licence is read
// first: what it holds is kept in the operation, so that it can be put back, and
// a field that the request leaves out is sent as it stands. The request is sent
// even if it changes nothing, since a read may be out of date.
//
// Edits of one licence never overlap, here or in another process on the ledger:
// two that each keep the other's field would undo one another.
//
// The error is a *Refusal, or wraps the *websoftsolus.Error of the read. An edit
// that was claimed goes on when ctx ends; only the waiting stops.
func (s *Service) Edit(ctx context.Context, r EditRequest) (*Result, error) {
	store, refusal := s.writable(ctx, Edit)
	if refusal != nil {
		return nil, refusal
	}
	if r.Title == nil && r.Comment == nil {
		return nil, refuse(Edit, CodeInvalidInput, RetryAfterChange, "neither a title nor a comment was given", "give one of them")
	}
	key := r.KeyNumber
	// An edit starts over when another write to the licence is on its way, or
	// came between its read and its claim.
	for waited, pause := time.Duration(0), 20*time.Millisecond; ; pause = min(2*pause, time.Second) {
		// What is known of the licence's writes before it is read: a later one
		// would be undone by an edit that starts from this read.
		last, err := store.LastWrite(ctx, s.baseURL, r.Family, key)
		if err != nil {
			return nil, noLedger(Edit, err)
		}
		license, err := s.api.GetLicense(ctx, r.Family, r.KeyNumber)
		if err != nil {
			return nil, fmt.Errorf("read the licence before its edit: %w", err)
		}
		if last == nil && canonicalKey(license.KeyNumber) != canonicalKey(key) {
			// It answers to another key. Its writes are recorded under that one.
			key = license.KeyNumber
			if last, err = store.LastWrite(ctx, s.baseURL, r.Family, key); err != nil {
				return nil, noLedger(Edit, err)
			}
			if last != nil {
				continue
			}
		}
		o, refusal := s.edit(ctx, r, license)
		if refusal != nil {
			return nil, refusal
		}
		limits, bound, refusal := s.ruled(ctx, o)
		if refusal == nil {
			refusal = personFor(o, bound)
		}
		if refusal != nil {
			return nil, refusal
		}
		proposal := Proposal{Operation: *o, Limits: limits}
		if last != nil {
			proposal.After = last.ID
		}
		f, mine := s.join(o.ID)
		if !mine {
			return nil, noLedger(Edit, errClosed) // ids are new, so only Close can be in the way
		}
		s.crash(crashBeforeClaim)
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		err = ctx.Err()
		if err == nil {
			err = store.Propose(write, proposal)
		}
		cancel()
		if err == nil {
			f.claimed = true
			s.crash(crashAfterClaim)
			go s.fly(context.WithoutCancel(ctx), store, o, f)
			if !f.landed(ctx) {
				return nil, s.stoppedWaiting(ctx, store, o)
			}
			return f.result(false)
		}
		err = s.editRefused(ctx, o, err)
		s.land(o.ID, f, landing{err: err})
		var blocked *Blocked
		if !errors.As(err, &blocked) || waited >= s.pollFor {
			return nil, err
		}
		if s.mayHaveOutcome(blocked.Other) {
			s.look(ctx, store, blocked.Other)
		}
		if s.sleep(ctx, pause) != nil {
			return nil, err
		}
		waited += pause
	}
}

// edit merges the request with the licence as it stands.
func (s *Service) edit(ctx context.Context, r EditRequest, license *websoftsolus.License) (*Operation, *Refusal) {
	title, comment := license.Title, license.Comment
	switch {
	case r.Title == nil && !license.TitleShown:
		return nil, cannotKeep("title")
	case r.Comment == nil && !license.CommentShown:
		return nil, cannotKeep("comment")
	}
	if r.Title != nil {
		title = *r.Title
	}
	if r.Comment != nil {
		comment = *r.Comment
	}
	o := s.operation(ctx, Edit, r.Family, license.KeyNumber, []Field{{Name: "title", Value: title}, {Name: "comment", Value: comment}})
	if r.KeyNumber != license.KeyNumber {
		o.Asked = r.KeyNumber
	}
	o.State = Sending
	o.Previous = snapshot(license)
	o.ProposedAt = s.now()
	o.ClaimedAt, o.Deadline = o.ProposedAt, s.deadline(o.ProposedAt)
	o.ConfirmedBy = o.Actor
	var err error
	if o.ID, err = newID(o.ProposedAt, s.random); err != nil {
		return nil, refuse(Edit, CodeLedgerUnavailable, RetrySafe, err.Error(), "").because(err)
	}
	return o, nil
}

func cannotKeep(field string) *Refusal {
	return refuse(Edit, CodeCommentAndTitleNeeded, RetryAfterChange,
		fmt.Sprintf("the API does not show the licence's %s, so it cannot be kept", field),
		"give title and comment both; ask the person for the one that is not shown")
}

// editRefused puts into words why an edit was not claimed.
func (s *Service) editRefused(ctx context.Context, o *Operation, err error) error {
	var blocked *Blocked
	switch {
	case errors.As(err, &blocked):
		return blocked.refusal(ctx, o)
	case ctx.Err() != nil:
		return refuse(Edit, CodeRejected, RetrySafe, "the call was canceled before anything was sent", "").because(err)
	default:
		return noLedger(Edit, err)
	}
}
