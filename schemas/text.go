package schemas

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// text is what a free text must be. Lengths are in characters.
type text struct {
	min, max int
	// pattern is published with the schema, and says of the length what there is
	// to say if max is 0; fault decides.
	pattern string
	// fault says what else is wrong with a value, beginning with a verb; empty if
	// nothing is. It is not asked about a value of the wrong length.
	fault func(value string) string
	// words says all of this, for descriptions and messages.
	words string
}

// operationIDPattern is "op_" and 26 characters of Crockford base32.
const operationIDPattern = `^op_[0-9A-HJKMNP-TV-Z]{26}$`

var (
	productText     = text{min: 1, max: 128, fault: productFault, words: "1 to 128 characters, no space around it"}
	titleText       = text{min: 1, max: 200, fault: titleFault, words: "1 to 200 characters, not blank, no control characters"}
	commentText     = text{max: 1000, fault: commentFault, words: "at most 1000 characters, no control characters but newline and tab"}
	queryText       = text{max: 200, words: "at most 200 characters"}
	cursorText      = text{max: 1024, words: "nextCursor of the page before, at most 1024 characters"}
	confirmText     = text{max: 400, words: `"" for a preview, then the phrase that it returned; at most 400 characters`}
	keyNumberText   = text{min: 1, max: 64, pattern: `^[A-Za-z0-9._:-]+$`, fault: keyNumberFault, words: `1 to 64 of A-Z a-z 0-9 . _ : -, no "..", not "order"`}
	serverIPText    = text{min: 2, max: 45, fault: serverIPFault, words: "an IPv4 or IPv6 address, no port, prefix or zone"}
	serverNameText  = text{max: 253, words: "at most 253 characters"}
	anyIPText       = text{max: 45, fault: anyIPFault, words: "an IPv4 or IPv6 address, at most 45 characters"}
	csvText         = text{max: 100_000, words: "at most 100000 characters"}
	sinceText       = text{max: 64, fault: sinceFault, words: `"last", a snapshot id, or an RFC 3339 time; at most 64 characters`}
	operationIDText = text{min: 1, pattern: operationIDPattern, fault: operationIDFault, words: "op_ and 26 characters, as a result's operationId"}
)

// wrong says what is wrong with a value, beginning with a verb; empty if
// nothing is.
func (t *text) wrong(value string) string {
	switch length := utf8.RuneCountInString(value); {
	case length == 0 && t.min > 0:
		return "is empty"
	case length < t.min, t.max > 0 && length > t.max:
		return fmt.Sprintf("has %d characters", length)
	}
	if t.fault != nil {
		return t.fault(value)
	}
	return ""
}

func productFault(value string) string {
	if strings.TrimSpace(value) != value {
		return "has space around it"
	}
	return hiddenFault(value, "")
}

func titleFault(value string) string {
	if strings.TrimSpace(value) == "" {
		return "is blank"
	}
	return hiddenFault(value, "")
}

func commentFault(value string) string { return hiddenFault(value, "\n\t") }

// hiddenFault finds control characters, and those that are not seen or reorder
// what is: a person approves an order by reading it. A joiner between two letters
// of a script that is written with joiners is allowed, as between emoji.
func hiddenFault(value, allowed string) string {
	if r, position := untrusted.Hidden(value, allowed); position > 0 {
		return fmt.Sprintf("has the control or invisible character %U at position %d", r, position)
	}
	return ""
}

// keyNumberFault asks the REST client, whose error's cause begins with a verb.
func keyNumberFault(value string) string {
	err := websoftsolus.CheckKeyNumber(value)
	if err == nil {
		return ""
	}
	if cause := errors.Unwrap(err); cause != nil {
		return cause.Error()
	}
	return "is no key number"
}

var operationIDForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(operationIDPattern) })

func operationIDFault(value string) string {
	if !operationIDForm().MatchString(value) {
		return "is no operation id"
	}
	return ""
}

// anyIPFault lets pass what can be compared, a server's or not.
func anyIPFault(value string) string {
	if _, err := netip.ParseAddr(strings.TrimSpace(value)); err != nil && value != "" {
		return "is not an IP address"
	}
	return ""
}

var snapshotIDForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^snap_[0-9A-Za-z_]+$`) })

func sinceFault(value string) string {
	if _, err := time.Parse(time.RFC3339, value); err == nil || value == "last" || snapshotIDForm().MatchString(value) {
		return ""
	}
	return "is neither of these"
}

// serverIPFault refuses what no server on a network has.
func serverIPFault(value string) string {
	address, err := netip.ParseAddr(value)
	switch {
	case err != nil:
		if _, err := netip.ParsePrefix(value); err == nil {
			return "is a network, not one address"
		}
		if _, err := netip.ParseAddrPort(value); err == nil {
			return "has a port"
		}
		return "is not an IP address"
	case address.Zone() != "":
		return "has a zone"
	case address.Is4In6():
		return "is an IPv4 address written as IPv6: send " + address.Unmap().String()
	case address.IsUnspecified():
		return "is the unspecified address, not a server's"
	case address.IsLoopback():
		return "is a loopback address, not a server's"
	case address.IsMulticast():
		return "is a multicast address, not a server's"
	}
	return ""
}
