package operations

import (
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Kind is what an operation does.
type Kind string

const (
	Order     Kind = "order"
	Edit      Kind = "edit"
	Terminate Kind = "terminate"
)

// State is where an operation stands. Which state may follow which is the
// table in transitions.go; any other step is an error.
type State string

const (
	Proposed   State = "proposed"    // recorded and previewed, nothing sent
	Sending    State = "sending"     // claimed; the request may be on its way
	Succeeded  State = "succeeded"   // it took effect, once
	Rejected   State = "rejected"    // the API answered no: nothing was done
	Unknown    State = "unknown"     // nobody knows yet; the reconciler finds out
	NotApplied State = "not_applied" // found out: it did not take effect
	Declined   State = "declined"    // a person said no: nothing was sent
	Expired    State = "expired"     // not confirmed in time: nothing was sent
)

// Certainty says how an operation's outcome is known.
type Certainty string

const (
	// Exact: the API answered yes or no, named the key, or shows fields that
	// match one new key only.
	Exact Certainty = "exact"
	// Probable: one new key appeared, and the API shows no field to match it by.
	Probable Certainty = "probable"
	// Ambiguous: several keys could be it; Candidates lists them, a person decides.
	Ambiguous Certainty = "ambiguous"
)

// Actor is who asked for an operation.
type Actor struct {
	ClientName    string `json:"clientName,omitempty"`    // as the MCP client names itself: data
	ClientVersion string `json:"clientVersion,omitempty"` // as above
	Transport     string `json:"transport,omitempty"`     // "stdio", "http", "sse", "cli"
	Principal     string `json:"principal,omitempty"`     // authenticated caller; empty on stdio
}

// Snapshot is a licence as it stood when it was read: for an edit what can be
// put back, for a termination what the person saw.
type Snapshot struct {
	KeyNumber string `json:"keyNumber"`
	Title     string `json:"title,omitempty"`
	Comment   string `json:"comment,omitempty"`
	Product   string `json:"product,omitempty"`
	Status    string `json:"status,omitempty"`
	Period    string `json:"period,omitempty"`
	ServerIP  string `json:"serverIP,omitempty"`
	OrderedAt string `json:"orderedAt,omitempty"`
	ExpiresAt string `json:"expiresAt,omitempty"`
	// Digest is the hex SHA-256 of everything the API said of the licence.
	Digest string `json:"digest,omitempty"`
}

// Field is one form field of a request, in the order in which it is sent.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Operation is one intended write, from its proposal to its outcome. Its JSON is
// the form in which the ledger keeps it.
type Operation struct {
	ID          string              `json:"id"` // "op_" and 26 characters of Crockford base32
	Kind        Kind                `json:"kind"`
	Family      websoftsolus.Family `json:"family"`
	State       State               `json:"state"`
	Tool        string              `json:"tool,omitzero"`      // order: the tool that takes it; empty in older records
	Rule        string              `json:"rule,omitzero"`      // the policy's rule that let it through; empty without a policy
	Certainty   Certainty           `json:"certainty,omitzero"` // empty until the outcome is known
	Environment string              `json:"environment"`        // "live", "test" or "sandbox"
	BaseURL     string              `json:"baseURL"`
	KeyNumber   string              `json:"keyNumber,omitzero"` // edit, terminate: the licence; order: the new key, once known
	// KeyCertainty says how an order's KeyNumber is known. It is Ambiguous, with
	// no KeyNumber, when several keys could be it, and empty when none was found.
	// An order can have succeeded for certain while its key is not known.
	KeyCertainty Certainty `json:"keyCertainty,omitzero"`
	Asked        string    `json:"asked,omitzero"`       // edit, terminate: the key as the caller wrote it, where KeyNumber differs
	Candidates   []string  `json:"candidates,omitzero"`  // order: the keys that could be it, where KeyCertainty or Certainty is Ambiguous
	Request      []Field   `json:"request,omitzero"`     // form fields as they are sent; empty for a termination
	Fingerprint  string    `json:"fingerprint"`          // equal for operations that ask for the same thing
	Previous     *Snapshot `json:"previous,omitzero"`    // edit: as it was before; terminate: as the person saw it
	Warnings     []string  `json:"warnings,omitzero"`    // what the preview warned of
	DuplicateOf  string    `json:"duplicateOf,omitzero"` // order: the earlier identical operation that was acknowledged
	Actor        Actor     `json:"actor,omitzero"`       // who proposed it
	ConfirmedBy  Actor     `json:"confirmedBy,omitzero"` // who confirmed it
	ResolvedBy   Actor     `json:"resolvedBy,omitzero"`  // who said what became of it, where a person had to
	Way          Way       `json:"way,omitzero"`         // how it is to be confirmed; empty for an edit, and for a phrase of an earlier version
	Confirmed    Way       `json:"confirmed,omitzero"`   // how it was confirmed; empty for an edit, which needs none
	ApprovedBy   Actor     `json:"approvedBy,omitzero"`  // ByApproval: the person who approved it
	ApprovedAt   time.Time `json:"approvedAt,omitzero"`  // ByApproval: zero until approved
	LinksUsed    int       `json:"linksUsed,omitzero"`   // ByApproval: how many of its one-time links were used
	ProposedAt   time.Time `json:"proposedAt"`           // UTC, as all times here
	ExpiresAt    time.Time `json:"expiresAt,omitzero"`   // of the phrase; zero for an edit
	ClaimedAt    time.Time `json:"claimedAt,omitzero"`   // zero until claimed
	Deadline     time.Time `json:"deadline,omitzero"`    // until when the process that claimed it may still be sending
	SettledAt    time.Time `json:"settledAt,omitzero"`   // zero until it is in a final state
	Status       int       `json:"status,omitzero"`      // HTTP status of the API's answer; 0 where there was none
	Digest       string    `json:"digest,omitzero"`      // hex SHA-256 of the answer's body
	OrderID      string    `json:"orderId,omitzero"`     // order: the API's own number of the order, where it named one
	Pending      bool      `json:"pending,omitzero"`     // order: the API took it and calls it pending; the licence may not be active
	Message      string    `json:"message,omitzero"`     // why it failed or what is not known, in our words or the API's: data
}

// overdue says whether nobody can be sending the operation any more although
// its outcome is not recorded: its process died, or could not write.
func (o *Operation) overdue(now time.Time) bool {
	return o.State == Sending && now.After(o.Deadline)
}
