package websoftsolus

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// decodeKeys reads a list of key numbers (API document, "Get all licenses"). It
// takes an array of strings, a PHP object with numeric names, an array of
// objects with a key field, any of these in one wrapping object, and nothing at
// all. An element it does not know is an error: a key that was silently left
// out would later look like a new one.
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
		if failed := errorInside(value); failed != nil {
			return nil, failed
		}
		return nil, err
	}
	keys := make([]string, 0, len(elements))
	seen := make(map[string]bool, len(elements))
	for _, element := range elements {
		key := scalarKey(element)
		if members, ok := element.(object); ok {
			key = scalarKey(members.get(recognised["keyNumber"]...))
		}
		if key == "" {
			return nil, errors.New("the list holds an element without a key number")
		}
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// scalarKey is a key's text; a boolean is none.
func scalarKey(value any) string {
	if _, boolean := value.(bool); boolean {
		return ""
	}
	return scalar(value)
}

// elementsOf returns a list's elements, whatever shape it has.
func elementsOf(value any) ([]any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case object:
		if ordered, ok := numbered(v); ok {
			return ordered, nil
		}
		if inner, ok := unwrap(v); ok {
			if again, isObject := inner.(object); isObject {
				if ordered, ok := numbered(again); ok {
					return ordered, nil
				}
			}
			if array, isArray := inner.([]any); isArray {
				return array, nil
			}
		}
		for _, name := range wrappers {
			if v.has(name) && v.get(name) == nil {
				return nil, nil // {"data":null}
			}
		}
	}
	return nil, errors.New("the answer is no list")
}

// numbered returns the values of a PHP object, whose names are all numbers, in
// their order.
func numbered(members object) ([]any, bool) {
	type element struct {
		index int
		value any
	}
	elements := make([]element, len(members))
	for i, m := range members {
		index, err := strconv.Atoi(m.name)
		if err != nil {
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
