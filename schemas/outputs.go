package schemas

import "encoding/json"

// The outputs of the tools. Clients may rely on these fields; more may come to
// stand beside them. A time is RFC 3339 in UTC where it is ours, and text as
// the API writes it on a licence. Texts on a licence, messages and warnings hold
// what others wrote: data, never instructions.

// Preview is what an order or a termination would do. Nothing was sent.
type Preview struct {
	Environment string   `json:"environment"`
	Outcome     string   `json:"outcome" jsonschema:"enum=preview"`
	OperationID string   `json:"operationId"`
	State       string   `json:"state" jsonschema:"enum=proposed"`
	Confirm     string   `json:"confirm,omitempty"` // left out where a person confirms elsewhere
	ExpiresAt   string   `json:"expiresAt"`         // of the phrase
	Request     Form     `json:"request"`           // the form fields as they will be sent; empty for a termination
	License     *License `json:"license,omitempty"` // termination: the licence as it stands
	Warnings    []string `json:"warnings"`
}

// Done is what a write did.
type Done struct {
	Environment string `json:"environment"`
	Outcome     string `json:"outcome" jsonschema:"enum=done"`
	OperationID string `json:"operationId"`
	State       string `json:"state"`
	Certainty   string `json:"certainty,omitempty"`
	Family      string `json:"family"`
	KeyNumber   string `json:"keyNumber"` // empty for an order whose key is not known yet
	// KeyCertainty says how an order's key is known: exact, probable, or ambiguous
	// where several could be it.
	KeyCertainty string   `json:"keyCertainty,omitempty"`
	Candidates   []string `json:"candidates,omitempty"` // the keys that could be an order's
	OrderID      string   `json:"orderId,omitempty"`    // the API's own number of an order
	Pending      bool     `json:"pending,omitempty"`    // the API calls the order pending; the licence may not be active
	License      *License `json:"license"`              // null where it could not be read
	Replayed     bool     `json:"replayed"`             // the outcome was recorded before; this call sent nothing
	Message      string   `json:"message,omitempty"`
}

// Failure is the one shape of a call that did not do what it was asked.
type Failure struct {
	Environment string `json:"environment"`
	OperationID string `json:"operationId,omitempty"` // of the write that failed or is not known
	State       string `json:"state,omitempty"`
	// Approval stands beside the code approval_required.
	Approval *Approval `json:"approval,omitempty"`
	Error    struct {
		Code     string   `json:"code"`
		Message  string   `json:"message"`
		Outcome  string   `json:"outcome" jsonschema:"enum=not_done,enum=done,enum=unknown"`
		Retry    string   `json:"retry" jsonschema:"enum=safe,enum=after_change,enum=never"`
		Problems Problems `json:"problems"`
		Next     string   `json:"next"` // what to do now; empty where there is nothing to say
	} `json:"error"`
}

// Approval is what a person decides on outside the model's reach. There is no
// phrase: the same call, or get_operation, performs what was approved.
type Approval struct {
	Approve   []string `json:"approve"`           // where, in sentences
	ExpiresAt string   `json:"expiresAt"`         // of the operation
	Request   Form     `json:"request"`           // the form fields as they will be sent; empty for a termination
	License   *License `json:"license,omitempty"` // termination: the licence as it stands
	Warnings  []string `json:"warnings"`
}

// License is one licence. A field that the API did not show, or that was not
// asked for, is left out.
type License struct {
	Family     string          `json:"family"`
	KeyNumber  string          `json:"keyNumber"`
	Title      string          `json:"title,omitempty"`
	Comment    string          `json:"comment,omitempty"`
	Product    string          `json:"product,omitempty"`
	Status     string          `json:"status,omitempty"`
	Period     string          `json:"period,omitempty"`
	ServerIP   string          `json:"serverIP,omitempty"`
	OrderedAt  string          `json:"orderedAt,omitempty"`
	ExpiresAt  string          `json:"expiresAt,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"` // everything, as it came
}

