package operations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Store is the ledger: every operation, its history, and what is needed to find
// out an outcome. Any number of processes may use one ledger at once, so each
// method is one transaction and every step compares the state it starts from.
// A write is on disk when its method returns.
//
// Besides the errors each method names, a method returns the failure of the
// ledger itself; nothing was written then, except that a broken commit may
// leave a step done or not done, never half done.
type Store interface {
	// Propose records a new operation with its guards checked: as proposed under
	// a phrase, as proposed without one where it is confirmed in another way, or
	// as sending for an edit, which is thereby claimed. The error is a *Blocked
	// when a guard stands in the way, errPhraseTaken when another operation has
	// the phrase, a *askedAlready when the same caller has asked for approval of the same
	// thing already.
	Propose(ctx context.Context, p Proposal) error
	// Claim steps a proposed operation to sending, with its guards checked again
	// and its baseline kept. Exactly one claim of an operation ever succeeds. The
	// error is a *StateConflict when the operation is not proposed any more,
	// errProposalExpired when its time is over, errNotApproved when it is confirmed
	// in another way or the person has not approved it, a *Blocked, or ErrNotFound.
	Claim(ctx context.Context, c Claim) (*Operation, error)
	// Step records any later step, or what more became known without one. The
	// error is a *StateConflict when the operation is not in the state the step
	// starts from, an *ImpossibleStep, errKeyTaken when the key number that it
	// gives an order is already another order's, or ErrNotFound.
	Step(ctx context.Context, s Step) (*Operation, error)
	// Approve records that a person approved a proposed operation, which stays
	// proposed until it is claimed. The error is a *StateConflict when it is not
	// proposed any more, errProposalExpired, errNotApprovable when it is confirmed
	// in another way, or ErrNotFound. Approving again changes nothing.
	Approve(ctx context.Context, a Approval) (*Operation, error)
	// Asked returns the operation that a proposal to be approved repeats (see
	// Propose), nil for none. The proposal need have no id yet.
	Asked(ctx context.Context, o *Operation) (*Operation, error)
	// UseLink spends the n-th one-time link of a proposed operation, from 1. The
	// error is errLinkUsed when that link is not the next, and otherwise as that
	// of Approve.
	UseLink(ctx context.Context, id string, n int, at time.Time) error
	// Expire ends every proposed operation whose time is over (see overdue) and
	// returns how many there were.
	Expire(ctx context.Context, now time.Time) (int, error)

	// Get returns an operation, or ErrNotFound.
	Get(ctx context.Context, id string) (*Operation, error)
	// ByPhrase returns the operation whose phrase has the digest, or ErrNotFound.
	ByPhrase(ctx context.Context, digest string) (*Operation, error)
	// List returns a page of the operations made through a base URL, newest
	// first. The error is errWrongCursor for a cursor it did not give out for the
	// same filter.
	List(ctx context.Context, baseURL string, f Filter) (*Page, error)
	// Open returns the operations made through a base URL whose outcome is not
	// known, oldest first.
	Open(ctx context.Context, baseURL string) ([]Operation, error)
	// LastWrite returns the newest claimed edit or termination of a licence; nil
	// where there is none.
	LastWrite(ctx context.Context, baseURL string, family websoftsolus.Family, keyNumber string) (*Operation, error)
	// ServerOrders returns the orders for a server's address that were or may
	// have been placed and whose licence no operation has ended since, newest
	// first.
	ServerOrders(ctx context.Context, baseURL, serverIP string) ([]Operation, error)
	// Baseline returns the key numbers that the family had before an order was
	// sent, or ErrNotFound where the order was never claimed.
	Baseline(ctx context.Context, id string) ([]string, error)
	// TakenKeys returns the key numbers, in canonical spelling, that other orders
	// of an order's family have been given. A key whose licence was terminated
	// before the order was claimed is free again: some keys are the address of a
	// server, which may be licensed anew.
	TakenKeys(ctx context.Context, o *Operation) (map[string]bool, error)
	// EndedSince returns the terminations in an order's family that were or may
	// have been made since the order was claimed: a licence that the order made
	// may be gone again.
	EndedSince(ctx context.Context, o *Operation) ([]Operation, error)
	// Rivals returns the other orders of an order's family that may have made a
	// key which is not theirs yet: on their way, of unknown outcome, or succeeded
	// without a key number and claimed since the given time.
	Rivals(ctx context.Context, o *Operation, since time.Time) ([]Operation, error)

	// CountByState counts the operations made through a base URL; a state that none
	// is in is left out.
	CountByState(ctx context.Context, baseURL string) (map[State]int, error)
	// Reserve gives one caller at a time, of all processes on the ledger, the right
	// to look at an operation, until it calls release or its process ends. The error
	// is errReserved when another has it. Where looking twice costs nothing but a
	// request of one's own machine, a store may give it to everybody: findings are
	// safe by their steps, and this only saves requests.
	Reserve(ctx context.Context, id string) (release func(), err error)

	// SharedKey returns 32 random bytes that are the same for every process on the
	// ledger, under a name; whoever asks first makes them.
	SharedKey(ctx context.Context, name string) ([]byte, error)
	// EndSession records that a session is dead until the given time, for every
	// process on the ledger. Of the id only SessionDigest is kept. A later time
	// replaces an earlier one.
	EndSession(ctx context.Context, id string, until time.Time) error
	// EndedSessions returns the sessions that are dead now and until when, by
	// SessionDigest, and forgets those whose time is over.
	EndedSessions(ctx context.Context, now time.Time) (map[string]time.Time, error)

	// Ping returns nil if the ledger can be read.
	Ping(ctx context.Context) error

	// SaveSnapshot, LoadSnapshot and ListSnapshots are inventory.Snapshots for a
	// base URL. most bounds the bytes that the kept licences take.
	SaveSnapshot(ctx context.Context, baseURL string, s *inventory.Snapshot, most int64) error
	LoadSnapshot(ctx context.Context, baseURL, since string, families []websoftsolus.Family) (*inventory.Snapshot, error)
	ListSnapshots(ctx context.Context, baseURL string) ([]inventory.Snapshot, error)

	// Verify walks the whole history and compares it with the operations.
	Verify(ctx context.Context) (*Verification, error)
	// Close frees what the store holds. No other method may be called after it.
	Close() error
}

