package schemas

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// Problem is one thing that is wrong with a call, in words that say what to
// change.
type Problem struct {
	Field string `json:"field"` // "arguments" for the arguments as a whole
	// Value is what was sent, cut to a length; absent where nothing was.
	Value   any      `json:"value,omitempty"`
	Allowed []string `json:"allowed,omitempty"` // the values or, for an unknown field, the names to choose from
	Message string   `json:"message"`
}

// Problems is a list that is never null in JSON.
type Problems []Problem

// MarshalJSON writes [] for no problems.
func (p Problems) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]Problem(p))
}

// InvalidInput is the error of a call that was refused for its arguments. It
// holds every problem, in the order of the tool's fields, unknown fields last.
type InvalidInput struct {
	Tool     string
	Problems []Problem
}

func (e *InvalidInput) Error() string {
	messages := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		messages[i] = p.Message
	}
	return "invalid arguments for " + e.Tool + ": " + strings.Join(messages, "; ")
}

const (
	maxShownValue   = 100 // characters of a sent value that a problem repeats
	maxQuotedValue  = 60  // characters of it inside a message
	maxUnknownShown = 20  // unknown fields named one by one
)

// cut shortens a text to a number of characters, says so with an ellipsis, and
// makes visible what cannot be seen in it.
func cut(s string, characters int) string { return untrusted.Field(s, characters) }

// quote repeats a text inside a message: plain text in plain quotation marks,
// anything that could do something there as untrusted.Line writes it.
func quote(s string) string {
	line := untrusted.Line(s, maxQuotedValue)
	if line == "«"+s+"»" && !strings.ContainsAny(s, `"\`) {
		return `"` + s + `"`
	}
	return line
}

// shown is a sent JSON value as a problem repeats it: as it is if it is short,
// its beginning as a string if not.
func shown(literal []byte) any {
	if s, ok := members.Text(literal); ok {
		return cut(s, maxShownValue)
	}
	valid := strings.ToValidUTF8(string(literal), "\uFFFD")
	if len(valid) <= maxShownValue && literal[0] != '"' {
		return json.RawMessage(valid)
	}
	return cut(valid, maxShownValue)
}

// notAllowed says that a value is none of those allowed, which one was probably
// meant, and which other order takes it. rules is nil outside orders.
func notAllowed(rules *RuleSet, option, value string, allowed []string) string {
	message := fmt.Sprintf("%s must be one of %s, not %s", option, strings.Join(allowed, ", "), quote(value))
	for _, near := range allowed {
		if strings.EqualFold(near, strings.TrimSpace(value)) {
			return message + "; did you mean " + near + "?"
		}
	}
	if rules != nil {
		message += taken(rules.elsewhere(option, value), strconv.Quote(value))
	}
	return message
}

// taken names the tools that take something; empty where there are none.
func taken(tools []string, what string) string {
	switch len(tools) {
	case 0:
		return ""
	case 1:
		return "; " + tools[0] + " takes " + what
	}
	return "; " + strings.Join(tools, " and ") + " take " + what
}

// unknownField says that a tool has no such field, and which one was probably
// meant: one of its own with a slip in the name, or an option of another order.
func (t *tool) unknownField(name string) string {
	message := fmt.Sprintf("%s is not a field of %s", fieldName(name), t.name)
	if near := nearest(name, t.names()); near != "" {
		return message + "; did you mean " + near + "?"
	}
	if t.rules == nil {
		return message + "; leave it out"
	}
	var options []string // of every order
	for _, rules := range ruleSets {
		options = append(options, rules.names()...)
	}
	if near := nearest(name, options); near != "" {
		message += taken(t.rules.elsewhere(near, ""), near)
	}
	return message + "; leave it out here"
}

// fieldName shows a sent name: plain if it is one, else quoted.
func fieldName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' }) {
		return quote(name)
	}
	return cut(name, maxQuotedValue)
}

// nearest returns the name that another is a slip of: the same but for letter
// case, underscores and hyphens, or one or two edits away. Empty for none.
func nearest(name string, names []string) string {
	if len(name) > 40 { // longer than any field, and costly to compare
		return ""
	}
	plain := plainName(name)
	best, fewest := "", 3
	for _, candidate := range names {
		// Short names are a few edits away from anything.
		if edits := levenshtein.ComputeDistance(plain, plainName(candidate)); edits < fewest && edits*4 <= len(candidate) {
			best, fewest = candidate, edits
		}
	}
	return best
}

func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}
