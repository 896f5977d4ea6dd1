package members

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzEach holds the scanner to encoding/json: the same texts are JSON,
// and the members are the same.
func FuzzEach(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : [1, {"b": null}, "x\n"] , "\u0061": -1.5e+3 } `, `{"a":tru}`, `{"a":1,}`, `[1,2]`, `"x"`, `{"a":"\ud83d"}`, `{"a":01}`, `{"a":.5}`, `{"a":"\x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var names []string
		got := map[string]json.RawMessage{}
		err := Each(raw, func(name, value []byte) {
			if !slices.Contains(names, string(name)) {
				names = append(names, string(name))
			}
			got[string(name)] = slices.Clone(value)
		})
		object := bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
		switch {
		case !json.Valid(raw):
			require.Error(t, err)
			require.NotErrorIs(t, err, ErrNotAnObject)
		case !object:
			require.ErrorIs(t, err, ErrNotAnObject)
		default:
			require.NoError(t, err)
			if !utf8.Valid(raw) {
				return // encoding/json mends names that are not UTF-8
			}
			var want map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(raw, &want))
			require.Len(t, names, len(want))
			for name, value := range want {
				require.Equal(t, string(value), string(got[name]))
			}
		}
	})
}
