package operations

import (
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// The codes of a [Refusal].
const (
	// CodeReadOnly: this server was started read-only.
	CodeReadOnly = "read_only"
	// CodeLedgerUnavailable: the ledger cannot be opened, read or written, so
	// nothing is sent.
	CodeLedgerUnavailable = "ledger_unavailable"
	// CodeShuttingDown: the server is closing and claims nothing more.
	CodeShuttingDown = "shutting_down"
	// CodeConfirmUnknown: no operation has that phrase: it is made up, changed,
	// or belongs to another ledger or environment.
	CodeConfirmUnknown = "confirm_unknown"
	// CodeConfirmExpired: the phrase was not used in time.
	CodeConfirmExpired = "confirm_expired"
	// CodeConfirmMismatch: the phrase is right and the arguments are not those
	// of its preview.
	CodeConfirmMismatch = "confirm_mismatch"
	// CodeDeclined: a person said no to this operation, or could not be asked.
	CodeDeclined = "declined"
	// CodeConfirmNotAccepted: a person confirms this operation, so no phrase does.
	CodeConfirmNotAccepted = "confirm_not_accepted"
	// CodeApprovalRequired: a person has to approve it outside the model's reach,
	// and has not yet.
	CodeApprovalRequired = "approval_required"
	// CodeLicenceChanged: the licence is no longer what the person saw.
	CodeLicenceChanged = "licence_changed"
	// CodeDuplicate: an identical order succeeded lately and was not
	// acknowledged, or the acknowledged operation is not such an order.
	CodeDuplicate = "duplicate"
	// CodeInProgress: an identical order, or another write to the same licence,
	// is on its way or has no known outcome yet.
	CodeInProgress = "in_progress"
	// CodeCapReached: the daily cap is used up.
	CodeCapReached = "cap_reached"
	// CodePolicyDenied: a rule of the policy, or the caller's token, denies it.
	CodePolicyDenied = "policy_denied"
	// CodePersonRequired: the policy wants a person to agree, and this client
	// cannot ask one.
	CodePersonRequired = "person_required"
	// CodeRejected: the API answered no, or the request certainly never left.
	CodeRejected = "rejected"
	// CodeOutcomeUnknown: the request may have taken effect and nobody knows yet.
	CodeOutcomeUnknown = "outcome_unknown"
	// CodeNotApplied: it was found out that the request took no effect.
	CodeNotApplied = "not_applied"
	// CodeOperationNotFound: this ledger has no such operation.
	CodeOperationNotFound = "operation_not_found"
	// CodeCommentAndTitleNeeded: the licence does not show the field that the
	// edit leaves out, so it cannot be kept.
	CodeCommentAndTitleNeeded = "comment_and_title_needed"
	// CodeNotListed: the family's keys could not be listed before the order.
	CodeNotListed = "not_listed"
	// CodeNotOpen: the operation's outcome is already known, or nothing was sent.
	CodeNotOpen = "not_open"
	// CodeInvalidInput: an argument that only this package can check.
	CodeInvalidInput = "invalid_input"
)

// How the same call may be made again.
const (
	RetrySafe        = "safe"         // as it is
	RetryAfterChange = "after_change" // once what the message names has changed
	RetryNever       = "never"        // it will not do better
)

// Refusal is a write that was not done or whose outcome is unknown, or an
// operation that cannot be shown. Message is one sentence for people and models
// and says what did not happen.
type Refusal struct {
	Code    string
	Message string
	// Outcome is NotDone unless a request left and nobody knows what it did.
	Outcome websoftsolus.Outcome
	Retry   string
	Next    string // what to do now; empty where there is nothing
	// Operation is the operation that the refusal is about, or the other one that
	// stands in the way; nil where there is none.
	Operation *Operation
	Err       error // cause; nil where there is none
}

func (r *Refusal) Error() string { return r.Message }

func (r *Refusal) Unwrap() error { return r.Err }

// Undone says what did not happen.
func Undone(kind Kind) string {
	switch kind {
	case Order:
		return "nothing was ordered"
	case Terminate:
		return "the licence was not terminated"
	default:
		return "the licence was not changed"
	}
}

// deed names what a kind of operation does, for messages.
func deed(kind Kind) string {
	switch kind {
	case Terminate:
		return "termination"
	default:
		return string(kind)
	}
}

// Refuse is the refusal of a write that was certainly not done, for who judges a
// call before it comes here.
func Refuse(kind Kind, code, retry, reason, next string) *Refusal {
	return refuse(kind, code, retry, reason, next)
}

// refuse builds the refusal of a write that was certainly not done.
func refuse(kind Kind, code, retry, reason, next string) *Refusal {
	return &Refusal{
		Code:    code,
		Message: Undone(kind) + ": " + reason,
		Outcome: websoftsolus.NotDone,
		Retry:   retry,
		Next:    next,
	}
}

// about says which operation a refusal is about.
func (r *Refusal) about(o *Operation) *Refusal {
	r.Operation = o
	return r
}

// because gives a refusal its cause.
func (r *Refusal) because(err error) *Refusal {
	r.Err = err
	return r
}
