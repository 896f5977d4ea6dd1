package websoftsolus

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestCanonicalKey: the short and the long form of one Plesk key, in any case,
// are equal, and nothing else is changed.
func TestCanonicalKey(t *testing.T) {
	const key = "PLSK.02980001"
	for _, same := range []string{key, "plsk.02980001", "PLSK.02980001.0000", "Plsk.02980001.1234"} {
		require.Equal(t, key, CanonicalKey(same))
	}
	for _, other := range []string{"", "PLSK.0298000", "PLSK.029800011", "PLSK.02980001.", "PLSK.02980001.000", "PLSK.02980001.00000", "PLSK.02980001-0000", "PLSK.0298000x", "PLSK.02980001.000x", "PLSX.02980001", "pl\u017fk.0298001", "V2980001", " PLSK.02980001"} {
		require.Equal(t, other, CanonicalKey(other))
	}
	form := regexp.MustCompile(`^(?:PLSK|plsk|Plsk)\.(\d{8})(?:\.\d{4})?$`)
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`((PLSK|plsk|Plsk|PLS)\.)?[0-9x]{7,9}(\.[0-9x]{3,5})?`).Draw(t, "number")
		want := number
		if m := form.FindStringSubmatch(number); m != nil {
			want = "PLSK." + m[1]
		}
		require.Equal(t, want, CanonicalKey(number))
	})
}
