package inventory

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Compare is the one order of licences: families as the API document names
// them, key numbers within. It depends on nothing but the two licences, so a
// page that begins after a licence stays right while others come and go.
func Compare(a, b Entry) int {
	return cmp.Or(
		cmp.Compare(slices.Index(websoftsolus.Families, a.Family), slices.Index(websoftsolus.Families, b.Family)),
		strings.Compare(a.KeyNumber, b.KeyNumber),
	)
}

// After returns where the entries behind a licence begin. The licence itself
// need not be among them any more.
func After(entries []Entry, family websoftsolus.Family, keyNumber string) int {
	last := Entry{Family: family, KeyNumber: keyNumber}
	return sort.Search(len(entries), func(i int) bool { return Compare(entries[i], last) > 0 })
}
