package websoftsolus

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestCharsets(t *testing.T) {
	for name, row := range map[string]struct{ body, contentType, want string }{
		"UTF-8":                            {`"Käse"`, "application/json", `"Käse"`},
		"byte order mark":                  {"\xef\xbb\xbf[]", "", `[]`},
		"Latin-1 declared":                 {"\"K\xe4se\"", "text/html; charset=ISO-8859-1", `"Käse"`},
		"Latin-1 undeclared":               {"\"K\xe4se\"", "application/json", `"Käse"`},
		"Latin-1 called UTF-8":             {"\"K\xe4se\"", "application/json; charset=utf-8", `"Käse"`},
		"JSON in UTF-8 called Latin-1":     {`{"title":"Käse"}`, "text/html; charset=ISO-8859-1", `{"title":"Käse"}`},
		"text in Latin-1 that looks UTF-8": {"K\xc3\xa4se", "text/plain; charset=ISO-8859-1", "KÃ¤se"},
		"Windows-1252":                     {"\x80 5", "text/plain; charset=windows-1252", "€ 5"},
	} {
		require.Equal(t, row.want, string(toUTF8([]byte(row.body), row.contentType)), name)
	}
}

func TestMessagesAreOneShortLine(t *testing.T) {
	require.Equal(t, `a b ␀\u202Ec`, message(" a\r\n b\u2028\x00\u202ec "))
	long := message(strings.Repeat("ä", 10_000))
	require.Equal(t, maxMessage+1, utf8.RuneCountInString(long))
	require.True(t, utf8.ValidString(long))
}

func TestAnErrorsTextIsBoundedHoweverLargeItsAnswer(t *testing.T) {
	many := `{"errors":{` + strings.TrimSuffix(strings.Repeat(`"f":["x"],`, 100_000), ",") + `}}`
	_, fields := errorText([]byte(many))
	require.LessOrEqual(t, len(fields["f"]), maxErrorFields)
	text, _ := errorText([]byte(`{"error":"` + strings.Repeat("x", 1<<20) + `"}`))
	require.LessOrEqual(t, len(text), maxMessage+len("…"))
}
