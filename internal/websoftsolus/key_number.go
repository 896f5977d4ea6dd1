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

// A Plesk key in the short form of the API document, PLSK.00000001, has eight
// digits; the long form that people paste from a key file has four more.
const (
	pleskPrefix = "PLSK."
	shortKey    = len(pleskPrefix) + 8
	longKey     = shortKey + len(".0000")
)

// CanonicalKey makes the spellings of one Plesk key equal: letter case, and the
// long form. Keys of the other families have no known format and stay as they
// are. It is for comparison alone: requests carry the key that the API answered
// to.
func CanonicalKey(keyNumber string) string {
	if len(keyNumber) != shortKey && len(keyNumber) != longKey || !strings.EqualFold(keyNumber[:len(pleskPrefix)], pleskPrefix) {
		return keyNumber
	}
	if !digits(keyNumber[len(pleskPrefix):shortKey]) || len(keyNumber) == longKey && (keyNumber[shortKey] != '.' || !digits(keyNumber[shortKey+1:])) {
		return keyNumber
	}
	return pleskPrefix + keyNumber[len(pleskPrefix):shortKey]
}

func digits(text string) bool { return strings.Trim(text, "0123456789") == "" }
