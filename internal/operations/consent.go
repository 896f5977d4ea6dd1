package operations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Way is how an operation is to be confirmed. It is chosen when the operation is
// proposed and never changes: the ledger claims an operation in its own way
// alone, so a phrase confirms nothing that a person has to confirm.
type Way string

const (
	// ByPhrase: whoever repeats the preview's phrase confirms it.
	ByPhrase Way = "phrase"
	// ByElicitation: a person confirms it through the client that asked for it.
	ByElicitation Way = "elicitation"
	// ByApproval: a person approves it outside the model's reach; the approval is
	// recorded in the ledger, and any process on the ledger may then perform it.
	ByApproval Way = "approval"
)

// Choose says how an operation is to be confirmed. The operation is complete but
// for its id; person says that a person must confirm it, by a rule. It is asked at
// the proposal, and again when a phrase is given: what was allowed may not be any
// more.
type Choose func(ctx context.Context, o *Operation, person bool) Way

// way is the choice; the phrase where nobody chooses.
func (c Choose) way(ctx context.Context, o *Operation, bound policy.Bound) Way {
	if c == nil {
		return ByPhrase
	}
	return c(ctx, o, bound.Effect == policy.Person)
}

// Approval is a person's yes to an operation that waits for it.
type Approval struct {
	ID string
	At time.Time
	By Actor
}

var (
	errNotApproved   = errors.New("the operation is not confirmed in the way it has to be")
	errNotApprovable = errors.New("the operation does not wait for an approval")
	errLinkUsed      = errors.New("the link was used before")
)

// orPhrase is the way, and the phrase where none is named: the ledgers of
// earlier versions name none.
func (w Way) orPhrase() Way {
	if w == "" {
		return ByPhrase
	}
	return w
}

// Typed is what a person types to confirm the operation: the key number of the
// licence that ends, or the name of the product that is ordered.
func (o *Operation) Typed() string {
	if o.Kind == Order {
		return formValue(o.Request, "product")
	}
	return o.KeyNumber
}

// isTyped compares what a person typed. Spaces around it are forgiven, nothing
// else: the point is that the person looks.
func (o *Operation) isTyped(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && text == strings.TrimSpace(o.Typed())
}

// Waiting says whether the operation waits for a person's approval.
func (o *Operation) Waiting(now time.Time) bool {
	return o.State == Proposed && o.Way == ByApproval && o.ApprovedAt.IsZero() && now.Before(o.ExpiresAt)
}

// confirmer is who confirms the operation in the call under the context.
func (o *Operation) confirmer(ctx context.Context) Actor {
	if o.Way == ByApproval {
		return o.ApprovedBy
	}
	return proposer(ctx)
}

// proposer is who makes the call, with the name of the authenticated caller.
func proposer(ctx context.Context) Actor {
	a := ActorFrom(ctx)
	if caller := callers.From(ctx); caller != nil {
		a.Principal = caller.Name
	}
	return a
}

// mine says whether the caller of the call proposed the operation.
func mine(ctx context.Context, o *Operation) bool {
	return o.Actor.Principal == proposer(ctx).Principal
}

// NoPhrase is the refusal of a phrase where a person confirms.
func NoPhrase(kind Kind) *Refusal {
	return refuse(kind, CodeConfirmNotAccepted, RetryAfterChange, "a person is asked here, so no confirm phrase is given out or accepted",
		`call again with confirm ""`)
}

// ConfirmByPerson performs an operation whose Way is ByElicitation: the person
// was asked through the client and typed text. A wrong text declines it. An
// operation that is not proposed any more is refused: an answer counts once.
//
// The error is a *Refusal, and otherwise as that of ConfirmOrder and
// ConfirmTermination.
func (s *Service) ConfirmByPerson(ctx context.Context, kind Kind, id, text string) (*Result, error) {
	store, o, refusal := s.ofPerson(ctx, kind, id, ByElicitation)
	if refusal != nil {
		return nil, refusal
	}
	if !mine(ctx, o) {
		return nil, notFound(id)
	}
	if o.State != Proposed {
		return nil, answerUsed(o)
	}
	if !o.isTyped(text) {
		return nil, s.Unanswered(ctx, kind, id, "what the person typed is not the "+o.TypedName())
	}
	return s.confirmed(ctx, store, o)
}