// Proposal is a new operation.
type Proposal struct {
	Operation Operation // State is Proposed, or Sending for an edit
	Phrase    string    // digest of its phrase; empty where there is none
	Limits    Limits
	// After is the id of the newest write of the licence known before the licence
	// was read, empty for none. An edit is blocked when there is a newer one: it
	// would put back what that one changed.
	After string
}

// Claim is the right to send one request, once.
type Claim struct {
	ID        string
	At        time.Time
	Deadline  time.Time // after it nobody is sending any more
	By        Actor
	Confirmed Way      // must be the operation's; empty is ByPhrase
	Baseline  []string // order: the family's key numbers just before
	Limits    Limits
}

// Step moves an operation on. Of a Finding, what is not zero replaces what the
// operation held; Message always does.
type Step struct {
	ID       string
	From, To State // equal to record what more became known
	At       time.Time
	By       Actor // who resolved it; zero where no person did
	Finding
}

// Finding is what became known of an operation.
type Finding struct {
	Certainty    Certainty
	KeyNumber    string
	KeyCertainty Certainty
	Candidates   []string
	Status       int
	Digest       string
	OrderID      string
	Pending      bool
	Message      string
}

// Limits are the daily caps: how many operations may have been claimed in the
// last 24 hours. None are allowed where a limit is 0.
type Limits struct {
	Orders, Terminations int
	// Rule holds the caps of the policy's rule, counted over its own operations.
	Rule RuleCaps
	// Caller holds the caps of the caller's token, counted over its own operations.
	Caller CallerCaps
}

// CallerCaps are the caps of one caller; nil means none of its own.
type CallerCaps struct {
	Name                 string
	Orders, Terminations *int
}

// Filter chooses operations; a zero field chooses all.
type Filter struct {
	State  State
	Kind   Kind
	Family websoftsolus.Family
	By     string // name of the caller who proposed it
	Limit  int    // 1 to 200; 0 means 20
	Cursor string // NextCursor of the page before

	families []websoftsolus.Family // those that the caller may act on; none means all
}

// Page is one page of operations.
type Page struct {
	Operations []Operation
	NextCursor string // empty on the last page
}

// ErrNotFound: the ledger has no such operation.
var ErrNotFound = errors.New("no such operation in the ledger")

var (
	errPhraseTaken     = errors.New("another operation has that phrase")
	errProposalExpired = errors.New("the proposal's time is over")
	errKeyTaken        = errors.New("the key number is already another order's")
	errWrongCursor     = errors.New("the cursor is not one of this list")
)

// StateConflict says that an operation is not in the state a step starts from:
// somebody else was first.
type StateConflict struct {
	Want    State
	Current *Operation
}

func (e *StateConflict) Error() string {
	return fmt.Sprintf("operation %s is %s, not %s", e.Current.ID, e.Current.State, e.Want)
}
