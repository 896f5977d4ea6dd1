package websoftsolus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Answers are read into values that keep what Go's maps lose: the order of an
// object's members, which PHP's lists live by, and every digit of a number. A
// value is nil, bool, json.Number, string, []any or object.

// maxDepth is how deep an answer's arrays and objects may nest.
const maxDepth = 64

type member struct {
	name  string
	value any
}

// object is a JSON object in the order of its members.
type object []member

// get returns the value of the first member with one of the names, letter case,
// underscores and dashes aside; earlier names win, whatever their value.
func (o object) get(names ...string) any {
	for _, name := range names {
		for _, m := range o {
			if alike(m.name, name) {
				return m.value
			}
		}
	}
	return nil
}

func (o object) has(names ...string) bool {
	for _, name := range names {
		for _, m := range o {
			if alike(m.name, name) {
				return true
			}
		}
	}
	return false
}

// text returns the first text, number or boolean that is not empty under one of
// the field's recognised names.
func (o object) text(field string) string {
	for _, name := range recognised[field] {
		if text := scalar(o.get(name)); text != "" {
			return text
		}
	}
	return ""
}

// key is text without booleans: {"license":true} names no licence.
func (o object) key(field string) string {
	for _, name := range recognised[field] {
		if key := scalarKey(o.get(name)); key != "" {
			return key
		}
	}
	return ""
}

// shows says whether the object has the field with a value that can be read: a
// text, a number, a boolean or null.
func (o object) shows(field string) bool {
	return o.has(recognised[field]...) && !isContainer(o.get(recognised[field]...))
}

// objects returns the members of those names that are objects.
func (o object) objects(names []string) []object {
	var found []object
	for _, m := range o {
		if inner, ok := m.value.(object); ok && named(m.name, names) {
			found = append(found, inner)
		}
	}
	return found
}

// only returns the value of an object's one member; nil for any other number.
func (o object) only() any {
	if len(o) == 1 {
		return o[0].value
	}
	return nil
}

// alike compares two field names, letter case, underscores, dashes and spaces
// aside. Letters beyond ASCII must be the same.
func alike(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && separates(a[i]) {
			i++
		}
		for j < len(b) && separates(b[j]) {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func separates(c byte) bool { return c == '_' || c == '-' || c == ' ' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

var (
	errTooDeep  = fmt.Errorf("the answer nests deeper than %d", maxDepth)
	errTrailing = errors.New("the answer goes on after its JSON")
)

// decodeJSON reads one whole JSON document.
func decodeJSON(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	value, err := decodeValue(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return value, nil
}

func decodeValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth++; depth > maxDepth {
		return nil, errTooDeep
	}
	if delim == '[' {
		array := []any{}
		for decoder.More() {
			value, err := decodeValue(decoder, depth)
			if err != nil {
				return nil, err
			}
			array = append(array, value)
		}
		_, err := decoder.Token()
		return array, err
	}
	members := object{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		value, err := decodeValue(decoder, depth)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name.(string), value})
	}
	_, err = decoder.Token()
	return members, err
}

// scalar returns a text, number or boolean as text; "" for anything else.
func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}