// Unanswered declines an operation whose person did not confirm it when asked
// through the client, and returns the refusal that says so. reason says what
// came instead.
func (s *Service) Unanswered(ctx context.Context, kind Kind, id, reason string) error {
	ctx = context.WithoutCancel(ctx) // a call that was cancelled declines too
	_, o, refusal := s.ofPerson(ctx, kind, id, ByElicitation)
	if refusal != nil {
		return refusal
	}
	if !mine(ctx, o) {
		return notFound(id)
	}
	if o.State != Proposed {
		return answerUsed(o)
	}
	stepped, err := s.decline(ctx, id, "declined or unavailable: "+reason)
	var already *Refusal
	switch {
	case err == nil:
		return declined(stepped)
	case errors.As(err, &already) && already.Operation != nil:
		return answerUsed(already.Operation)
	}
	return err
}

// Approve records that the person who makes the call approved an operation that
// waits for it, having typed text. It sends nothing: ConfirmApproved does. The
// error is a *Refusal; with code confirm_mismatch the text was wrong, with code
// person_required the same caller proposed it, and the operation still waits.
func (s *Service) Approve(ctx context.Context, id, text string) (*Operation, error) {
	store, o, refusal := s.ofPerson(ctx, "", id, ByApproval)
	if refusal != nil {
		return nil, refusal
	}
	// Over HTTP both are callers with a token. One who proposes and approves is
	// nobody else's second look.
	if by := ActorFrom(ctx); by.Principal != "" && by.Principal == o.Actor.Principal {
		return nil, refuse(o.Kind, CodePersonRequired, RetryNever, "whoever proposed it cannot approve it",
			"have it approved with another approver's token").about(o)
	}
	if o.State == Proposed && !o.isTyped(text) {
		return nil, refuse(o.Kind, CodeConfirmMismatch, RetryAfterChange, "what was typed is not the "+o.TypedName(),
			"type it exactly as it is shown").about(o)
	}
	approved, err := store.Approve(ctx, Approval{ID: id, At: s.now(), By: ActorFrom(ctx)})
	if errors.Is(err, errProposalExpired) {
		return nil, s.expire(ctx, store, o)
	}
	if approved, err = s.decided(id, approved, err, "nothing is left to approve"); err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "operation approved", "operation", id, "kind", o.Kind, "family", o.Family)
	return approved, nil
}

// UseLink spends the n-th one-time link, from 1, of an operation that waits for
// approval. The error is a *Refusal where the link leads nowhere any more.
func (s *Service) UseLink(ctx context.Context, id string, n int) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return unreadable(err)
	}
	err = store.UseLink(ctx, id, n, s.now())
	if errors.Is(err, errLinkUsed) || errors.Is(err, errProposalExpired) || errors.Is(err, errNotApprovable) {
		return &Refusal{Code: CodeNotOpen, Message: err.Error(), Outcome: websoftsolus.NotDone, Retry: RetryNever, Err: err}
	}
	_, err = s.decided(id, nil, err, "its link leads nowhere any more")
	return err
}

// ConfirmApproved performs an operation that a person approved, or returns its
// recorded outcome. One that still waits is refused with code
// approval_required. Otherwise the error is as that of ConfirmOrder and
// ConfirmTermination.
func (s *Service) ConfirmApproved(ctx context.Context, id string) (*Result, error) {
	store, o, refusal := s.ofPerson(ctx, "", id, ByApproval)
	if refusal != nil {
		return nil, refusal
	}
	if o.State == Proposed && o.ApprovedAt.IsZero() {
		if !s.now().Before(o.ExpiresAt) {
			return nil, s.expire(ctx, store, o)
		}
		return nil, notApproved(o)
	}
	return s.confirmed(ctx, store, o)
}

