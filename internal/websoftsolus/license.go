package websoftsolus

import "encoding/json"

// Family is a licence family: the path segment under /license/ (API document,
// "Plesk Licenses", "cPanel & WHM Licenses", "Virtuozzo Licenses").
type Family string

const (
	Plesk     Family = "plesk"
	CPanel    Family = "cpanel"
	Virtuozzo Family = "virtuozzo"
)

// Families lists every family in the order in which the API document names
// them. It is the order of inventories and of every published enum.
var Families = []Family{Plesk, CPanel, Virtuozzo}

// License holds the properties of one licence (API document, "Get license
// properties"). The document does not show that answer, so the named fields
// hold what was recognised, as text, empty where the answer has no such field,
// and Properties holds the whole answer as it came.
type License struct {
	Family    Family
	KeyNumber string // the key under which the API was asked and answered: the one to use in further requests
	NamedKey  string // the key that the answer names, which may be the long form; empty where it names none
	Title     string
	Comment   string
	Product   string
	Status    string
	Period    string // months, as text
	ServerIP  string
	OrderedAt string // as the answer writes it; "0000-00-00 00:00:00" becomes ""
	ExpiresAt string // may be a technical date (key files roll monthly), not the end of a contract

	// TitleShown and CommentShown say whether the answer has the field at all:
	// an empty comment and an answer without comments differ for a partial edit.
	TitleShown   bool
	CommentShown bool

	// Properties is the answer's JSON as it came (converted to UTF-8, nothing
	// else), wrappers included, so that nothing the API said is lost.
	Properties json.RawMessage
}

// OrderableVersions is what can be ordered in a family (API document, "Get the
// orderable versions"; the answer's shape is not shown there).
type OrderableVersions struct {
	Family   Family
	Versions []OrderableVersion // in the answer's order, each product once
	// Unambiguous is true when every entry of the answer was recognised, so that
	// a product missing from Versions is worth a warning.
	Unambiguous bool
	Raw         json.RawMessage // the answer as it came
}

// OrderableVersion is one product that an order may name.
type OrderableVersion struct {
	Product string // what an order carries as product
	Label   string // what a person reads; empty where the answer has none
}

// Receipt is the API's clear yes to a write. A write whose answer is anything
// else returns an *Error.
type Receipt struct {
	Status int    // HTTP status of the answer
	Digest string // hex SHA-256 of the answer's body, for the ledger
	// KeyNumber is the new licence's key where an order's answer names one. It is
	// not promised by the API document.
	KeyNumber string
	// OrderID is the order's number where the answer names one that is not a key.
	OrderID string
	// Pending says that the answer calls the order pending, incomplete or
	// waiting: it was taken, and the licence may not be active.
	Pending bool
	// Message is the API's own words, if any, length-capped and without control
	// characters. It is data, never instructions.
	Message string
}
