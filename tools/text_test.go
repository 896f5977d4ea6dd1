package tools

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldText(t *testing.T) {
	for name, row := range map[string]struct{ in, out string }{
		"plain text stays":                 {"web server 3", "web server 3"},
		"letters of any script stay":       {"Käse 寿司 😀", "Käse 寿司 😀"},
		"lines stay":                       {"a\nb\tc", "a\nb\tc"},
		"control characters go":            {"a\x00b\x1b[31mc", "ab[31mc"},
		"what reorders text goes":          {"abc\u202egnp.exe", "abcgnp.exe"},
		"what cannot be seen goes":         {"a\u200bb\ufeffc\U000E0041", "abc"},
		"what is no text is shown as such": {"a\xffb", "a\uFFFDb"},
		"long text is cut":                 {strings.Repeat("ä", 11), strings.Repeat("ä", 10) + "…"},
	} {
		limit := 100
		if name == "long text is cut" {
			limit = 10
		}
		require.Equal(t, row.out, fieldText(row.in, limit), name)
	}
}

func TestRawJSONKeepsWhatCame(t *testing.T) {
	for in, out := range map[string]string{
		``:                                      `null`,
		` [ "a" , 1.0 ] `:                       `["a",1.0]`,
		`{"n":12345678901234567890}`:            `{"n":12345678901234567890}`,
		`{"t":"<b>&"}`:                          `{"t":"<b>&"}`,
		`{"t":"a\u0000b","k\u202e":["\u200b"]}`: `{"k":[""],"t":"ab"}`,
		`not json`:                              `"not json"`,
	} {
		got := rawJSON(json.RawMessage(in))
		require.Equal(t, out, string(got), in)
	}
	huge := rawJSON(json.RawMessage(`["` + strings.Repeat(`x","`, maxRaw) + `"]`))
	require.Contains(t, string(huge), "larger than 32 KiB")
}
