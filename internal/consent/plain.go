package consent

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain makes text of others safe to stand in a line that a person reads: one
// line of at most limit characters, in which control characters, characters
// that reorder text and characters that cannot be seen are shown by their code
// point, and no web address is one that a program would make a link of.
func Plain(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	cut := utf8.RuneCountInString(s) > limit
	if cut {
		s = string([]rune(s)[:limit])
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("⏎")
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), unicode.Is(unicode.Co, r), unseen(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	s = links.Replace(b.String())
	if cut {
		s += "… (cut)"
	}
	return s
}

// unseen tells characters that show nothing though they are none of the format
// characters: variation selectors, fillers and joiners.
func unseen(r rune) bool {
	switch {
	case r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFFA0,
		0x180B <= r && r <= 0x180F, 0xFE00 <= r && r <= 0xFE0F, 0xE0100 <= r && r <= 0xE01EF:
		return true
	}
	return false
}

// links writes addresses as people write those that must not be followed.
var links = strings.NewReplacer("://", "[:]//", "www.", "www[.]", "WWW.", "WWW[.]", "mailto:", "mailto[:]", "javascript:", "javascript[:]")