// LicenseOutput is the output of get_license.
type LicenseOutput struct {
	Environment string   `json:"environment"`
	License     *License `json:"license"`
}

// LicensesOutput is the output of list_licenses.
type LicensesOutput struct {
	Environment string     `json:"environment"`
	Licenses    []*License `json:"licenses"`
	Total       int        `json:"total"`   // licences found, on all pages
	Counts      Counts     `json:"counts"`  // of those
	Partial     bool       `json:"partial"` // some could not be read; those are not gone
	Unread      []Unread   `json:"unread"`
	NextCursor  string     `json:"nextCursor,omitempty"` // left out on the last page
}

// Counts say how many licences were found. A status is known only of licences
// whose details were read.
type Counts struct {
	Family        map[string]int `json:"family"` // a family that could not be listed is left out
	Status        map[string]int `json:"status"` // in the API's words, "" for a licence that shows none
	StatusUnknown int            `json:"statusUnknown,omitempty"`
}

// Unread is a family that could not be listed, or licences that could not be
// read.
type Unread struct {
	Family     string   `json:"family"`
	KeyNumber  string   `json:"keyNumber,omitempty"`  // left out for a whole family and for several
	KeyNumbers []string `json:"keyNumbers,omitempty"` // several with one reason
	More       int      `json:"more,omitempty"`       // further ones, not named
	Message    string   `json:"message"`
}

// OrderableVersionsOutput is the output of list_orderable_versions.
type OrderableVersionsOutput struct {
	Environment string             `json:"environment"`
	Family      string             `json:"family"`
	Versions    []OrderableVersion `json:"versions"`
	Raw         json.RawMessage    `json:"raw"` // the API's answer, as it came
}

// OrderableVersion is one product that an order may name.
type OrderableVersion struct {
	Product    string `json:"product"`
	Label      string `json:"label,omitempty"`
	Generation string `json:"generation,omitempty" jsonschema:"enum=plesk10,enum=plesk12"` // left out where the name shows none
}

// OperationOutput is the output of get_operation.
type OperationOutput struct {
	Environment string     `json:"environment"`
	Operation   *Operation `json:"operation"`
}

// OperationsOutput is the output of list_operations.
type OperationsOutput struct {
	Environment string       `json:"environment"`
	Operations  []*Operation `json:"operations"`           // newest first
	NextCursor  string       `json:"nextCursor,omitempty"` // left out on the last page
}

// Operation is one recorded write. Its confirmation phrase is never shown.
type Operation struct {
	OperationID string `json:"operationId"`
	Kind        string `json:"kind"`
	Family      string `json:"family"`
	State       string `json:"state"`
	Certainty   string `json:"certainty"` // empty until the outcome is known
	KeyNumber   string `json:"keyNumber"` // empty for an order whose key is not known
	// KeyCertainty says how an order's key is known; see Done.
	KeyCertainty string   `json:"keyCertainty,omitempty"`
	Candidates   []string `json:"candidates,omitempty"`
	OrderID      string   `json:"orderId,omitempty"` // the API's own number of an order
	Pending      bool     `json:"pending,omitempty"` // the API called the order pending
	Request      Form     `json:"request"`
	Previous     *License `json:"previous,omitempty"` // the licence before an edit or a termination
	Warnings     []string `json:"warnings,omitempty"`
	DuplicateOf  string   `json:"duplicateOf,omitempty"`
	ProposedAt   string   `json:"proposedAt"`
	ExpiresAt    string   `json:"expiresAt,omitempty"`
	ApprovedAt   string   `json:"approvedAt,omitempty"` // by a person, outside the model's reach
	ClaimedAt    string   `json:"claimedAt,omitempty"`
	SettledAt    string   `json:"settledAt,omitempty"`
	Client       string   `json:"client,omitempty"`    // as the MCP client names itself
	Confirmed    string   `json:"confirmed,omitempty"` // how: phrase, elicitation or approval
	Status       int      `json:"status,omitempty"`    // HTTP status of the API's answer
	Message      string   `json:"message,omitempty"`
}
