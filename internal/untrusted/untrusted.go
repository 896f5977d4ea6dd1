// Package untrusted makes text of others fit to be shown: titles, comments and
// names that customers wrote, messages of the API, names that clients give
// themselves. Such text is data. It must not be able to hide anything from the
// person who decides, to pass for a sentence of this program, or to become a
// link or a picture where it is shown.
//
// Choose by where the text is going:
//
//   - [Field]: a field of its own in a result. Lines stay lines.
//   - [Line]: a sentence of ours, such as an error, a warning or the message of an
//     elicitation: one line in «quotation marks», with nothing in it that Markdown
//     or a chat program would act on.
//   - [Name]: a sentence, for what is nearly always one plain word: a key number, a
//     product. Anything else is quoted as by Line.
//   - [Cell]: a terminal: one line, no escapes.
//   - a page: html/template.
//
// What cannot be seen is made visible, never dropped: control characters as
// their pictures (␛), what reorders or hides text as \u202E, a line break in one
// line as ⏎. So a reader sees that something was there. All functions cap what
// they return, and give back unchanged what they returned before, [Line] aside.
// The ledger keeps text as it came.
package untrusted

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many marks may stand on one letter. No script that is written
// today needs more, and a pile of them covers the lines around it.
const maxMarks = 4

const (
	zeroWidthNonJoiner = '\u200C'
	zeroWidthJoiner    = '\u200D'
	textSelector       = '\uFE0E'
	emojiSelector      = '\uFE0F'
	brailleBlank       = '\u2800'
)

// scanner walks over a text and tells what cannot be seen from its neighbours.
type scanner struct {
	before rune // 0 at the start
	marks  int  // in a row, up to the last character
}

// hidden says whether a character cannot be seen, or does something to the text
// around it. Newline and tab are hidden here; callers that want them say so. next
// is the character after it; none is U+FFFD or 0.
func (s *scanner) hidden(r, next rune) (hidden bool) {
	before := s.before
	defer func() {
		if s.before = r; hidden {
			s.before = '?' // it is written in characters of ASCII
		}
	}()
	if ' ' <= r && r <= '~' { // nearly every character
		s.marks = 0
		return false
	}
	joiner := r == zeroWidthNonJoiner || r == zeroWidthJoiner
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		s.marks++
	case !joiner: // which would let a pile of marks go on
		s.marks = 0
	}
	switch {
	case joiner:
		// Several scripts and many emoji cannot be written without them. Between two
		// letters of such a script they hide nothing.
		return !joinable(before) || !joinable(next) || unicode.Is(unicode.Variation_Selector, next) || s.marks >= maxMarks
	case r == textSelector || r == emojiSelector:
		return !(before > unicode.MaxASCII && joinable(before) && !unicode.Is(unicode.Mn, before)) && !strings.ContainsRune("0123456789#", before)
	case r == brailleBlank, unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return true
	case unicode.Is(unicode.Cf, r):
		return !unicode.Is(unicode.Prepended_Concatenation_Mark, r) // those are seen
	}
	return s.marks > maxMarks
}

// joinable says whether a character can be one side of what a joiner joins.
func joinable(r rune) bool {
	return r > unicode.MaxASCII && unicode.In(r, unicode.L, unicode.M, unicode.So, unicode.Sk) &&
		r != brailleBlank && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point)
}

// visible writes a hidden character so that it can be seen.
func visible(r rune) string {
	switch {
	case r < ' ':
		return string('\u2400' + r)
	case r == 0x7F:
		return "␡"
	case r > 0xFFFF:
		return fmt.Sprintf(`\U%08X`, r)
	}
	return fmt.Sprintf(`\u%04X`, r)
}

// Hidden finds the first character that Field would not show as it is, other than
// those allowed, and its position in characters, from 1; 0 where there is none.
// Input with such a character is better refused than sent.
func Hidden(s, allowed string) (r rune, position int) {
	var scan scanner
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		next, _ := utf8.DecodeRuneInString(s)
		position++
		if scan.hidden(r, next) && !strings.ContainsRune(allowed, r) {
			return r, position
		}
	}
	return 0, 0
}

