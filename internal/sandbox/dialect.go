package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Dialect is the shape of every answer that the API document leaves open, one
// choice an aspect. The zero value is the default. [ParseDialect] makes others.
type Dialect struct {
	// The choice of each aspect; empty for the aspect's first.
	list, empty, get, versions, order, edit, terminate, terminated, errors, charset, content string
}

// aspect is one thing that dialects differ in.
type aspect struct {
	name    string
	choices []string // the default first
	of      func(*Dialect) *string
}

var aspects = []aspect{
	{"list", namesOf(listShapes), func(d *Dialect) *string { return &d.list }},
	{"empty", namesOf(emptyShapes), func(d *Dialect) *string { return &d.empty }},
	{"get", namesOf(getShapes), func(d *Dialect) *string { return &d.get }},
	{"versions", namesOf(versionsShapes), func(d *Dialect) *string { return &d.versions }},
	{"order", namesOf(orderShapes), func(d *Dialect) *string { return &d.order }},
	{"edit", namesOf(doneShapes), func(d *Dialect) *string { return &d.edit }},
	{"terminate", namesOf(doneShapes), func(d *Dialect) *string { return &d.terminate }},
	{"terminated", []string{"gone", "unlisted", "listed"}, func(d *Dialect) *string { return &d.terminated }},
	{"errors", namesOf(errorShapes), func(d *Dialect) *string { return &d.errors }},
	{"charset", []string{"utf-8", "latin-1", "latin-1-undeclared"}, func(d *Dialect) *string { return &d.charset }},
	{"content", []string{"declared", "text-html", "undeclared"}, func(d *Dialect) *string { return &d.content }},
}

// sets are whole dialects by name: what one API of this kind might look like.
var sets = []struct{ name, choices string }{
	{"document", ""},
	{"php", "list:object,get:pairs,versions:object,order:one,edit:one,terminate:one,errors:success-false,content:text-html"},
	{"wrapped", "list:data,get:data,versions:wrapped,order:key-wrapped,errors:code-message-details"},
	{"rest", "list:objects,get:snake,versions:objects-id-title,order:location,edit:no-content,terminate:no-content,terminated:unlisted,errors:message"},
	{"groups", "list:objects-license,get:short,versions:groups,order:order-id,edit:empty,terminate:empty,terminated:listed,errors:error"},
	{"terse", "list:array,empty:no-content,get:strings,versions:map-label,order:empty,edit:text,terminate:text,errors:text"},
	{"latin-1", "get:array-of-one,order:pending,errors:status-error,charset:latin-1-undeclared"},
}

// Dialects returns the names of the whole sets and of every single choice, e.g.
// "list:object": each is something that ParseDialect takes.
func Dialects() []string {
	var names []string
	for _, s := range sets {
		names = append(names, s.name)
	}
	for _, a := range aspects {
		for _, choice := range a.choices {
			names = append(names, a.name+":"+choice)
		}
	}
	return names
}

// ParseDialect reads choices with commas between them, each aspect:choice or the
// name of a whole set; a later one wins. Empty is the default dialect. The error
// names what may be chosen.
func ParseDialect(text string) (Dialect, error) {
	var d Dialect
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if err := d.choose(word); err != nil {
			return Dialect{}, err
		}
	}
	return d, nil
}

func (d *Dialect) choose(word string) error {
	name, choice, single := strings.Cut(word, ":")
	if !single {
		var names []string
		for _, s := range sets {
			if s.name == word {
				set, err := ParseDialect(s.choices)
				*d = set
				return err
			}
			names = append(names, s.name)
		}
		return fmt.Errorf("dialect %q: no set of that name; there are %s, and aspect:choice", word, strings.Join(names, ", "))
	}
	var names []string
	for _, a := range aspects {
		if a.name != name {
			names = append(names, a.name)
			continue
		}
		if !slices.Contains(a.choices, choice) {
			return fmt.Errorf("dialect %q: %s is one of %s", word, name, strings.Join(a.choices, ", "))
		}
		*a.of(d) = choice
		return nil
	}
	return fmt.Errorf("dialect %q: the aspects are %s", word, strings.Join(names, ", "))
}

// String returns the dialect in words that ParseDialect takes: the choices that
// are not the default.
func (d Dialect) String() string {
	var words []string
	for _, a := range aspects {
		if choice := *a.of(&d); choice != "" && choice != a.choices[0] {
			words = append(words, a.name+":"+choice)
		}
	}
	if words == nil {
		return "document"
	}
	return strings.Join(words, ",")
}

// shape is one choice of an aspect: a name, and what it makes of a value.
type shape[In, Out any] struct {
	name string
	of   func(In) Out
}

func namesOf[In, Out any](shapes []shape[In, Out]) []string {
	names := make([]string, len(shapes))
	for i, s := range shapes {
		names[i] = s.name
	}
	return names
}

// chosen returns the shape of that name, the first where the name is empty.
func chosen[In, Out any](shapes []shape[In, Out], name string) func(In) Out {
	for _, s := range shapes {
		if s.name == name {
			return s.of
		}
	}
	return shapes[0].of
}

// answer gives an outcome its shape.
func (d Dialect) answer(o outcome) answer {
	a := d.shaped(o)
	isJSON := a.contentType == jsonType
	charset := a.charset
	if charset == "" {
		charset = d.charset
	}
	switch charset {
	case "latin-1":
		a.body = latin1(a.body, isJSON)
		if media, _, _ := strings.Cut(a.contentType, ";"); media != "" {
			a.contentType = media + "; charset=ISO-8859-1"
		}
	case "latin-1-undeclared":
		a.body = latin1(a.body, isJSON)
		a.contentType, _, _ = strings.Cut(a.contentType, ";")
	}
	switch {
	case a.contentType == "":
	case d.content == "text-html":
		_, charset, _ := strings.Cut(a.contentType, ";")
		a.contentType = strings.TrimSuffix("text/html;"+charset, ";")
	case d.content == "undeclared":
		a.contentType = ""
	}
	return a
}

func (d Dialect) shaped(o outcome) answer {
	switch {
	case o.refused != nil:
		return chosen(errorShapes, d.errors)(o.refused)
	case o.token != nil:
		return jsonAnswer(200, *o.token) // shown in the API document
	}
	switch o.endpoint {
	case List:
		if len(o.licenses) == 0 {
			return chosen(emptyShapes, d.empty)(d)
		}
		return jsonAnswer(200, chosen(listShapes, d.list)(o.licenses))
	case Get:
		return jsonAnswer(200, chosen(getShapes, d.get)(o.licenses[0]))
	case Versions:
		return jsonAnswer(200, chosen(versionsShapes, d.versions)(o.products))
	case Order:
		return chosen(orderShapes, d.order)(o)
	case Edit:
		return chosen(doneShapes, d.edit)(struct{}{})
	default: // Terminate; every other endpoint is refused
		return chosen(doneShapes, d.terminate)(struct{}{})
	}
}
