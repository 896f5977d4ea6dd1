package tools

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRawJSONKeepsWhatCame(t *testing.T) {
	for in, out := range map[string]string{
		``:                                      `null`,
		` [ "a" , 1.0 ] `:                       `["a",1.0]`,
		`{"n":12345678901234567890}`:            `{"n":12345678901234567890}`,
		`{"t":"<b>&"}`:                          `{"t":"<b>&"}`,
		`{"t":"a\u0000b","k\u202e":["\u200b"]}`: `{"k\\u202E":["\\u200B"],"t":"a␀b"}`,
		`{"k\u202e":1,"k\\u202E":null}`:         `{"k\\u202E":null,"k\\u202E (2)":1}`,
		`not json`:                              `"not json"`,
	} {
		got := rawJSON(json.RawMessage(in))
		require.Equal(t, out, string(got), in)
	}
	huge := rawJSON(json.RawMessage(`["` + strings.Repeat(`x","`, maxRaw) + `"]`))
	require.Contains(t, string(huge), "larger than 32 KiB")
}