// Clean says whether Field would return a text unchanged, its length aside.
func Clean(s string) bool {
	_, position := Hidden(s, "\n\t")
	return position == 0 && utf8.ValidString(s)
}

// Field makes a text fit for a field of its own: what cannot be seen is made
// visible, except newlines and tabs, and it has at most limit characters, and an
// ellipsis where more were cut off.
func Field(s string, limit int) string {
	if len(s) <= limit && Clean(s) {
		return s
	}
	return written(s, limit, func(r, _, _ rune) string {
		if r == '\n' || r == '\t' {
			return string(r)
		}
		return ""
	})
}

// Cell makes a text fit for one line of a terminal. limit as in Field.
func Cell(s string, limit int) string { return written(s, limit, oneLine) }

// Line makes a text fit for a sentence of ours: one line in «quotation marks»,
// none of which are in it, and no character that Markdown acts on, that begins an
// entity of HTML, mentions somebody, or makes a link of it. Those are written
// with their wide twins: ［link］, https：//example．com. limit counts what is
// inside the marks, as in Field.
func Line(s string, limit int) string { return "«" + written(s, limit, inert) + "»" }

// Name is Line for what is nearly always one plain word, such as a key number or
// a product: letters and digits of ASCII and . _ : + / - are shown as they are,
// without marks. What has a space in it, looks like the name of a site, or is
// longer than limit is quoted.
func Name(s string, limit int) string {
	if s == "" || len(s) > limit {
		return Line(s, limit)
	}
	for _, r := range s {
		if !alphanumeric(r) && !strings.ContainsRune("._:+/-", r) {
			return Line(s, limit)
		}
	}
	if written(s, limit, inert) != s {
		return Line(s, limit)
	}
	return s
}

// written writes a text character by character. own gives the form of a
// character that has one of its own, by its neighbours; empty for none.
func written(s string, limit int, own func(r, before, next rune) string) string {
	if len(s) > 8*limit+64 { // the rest cannot be shown
		s = s[:8*limit+64]
	}
	runes := []rune(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n"))
	var (
		b      strings.Builder
		scan   scanner
		length int
		before rune
	)
	for i, r := range runes {
		next := rune(0)
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		hidden := scan.hidden(r, next)
		form := own(r, before, next)
		before = r
		switch {
		case form != "":
		case hidden:
			form = visible(r)
		default:
			form = string(r)
		}
		if length += utf8.RuneCountInString(form); length > limit {
			// A joiner joins nothing any more.
			return strings.TrimRight(b.String(), string([]rune{zeroWidthNonJoiner, zeroWidthJoiner})) + "…"
		}
		b.WriteString(form)
	}
	return b.String()
}

func oneLine(r, _, _ rune) string {
	switch r {
	case '\n', '\u2028', '\u2029':
		return "⏎"
	case '\t':
		return "⇥"
	}
	return ""
}

// inert is the form of what would be acted on.
func inert(r, before, next rune) string {
	switch r {
	case '«':
		return "‹"
	case '»':
		return "›"
	case '`', '*', '~', '[', ']', '<', '>', '|', '$', '@':
		return wide(r)
	case '_':
		if !alphanumeric(before) || !alphanumeric(next) {
			return wide(r)
		}
	case '&':
		if next == '#' || alphanumeric(next) {
			return wide(r)
		}
	case ':':
		if next == '/' {
			return wide(r)
		}
	case '.':
		// A name of a site; numbers and addresses stay as they are.
		if before > ' ' && (unicode.IsLetter(next)) {
			return wide(r)
		}
	}
	return oneLine(r, before, next)
}

// wide is the full-width twin of a character of ASCII.
func wide(r rune) string { return string(r + 0xFEE0) }

func alphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
