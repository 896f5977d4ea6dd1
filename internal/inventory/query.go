package inventory

import "strings"

// Query is a text to look for, as words that all have to be found. The zero
// value finds every licence.
type Query struct{ words []string }

// ParseQuery takes a text apart at its spaces. Letter case does not count.
func ParseQuery(text string) Query { return Query{strings.Fields(strings.ToLower(text))} }

// Empty says whether there is nothing to look for.
func (q Query) Empty() bool { return len(q.words) == 0 }

// Finds says whether every word stands somewhere in the licence: its key number,
// title, comment, product, status or IP. One whose properties are not read is
// judged by its key number alone.
func (q Query) Finds(e Entry) bool {
	if q.Empty() {
		return true
	}
	text := strings.ToLower(e.KeyNumber)
	if l := e.License; l != nil {
		text = strings.ToLower(strings.Join([]string{e.KeyNumber, l.NamedKey, l.Title, l.Comment, l.Product, l.Status, l.ServerIP}, "\n"))
	}
	for _, word := range q.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
