package websoftsolus

import (
	"fmt"
	"strings"
)

// maxKeyNumber is far above any key seen; it keeps a path a path.
const maxKeyNumber = 64

// CheckKeyNumber refuses what must never stand in a path as a key number. The
// key shares its path level with "order" (API document, "Create order"), so
// DELETE /license/plesk/order must be impossible, and so must everything that
// could leave its path segment. Keys of cPanel and Virtuozzo have no known
// format; an IP address of either kind passes. Its error is an *Error of kind
// InvalidKey that says what to change.
func CheckKeyNumber(keyNumber string) error {
	wrong := func(format string, args ...any) error {
		return &Error{Op: "check key number", Kind: InvalidKey, Outcome: NotDone, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case keyNumber == "":
		return wrong("is empty")
	case len(keyNumber) > maxKeyNumber:
		return wrong("is longer than %d characters", maxKeyNumber)
	case strings.EqualFold(keyNumber, "order"):
		return wrong("is the path of orders, not a licence")
	case keyNumber == "." || strings.Contains(keyNumber, ".."):
		return wrong("would lead out of its path")
	}
	for _, r := range keyNumber {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._:-", r):
		default:
			return wrong("holds %+q; letters, digits, dot, dash, colon and underscore are allowed", r)
		}
	}
	return nil
}
