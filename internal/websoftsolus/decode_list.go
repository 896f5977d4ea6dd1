package websoftsolus

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// decodeKeys reads a list of key numbers (API document, "Get all licenses"). It
// takes an array of strings, a PHP object with numeric names, an array of
// objects with a key field, any of these in wrapping objects, and nothing at
// all. Whatever it does not know is an error, and so is a list that says there is
// more: a key that was silently left out would later look like a new one. An
// error that the API put in the list's place is an *Error.
func decodeKeys(body []byte) ([]string, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return []string{}, nil
	}
	value, err := decodeJSON(body)
	if err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	elements, err := elementsOf(value)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(elements))
	seen := make(map[string]bool, len(elements))
	for i, element := range elements {
		key := scalarKey(element)
		if members, ok := element.(object); ok {
			key = members.key("keyNumber")
		}
		if strings.TrimSpace(key) == "" {
			return nil, fmt.Errorf("element %d of the list has no key number", i+1)
		}
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys, nil
}

var errNoList = errors.New("the answer is no list")

// elementsOf returns a list's elements, whatever shape it has.
func elementsOf(value any) ([]any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case object:
		if failed := errorInside(v); failed != nil {
			return nil, failed
		}
		if ordered, ok := numbered(v); ok {
			return ordered, nil
		}
		inner, err := listInside(v)
		if err != nil {
			return nil, err
		}
		elements, err := elementsOf(inner)
		if err != nil {
			return nil, err
		}
		return elements, complete(v, len(elements))
	}
	return nil, errNoList
}

// listInside returns the one member of a wrapping object that holds the list. A
// wrapper of an unknown name must hold nothing else, and its name must not look
// like a key's or speak of an error.
func listInside(v object) (any, error) {
	var found *member
	for i := range v {
		m := &v[i]
		wrapper := named(m.name, wrappers)
		switch {
		case named(m.name, abouts):
			continue
		case !isContainer(m.value) && !(wrapper && m.value == nil):
			continue
		case named(m.name, complaints) && !truthy(m.value):
			continue // {"errors":[]}
		case found != nil:
			return nil, errors.New("the answer holds several lists")
		}
		found = m
	}
	switch {
	case found == nil, named(found.name, complaints):
		return nil, errNoList
	case !named(found.name, wrappers) && (len(v) > 1 || strings.ContainsAny(found.name, "0123456789")):
		return nil, errNoList
	}
	return found.value, nil
}

// complete refuses a list that is not all of it, by what the object around it
// says. The API document knows no paging, so there is no way to ask for the rest.
func complete(v object, shown int) error {
	for _, level := range append([]object{v}, v.objects(abouts)...) {
		if total, err := strconv.Atoi(level.text("total")); err == nil && total > shown {
			return fmt.Errorf("the list shows %d of %d licences", shown, total)
		}
		pages, err := strconv.Atoi(level.text("pages"))
		if err == nil && pages > 1 || slices.ContainsFunc(recognised["more"], func(name string) bool { return truthy(level.get(name)) }) {
			return errors.New("the list has further pages")
		}
	}
	return nil
}

// maxIndex is beyond what a PHP array of licences is numbered with, and below
// key numbers that are numbers.
const maxIndex = 1_000_000

// numbered returns the values of a PHP object, whose names are all indices, in
// their order.
func numbered(members object) ([]any, bool) {
	type element struct {
		index int
		value any
	}
	elements := make([]element, len(members))
	for i, m := range members {
		index, err := strconv.Atoi(m.name)
		if err != nil || index < 0 || index >= maxIndex {
			return nil, false
		}
		elements[i] = element{index, m.value}
	}
	slices.SortStableFunc(elements, func(a, b element) int { return cmp.Compare(a.index, b.index) })
	values := make([]any, len(elements))
	for i, e := range elements {
		values[i] = e.value
	}
	return values, true
}

// scalarKey is a key's text; a boolean is none.
func scalarKey(value any) string {
	if _, boolean := value.(bool); boolean {
		return ""
	}
	return scalar(value)
}
