package websoftsolus

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONKeepsOrderAndDigits(t *testing.T) {
	value, err := decodeJSON([]byte(`{"b":12345678901234567890,"a":1.50,"b":null}`))
	require.NoError(t, err)
	require.Equal(t, object{{"b", json.Number("12345678901234567890")}, {"a", json.Number("1.50")}, {"b", nil}}, value)
}

func TestJSONNestsNoDeeperThanItsLimit(t *testing.T) {
	nested := func(depth int) []byte {
		return append(bytes.Repeat([]byte("["), depth), bytes.Repeat([]byte("]"), depth)...)
	}
	_, err := decodeJSON(nested(maxDepth))
	require.NoError(t, err)
	_, err = decodeJSON(nested(maxDepth + 1))
	require.ErrorIs(t, err, errTooDeep)
}

func TestFieldNamesAreAlikeWhateverTheirSpelling(t *testing.T) {
	for _, name := range []string{"keyNumber", "key_number", "KeyNumber", "key-number", "KEY NUMBER", "_keynumber_"} {
		require.True(t, alike(name, "keyNumber"), name)
		require.True(t, alike("keyNumber", name), name)
	}
	for _, name := range []string{"", "key", "keyNumbers", "keynumbe", "xkeynumber"} {
		require.False(t, alike(name, "keyNumber"), name)
	}
}

// FuzzDecodeJSON holds the reader to the standard library's idea of a document.
func FuzzDecodeJSON(f *testing.F) {
	seed(f, "list", "license", "versions", "error")
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := decodeJSON(body)
		if valid := json.Valid(body); valid != (err == nil) && !errors.Is(err, errTooDeep) {
			t.Fatalf("%q: valid %v, error %v", body, valid, err)
		}
	})
}
