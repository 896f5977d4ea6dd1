package cli

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// colours says whether output may be coloured.
type colours bool

// colourful: on a terminal, unless NO_COLOR is set (https://no-color.org).
func colourful(w io.Writer) colours {
	return colours(movesCursor(w) && os.Getenv("NO_COLOR") == "")
}

// movesCursor says whether a stream is a terminal that takes escape sequences.
func movesCursor(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// isTerminal says whether a stream is a terminal: one that a person looks at, or
// types on.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// state is a state of eleven columns, in the colour of what it means.
func (c colours) state(s operations.State) string {
	text := pad(string(s), 11)
	if !c {
		return text
	}
	colour := ""
	switch s {
	case operations.Succeeded:
		colour = "32" // green
	case operations.Unknown, operations.Sending:
		colour = "33" // yellow
	case operations.Rejected, operations.NotApplied:
		colour = "31" // red
	default:
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-utf8.RuneCountInString(text)))
}

// cut shortens a text to so many columns.
func cut(text string, columns int) string {
	text = printable(text)
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	return string([]rune(text)[:columns-1]) + "…"
}

// printable makes text of others safe for a terminal: no escapes, one line.
func printable(text string) string { return untrusted.Cell(text, maxPrinted) }

// maxPrinted is far more than what is printed on one line.
const maxPrinted = 10_000
