package websoftsolus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
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

// get returns the value of the first member with one of the names, letter case
// and underscores aside; earlier names win.
func (o object) get(names ...string) any {
	for _, name := range names {
		for _, m := range o {
			if plain(m.name) == plain(name) {
				return m.value
			}
		}
	}
	return nil
}

func (o object) has(names ...string) bool {
	for _, name := range names {
		for _, m := range o {
			if plain(m.name) == plain(name) {
				return true
			}
		}
	}
	return false
}

// only returns the value of an object's one member; nil for any other number.
func (o object) only() any {
	if len(o) == 1 {
		return o[0].value
	}
	return nil
}

var plainer = strings.NewReplacer("_", "", "-", "", " ", "")

func plain(name string) string { return strings.ToLower(plainer.Replace(name)) }

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
