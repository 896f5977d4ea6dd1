package stdio

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// kind is what a message is by its members (JSON-RPC 2.0).
type kind int

const (
	request      kind = iota // method and id
	notification             // method alone
	response                 // id alone
)

// message is one JSON-RPC message, its parts as they came.
type message struct {
	kind   kind
	id     json.RawMessage
	method string
	params json.RawMessage
	result json.RawMessage
	fault  json.RawMessage // the member "error"
	line   []byte          // all of it
}

// invalid is JSON that is no JSON-RPC message.
type invalid struct {
	id     json.RawMessage // as far as it is known
	reason string
}

func (e *invalid) Error() string { return e.reason }

// parse reads one line. Batches existed in the revision of 2025-03-26 alone, no
// host sends them over stdio, and they are refused.
func parse(line []byte) (message, error) {
	m := message{line: line}
	var version, method json.RawMessage
	err := members.Each(line, func(name, value []byte) {
		switch string(name) { // a repeated member counts as its last
		case "jsonrpc":
			version = value
		case "id":
			m.id = value
		case "method":
			method = value
		case "params":
			m.params = value
		case "result":
			m.result = value
		case "error":
			m.fault = value
		}
	})
	switch {
	case errors.Is(err, members.ErrNotAnObject) && line[0] == '[':
		return message{}, &invalid{reason: "batches are not supported; send one message a line"}
	case errors.Is(err, members.ErrNotAnObject):
		return message{}, &invalid{reason: "a message is a JSON object"}
	case err != nil:
		return message{}, err
	}
	if method == nil && m.fault != nil && !validID(m.id) {
		m.kind = response // the client could not read an id of ours: an error about an error would go on for ever
		return m, nil
	}
	if !validID(m.id) {
		return message{}, &invalid{reason: "id must be a string or a number"}
	}
	if string(version) != `"2.0"` {
		return message{}, &invalid{id: m.id, reason: `jsonrpc must be "2.0"`}
	}
	if method == nil {
		if m.id == nil || (m.result == nil) == (m.fault == nil) {
			return message{}, &invalid{id: m.id, reason: "the message has no method, and is no answer either"}
		}
		m.kind = response
		return m, nil
	}
	var ok bool
	if m.method, ok = members.Text(method); !ok || m.method == "" {
		return message{}, &invalid{id: m.id, reason: "method must be a string"}
	}
	if len(m.params) > 0 && m.params[0] != '{' && string(m.params) != "null" {
		return message{}, &invalid{id: m.id, reason: "params must be an object"}
	}
	if m.id == nil {
		m.kind = notification
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

// envelope is an answer on a line of its own. An unknown id is null.
func envelope(id json.RawMessage, member string, value []byte) []byte {
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
	return append(b, '}', '\n')
}

// refusal is an error's answer.
func refusal(id json.RawMessage, code int, reason string) []byte {
	value := append([]byte(`{"code":`), strconv.Itoa(code)...)
	value = append(value, `,"message":`...)
	value = appendJSON(value, reason)
	return envelope(id, "error", append(value, '}'))
}

// answerOf puts the library's answer under the client's id.
func answerOf(id json.RawMessage, answer mcp.JSONRPCMessage) ([]byte, error) {
	switch a := answer.(type) {
	case mcp.JSONRPCResponse:
		result, err := encodeResult(a.Result)
		if err != nil {
			return nil, err
		}
		return envelope(id, "result", result), nil
	case mcp.JSONRPCError:
		fault, err := json.Marshal(a.Error)
		if err != nil {
			return nil, err
		}
		return envelope(id, "error", fault), nil
	case nil:
		return nil, errors.New("the request was not answered")
	}
	encoded, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var members struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(encoded, &members); err != nil {
		return nil, err
	}
	if members.Error != nil {
		return envelope(id, "error", members.Error), nil
	}
	return envelope(id, "result", members.Result), nil
}

// encodeResult encodes a result. That of a tool with one text and its
// structured form, which is every one of ours, is written by hand: the library's
// encoder makes a map of it first, and encodes the structured form twice.
func encodeResult(result any) ([]byte, error) {
	var called *mcp.CallToolResult
	switch r := result.(type) {
	case *mcp.CallToolResult:
		called = r
	case mcp.CallToolResult:
		called = &r
	}
	if called == nil || len(called.Content) != 1 || len(called.RawStructuredContent) == 0 || len(called.InputRequests) > 0 || called.RequestState != "" {
		return json.Marshal(result)
	}
	text, ok := called.Content[0].(mcp.TextContent)
	if !ok || text.Annotations != nil || text.Meta != nil {
		return json.Marshal(result)
	}
	b := make([]byte, 0, 2*len(text.Text)+len(called.RawStructuredContent)+256)
	b = append(b, '{')
	if called.Meta != nil {
		meta, err := json.Marshal(called.Meta)
		if err != nil {
			return nil, err
		}
		b = append(b, `"_meta":`...)
		b = append(b, meta...)
		b = append(b, ',')
	}
	if called.ResultType != "" {
		b = append(b, `"resultType":`...)
		b = appendJSON(b, string(called.ResultType))
		b = append(b, ',')
	}
	b = append(b, `"content":[{"type":"text","text":`...)
	b = appendJSON(b, text.Text)
	b = append(b, `}],"structuredContent":`...)
	b = append(b, called.RawStructuredContent...)
	if called.IsError {
		b = append(b, `,"isError":true`...)
	}
	return append(b, '}'), nil
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