// MayConfirm says whether the caller of the call may have an approved operation
// performed: the one who proposed it, as long as they may do such a thing.
func (s *Service) MayConfirm(ctx context.Context, o *Operation) bool {
	scope := callers.Order
	if o.Kind == Terminate {
		scope = callers.Terminate
	}
	if caller := callers.From(ctx); !caller.May(scope) || !caller.MayUse(o.Family) {
		return false
	}
	return !s.readOnly && o.State == Proposed && o.Way == ByApproval && !o.ApprovedAt.IsZero() && mine(ctx, o)
}

// Waiting returns the operations that wait for a person's approval, newest
// first. The error is a *Refusal.
func (s *Service) Waiting(ctx context.Context) ([]Operation, error) {
	var waiting []Operation
	for filter := (Filter{State: Proposed, Limit: maxPage}); ; {
		page, err := s.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Operations {
			if o.Waiting(s.now()) {
				waiting = append(waiting, o)
			}
		}
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			return waiting, nil
		}
	}
}

// Decline records that a person said no to a proposal: nothing confirms it any
// more. The error is a *Refusal; with code not_open the operation was not
// proposed any more.
func (s *Service) Decline(ctx context.Context, id string) (*Operation, error) {
	return s.decline(ctx, id, "a person declined it")
}

func (s *Service) decline(ctx context.Context, id, message string) (*Operation, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	o, err := store.Step(ctx, Step{
		ID: id, From: Proposed, To: Declined, At: s.now(), By: ActorFrom(ctx), Finding: Finding{Message: message},
	})
	return s.decided(id, o, err, "nothing is left to decline")
}

// ofPerson returns an operation that a person confirms in the given way.
func (s *Service) ofPerson(ctx context.Context, kind Kind, id string, way Way) (Store, *Operation, *Refusal) {
	store, refusal := s.writable(ctx, kind)
	if refusal != nil {
		return nil, nil, refusal
	}
	o, err := s.load(ctx, store, id)
	switch {
	case errors.Is(err, ErrNotFound),
		err == nil && (o.BaseURL != s.baseURL || o.Environment != s.environment || o.Way != way || kind != "" && o.Kind != kind):
		return nil, nil, notFound(id)
	case err != nil:
		return nil, nil, unreadable(err)
	}
	return store, o, nil
}

// TypedName names what the person types: see Typed.
func (o *Operation) TypedName() string {
	if o.Kind == Order {
		return "product name"
	}
	return "key number"
}

// declined is the refusal of an operation that a person declined.
func declined(o *Operation) *Refusal {
	next := "do not ask again unless the person wants it"
	if o.Way == ByElicitation {
		next += `; if the client declines by itself, without showing the question, the person can start the server with --confirm code or --confirm human`
	}
	if o.Way == ByApproval {
		next += "; the same call is taken as a new one from " + o.ExpiresAt.Format(time.RFC3339)
	}
	reason := o.Message
	if reason == "" {
		reason = "a person declined it"
	}
	return refuse(o.Kind, CodeDeclined, RetryAfterChange, reason, next).about(o)
}

func notApproved(o *Operation) *Refusal {
	return refuse(o.Kind, CodeApprovalRequired, RetrySafe, "a person has to approve it first",
		fmt.Sprintf("ask the person to approve operation %s; then call again, or get_operation", o.ID)).about(o)
}

// answerUsed is the refusal of an answer to a question that was answered
// before, or whose time is over. It sends nothing, whatever the operation did.
func answerUsed(o *Operation) *Refusal {
	if o.State == Declined {
		return declined(o)
	}
	if o.State == Expired {
		return confirmExpired(o)
	}
	r := refuse(o.Kind, CodeConfirmUnknown, RetryNever, fmt.Sprintf("this answer was used before, for operation %s", o.ID),
		fmt.Sprintf("call get_operation with %s for what became of it", o.ID)).about(o)
	r.Message = fmt.Sprintf("nothing was sent: this answer was used before, for operation %s, which is %s", o.ID, stateWords[o.State])
	if o.State.Open() {
		r.Outcome = websoftsolus.Unknown
	}
	return r
}
