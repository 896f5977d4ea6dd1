package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"
)

// answer is what goes out, once a dialect has given it its shape.
type answer struct {
	status      int
	contentType string // empty for none
	charset     string // a choice of the charset aspect that goes before the dialect's
	header      http.Header
	body        string // UTF-8 until the charset is applied
}

const (
	jsonType = "application/json"
	textType = "text/plain; charset=utf-8"
	htmlType = "text/html; charset=utf-8"
)

// jsonAnswer encodes a value that the shapes made, which never fails.
func jsonAnswer(status int, value any) answer {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("sandbox: encode an answer: %v", err))
	}
	return answer{status: status, contentType: jsonType, body: strings.TrimSuffix(b.String(), "\n")}
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encoder.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encoder.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// latin1 encodes a body in ISO-8859-1. What has no place there becomes an escape
// in JSON and a question mark elsewhere.
func latin1(body string, isJSON bool) string {
	var b strings.Builder
	b.Grow(len(body))
	for _, r := range body {
		switch {
		case r <= 0xFF:
			b.WriteByte(byte(r))
		case !isJSON:
			b.WriteByte('?')
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
