package cli

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// colours says whether output may be coloured.
type colours bool

// colourful: on a terminal, unless NO_COLOR is set (https://no-color.org).
func colourful(w io.Writer) colours {
	return colours(isTerminal(w) && os.Getenv("NO_COLOR") == "")
}

// isTerminal: and one that moves its cursor.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
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
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}
