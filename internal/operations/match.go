package operations

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Whether a licence is the one that an order made is told by what the API shows
// of it. The API document does not say how it writes fields back: a title may be
// escaped, cut off or lose its accents, a product may be shown by its label. So
// a field that differs is weak evidence, and only fields that cannot be the same
// text written differently count against a licence.

// likeness says how a shown field compares with the ordered one.
type likeness int

const (
	notShown  likeness = iota
	same               // the same text
	alike              // could be the same text written differently
	different          // cannot be
)

// compareText compares a shown text with the ordered one.
func compareText(shown, ordered string) likeness {
	shown, ordered = strings.TrimSpace(shown), strings.TrimSpace(ordered)
	if shown == ordered {
		return same
	}
	if shown == "" || ordered == "" {
		return different
	}
	a, b := folded(shown), folded(ordered)
	if a == "" || b == "" || strings.HasPrefix(a, b) || strings.HasPrefix(b, a) {
		return alike
	}
	return different
}

// folded keeps of a text what survives escaping, another charset and another
// spelling of spaces: ASCII letters and digits, in lower case.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// compareProduct compares a shown product with the ordered one. One that folds
// to the same is the same: "Plesk 12 Web Host" is PLESK_12_WEB_HOST.
func compareProduct(shown, ordered string) likeness {
	switch {
	case shown == "":
		return notShown
	case folded(shown) != "" && folded(shown) == folded(ordered):
		return same
	}
	return compareText(shown, ordered)
}

// comparePeriod compares periods where both are plain numbers of months. How
// else the API may write one is not known.
func comparePeriod(shown, ordered string) likeness {
	switch {
	case shown == "":
		return notShown
	case shown == ordered:
		return same
	case strings.Trim(shown, "0123456789") == "":
		return different
	}
	return alike
}

func compareAddress(shown, ordered string) likeness {
	a, errA := netip.ParseAddr(shown)
	b, errB := netip.ParseAddr(ordered)
	switch {
	case shown == "" || ordered == "":
		return notShown
	case errA != nil || errB != nil:
		return compareText(shown, ordered)
	case a.Unmap() == b.Unmap():
		return same
	}
	return different
}

// verdict says whether a licence is the one that an order made.
type verdict int

const (
	unlike  verdict = iota // it is another one
	similar                // it could be, and shows something that was not ordered so
	silent                 // it could be, and shows neither title nor comment
	matches                // everything it shows is as ordered
)

// judge compares a licence with an order. A licence is another one only if two
// of its fields cannot be the ordered ones, or its server's address cannot:
// somebody may have changed one field since, or the API may fill it in by itself.
func judge(l *websoftsolus.License, order *Operation) verdict {
	ordered := func(name string) string { return formValue(order.Request, name) }
	title, comment := notShown, notShown
	if l.TitleShown {
		title = compareText(l.Title, ordered("title"))
	}
	if l.CommentShown {
		comment = compareText(l.Comment, ordered("comment"))
	}
	address := compareAddress(l.ServerIP, ordered("serverIP"))
	all := []likeness{title, comment, address, compareProduct(l.Product, ordered("product")), comparePeriod(l.Period, ordered("period"))}
	count := func(of likeness) int {
		n := 0
		for _, one := range all {
			if one == of {
				n++
			}
		}
		return n
	}
	switch {
	case address == different || count(different) > 1:
		return unlike
	case count(different)+count(alike) > 0:
		return similar
	case title == notShown && comment == notShown:
		return silent
	}
	return matches
}

// endedStatuses are the words, in lower case, by which licence APIs say that a
// licence is over.
var endedStatuses = []string{"terminated", "cancelled", "canceled", "deleted", "removed", "closed", "ended", "expired"}

// ended says whether a status means that the licence is over.
func ended(status string) bool {
	return slices.Contains(endedStatuses, strings.ToLower(strings.TrimSpace(status)))
}
