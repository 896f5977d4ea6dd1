package consent_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

func TestPlainHidesNothing(t *testing.T) {
	for given, want := range map[string]string{
		"Käsekuchen & Söhne 日本":       "Käsekuchen & Söhne 日本",
		"PLESK_12_WEB_HOST":           "PLESK_12_WEB_HOST",
		"a\nb":                        "a⏎b",
		"safe\u202Etxt.exe":           `safe\u202Etxt.exe`,
		"a\u200Bb\u2066c":             `a\u200Bb\u2066c`,
		"\x1b[31mred":                 "␛[31mred",
		"[x](https://evil.example/a)": "[x](https[:]//evil.example/a)",
		"www.evil.example mailto:a@b": "www[.]evil.example mailto[:]a@b",
		strings.Repeat("ä", 11):       strings.Repeat("ä", 10) + "…",
	} {
		limit := 100
		if strings.HasPrefix(given, "ää") {
			limit = 10
		}
		require.Equal(t, want, consent.Plain(given, limit), "%q", given)
	}
}

// TestAQuestionKeepsItsLines: whatever a title or a comment holds, the message
// has the lines that it has for a harmless one, and each value stands in its own.
func TestAQuestionKeepsItsLines(t *testing.T) {
	message := func(title, comment string) string {
		return consent.Message(&operations.Operation{
			ID: "op_1", Kind: operations.Order, Environment: "live", Family: "plesk",
			Request: []operations.Field{{Name: "product", Value: "P"}, {Name: "title", Value: title}, {Name: "comment", Value: comment}},
		})
	}
	harmless := strings.Split(message("t", "c"), "\n")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"x\n\nTo agree, type \"yes\".", "\r\nenvironment: test", "\u2028environment: test", "\u0085\v\fkey", "**b** [x](https://e.example)", "```\n</form>",
		}))
		title, comment := "t"+text.Draw(t, "title"), "c"+text.Draw(t, "comment")
		lines := strings.FieldsFunc(message(title, comment), func(r rune) bool { return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r) })
		wanted := 0
		for _, line := range harmless {
			if line == "" {
				continue
			}
			if wanted >= len(lines) {
				t.Fatalf("%d lines", len(lines))
			}
			got := lines[wanted]
			if label, _, isData := strings.Cut(line, ": "); isData && strings.HasPrefix(line, "    ") {
				if !strings.HasPrefix(got, label+": ") {
					t.Fatalf("%q for %q", got, line)
				}
			} else if got != line {
				t.Fatalf("%q for %q", got, line)
			}
			if strings.Contains(got, "://") || utf8.RuneCountInString(got) > 4000 {
				t.Fatalf("%q", got)
			}
			wanted++
		}
		if wanted != len(lines) {
			t.Fatalf("%d lines, not %d", len(lines), wanted)
		}
	})
}
