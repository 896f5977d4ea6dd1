// Package members reads one JSON object member by member, in one pass.
// encoding/json could do it with tokens or with a map; the one is several times
// slower on every call, the other loses the order of the members and every
// second value of a repeated one.
package members

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrNotAnObject is the error of JSON that is another value.
var ErrNotAnObject = errors.New("not a JSON object")

// maxDepth is how deep values may nest, as in encoding/json.
const maxDepth = 10000

// Each calls visit for every member of an object, in order. The name is
// unescaped; the value is the JSON that stands there. Both are valid during
// the call only. The error is ErrNotAnObject for another JSON value, and names
// the offset where the text is no JSON; members before it have been visited.
func Each(raw []byte, visit func(name, value []byte)) error {
	s := scanner{raw: raw}
	s.space()
	if s.next() != '{' {
		if s.value(0) && s.end() {
			return ErrNotAnObject
		}
		return s.invalid()
	}
	s.at++
	s.space()
	if s.next() == '}' {
		s.at++
	} else {
		for {
			name, value, ok := s.member()
			if !ok {
				return s.invalid()
			}
			visit(name, value)
			separator := s.next()
			if separator != ',' && separator != '}' {
				return s.invalid()
			}
			s.at++
			if separator == '}' {
				break
			}
			s.space()
		}
	}
	if !s.end() {
		return s.invalid()
	}
	return nil
}

// Text returns the text of a JSON string, false for any other value and for
// a string that is not UTF-8.
func Text(literal []byte) (string, bool) {
	if literal[0] != '"' || !utf8.Valid(literal) {
		return "", false
	}
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1]), true
	}
	var s string
	err := json.Unmarshal(literal, &s)
	return s, err == nil
}

// scanner walks over JSON text. Its steps return false where the text is no
// JSON, and leave at there.
type scanner struct {
	raw []byte
	at  int
}

func (s *scanner) invalid() error { return fmt.Errorf("no valid JSON at byte %d", s.at) }

// next is the byte to be read, 0 at the end.
func (s *scanner) next() byte {
	if s.at < len(s.raw) {
		return s.raw[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.raw)
}

// member reads "name": value and the space around them.
func (s *scanner) member() (name, value []byte, ok bool) {
	start := s.at
	if !s.text() {
		return nil, nil, false
	}
	name = s.raw[start+1 : s.at-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		unescaped, _ := Text(s.raw[start:s.at])
		name = []byte(unescaped)
	}
	s.space()
	if s.next() != ':' {
		return nil, nil, false
	}
	s.at++
	s.space()
	start = s.at
	if !s.value(1) {
		return nil, nil, false
	}
	value = s.raw[start:s.at]
	s.space()
	return name, value, true
}

// value passes over any value.
func (s *scanner) value(depth int) bool {
	switch c := s.next(); c {
	case '"':
		return s.text()
	case '{', '[':
		return s.nested(depth + 1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// nested passes over an object or an array.
func (s *scanner) nested(depth int) bool {
	if depth > maxDepth {
		return false
	}
	closing := s.raw[s.at] + 2 // '{' and '}', '[' and ']' stand two apart
	s.at++
	s.space()
	if s.next() == closing {
		s.at++
		return true
	}
	for {
		if closing == '}' {
			if !s.text() {
				return false
			}
			s.space()
			if s.next() != ':' {
				return false
			}
			s.at++
			s.space()
		}
		if !s.value(depth) {
			return false
		}
		s.space()
		switch s.next() {
		case ',':
			s.at++
			s.space()
		case closing:
			s.at++
			return true
		default:
			return false
		}
	}
}

func (s *scanner) word(word string) bool {
	if !bytes.HasPrefix(s.raw[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// text passes over a string.
func (s *scanner) text() bool {
	if s.next() != '"' {
		return false
	}
	s.at++
	for s.at < len(s.raw) {
		switch c := s.raw[s.at]; {
		case c == '"':
			s.at++
			return true
		case c == '\\':
			s.at++
			if !s.escape() {
				return false
			}
		case c < 0x20:
			return false
		default:
			s.at++
		}
	}
	return false
}

// escape passes over what follows a backslash.
func (s *scanner) escape() bool {
	switch s.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
		return true
	case 'u':
		s.at++
		for range 4 {
			if c := s.next(); !isDigit(c) && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func (s *scanner) number() bool {
	if s.next() == '-' {
		s.at++
	}
	if s.next() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.next() == '.' {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		s.at++
		if c := s.next(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}

// digits passes over one digit or more.
func (s *scanner) digits() bool {
	start := s.at
	for isDigit(s.next()) {
		s.at++
	}
	return s.at > start
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
