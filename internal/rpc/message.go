// Package rpc is what the transports share: reading a JSON-RPC message (MCP
// specification, "Messages"), answering it through the library, and the short
// ways around the library for the two requests that make up nearly all traffic,
// tools/call and tools/list.
//
// [Parse] reads a message and [Answerer.Answer] answers it. A transport brings
// the session and the context; what it may assume of both is said there.
package rpc

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// Kind is what a message is by its members (JSON-RPC 2.0).
type Kind int

const (
	Request      Kind = iota // method and id
	Notification             // method alone
	Response                 // id alone
)

// Message is one JSON-RPC message, its parts as they came.
type Message struct {
	Kind   Kind
	ID     json.RawMessage // byte for byte; nil where there is none
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Fault  json.RawMessage // the member "error"
	Raw    []byte          // all of it
}

// Invalid is JSON that is no JSON-RPC message.
type Invalid struct {
	ID     json.RawMessage // as far as it is known
	Reason string
}

func (e *Invalid) Error() string { return e.Reason }

// Parse reads one message, which is kept and must not change afterwards. Its
// error is an *Invalid for JSON that is no message, and otherwise says where the
// text is no JSON. A batch, which the revision of 2025-03-26 had, is none.
func Parse(raw []byte) (Message, error) {
	m := Message{Raw: raw}
	var version, method json.RawMessage
	err := members.Each(raw, func(name, value []byte) {
		switch string(name) { // a repeated member counts as its last
		case "jsonrpc":
			version = value
		case "id":
			m.ID = value
		case "method":
			method = value
		case "params":
			m.Params = value
		case "result":
			m.Result = value
		case "error":
			m.Fault = value
		}
	})
	switch {
	case errors.Is(err, members.ErrNotAnObject) && first(raw) == '[':
		return Message{}, &Invalid{Reason: "batches are not supported; send one message at a time"}
	case errors.Is(err, members.ErrNotAnObject):
		return Message{}, &Invalid{Reason: "a message is a JSON object"}
	case err != nil:
		return Message{}, err
	}
	if method == nil && m.Fault != nil && !validID(m.ID) {
		m.Kind = Response // the client could not read an id of ours: an error about an error would go on for ever
		return m, nil
	}
	if !validID(m.ID) {
		return Message{}, &Invalid{Reason: "id must be a string or a number"}
	}
	if string(version) != `"2.0"` {
		return Message{}, &Invalid{ID: m.ID, Reason: `jsonrpc must be "2.0"`}
	}
	if method == nil {
		if m.ID == nil || (m.Result == nil) == (m.Fault == nil) {
			return Message{}, &Invalid{ID: m.ID, Reason: "the message has no method, and is no answer either"}
		}
		m.Kind = Response
		return m, nil
	}
	var ok bool
	if m.Method, ok = members.Text(method); !ok || m.Method == "" {
		return Message{}, &Invalid{ID: m.ID, Reason: "method must be a string"}
	}
	if len(m.Params) > 0 && m.Params[0] != '{' && string(m.Params) != "null" {
		return Message{}, &Invalid{ID: m.ID, Reason: "params must be an object"}
	}
	if m.ID == nil {
		m.Kind = Notification
	}
	return m, nil
}

// validID: a string or a number (MCP specification, "Messages"), or none.
func validID(id json.RawMessage) bool {
	if id == nil {
		return true
	}
	return id[0] == '"' || id[0] == '-' || id[0] >= '0' && id[0] <= '9'
}

// Envelope is an answer: member is "result" or "error". An unknown id is null.
// There is room behind it for a newline.
func Envelope(id json.RawMessage, member string, value []byte) []byte {
	b := make([]byte, 0, len(value)+len(id)+48)
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	if id == nil {
		id = json.RawMessage("null")
	}
	b = append(b, id...)
	b = append(b, ',', '"')
	b = append(b, member...)
	b = append(b, '"', ':')
	b = append(b, value...)
	return append(b, '}')
}

// Refusal is an error's answer.
func Refusal(id json.RawMessage, code int, reason string) []byte {
	value := append([]byte(`{"code":`), strconv.Itoa(code)...)
	value = append(value, `,"message":`...)
	value = appendJSON(value, reason)
	return Envelope(id, "error", append(value, '}'))
}

// appendJSON appends a string as JSON (RFC 8259, section 7), without HTML
// escapes. What is not UTF-8 becomes the replacement character.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0 // of what stands as it is
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i-1]...)
		start = i
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// first returns the first byte that is no white space; 0 where there is none.
func first(raw []byte) byte {
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// FaultCode returns the code of an answer that is an error, as [Envelope] made
// it for the id; 0 for any other.
func FaultCode(answer []byte, id json.RawMessage) int {
	const before, between = `{"jsonrpc":"2.0","id":`, `,"error":`
	at := len(before) + len(id)
	if id == nil {
		at = len(before) + len("null")
	}
	if len(answer) < at+len(between) || string(answer[at:at+len(between)]) != between {
		return 0
	}
	var fault struct {
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(answer, &fault) != nil {
		return 0
	}
	return fault.Error.Code
}
