package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// Text from the API or from customers is data: it is cut to a length, what
// cannot be seen in it is made visible, and it stands in fields of its own. The
// limits are far above what a licence holds, so they cut only what would flood a
// model.
const (
	maxFieldText    = 1000 // characters of one field: a title, a comment, a message
	maxPropertyText = 4000 // characters of one text inside properties or raw
	maxRaw          = 32 << 10
	maxQuoted       = 200 // characters of a text inside a sentence of ours
)

// fieldText makes one text from the API fit to be shown.
func fieldText(s string, limit int) string { return untrusted.Field(s, limit) }

// rawJSON makes an answer of the API fit to be shown as it came: the same
// structure, keys and numbers, each text treated as fieldText does. What is
// larger than maxRaw is replaced by a sentence that says so, since half a JSON
// document is none. An empty answer is null.
func rawJSON(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("null")
	}
	if len(raw) <= maxPropertyText && !escaped(raw) && untrusted.Clean(string(raw)) {
		// Nothing in it can be hidden or too long, so it stays as it is.
		compact := bytes.NewBuffer(make([]byte, 0, len(raw)))
		if json.Compact(compact, raw) == nil {
			return compact.Bytes()
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return quote(fieldText(string(raw), maxPropertyText))
	}
	compact, err := marshal(cleanValue(value))
	if err != nil || len(compact) > maxRaw {
		return quote("the answer is larger than 32 KiB and is left out here")
	}
	return compact
}

// escaped says whether a text in raw JSON may hold a control character by its
// escape. \n and \t may stand in a text.
func escaped(raw []byte) bool {
	for _, escape := range []string{`\u`, `\b`, `\f`, `\r`} {
		if bytes.Contains(raw, []byte(escape)) {
			return true
		}
	}
	return false
}

func quote(s string) json.RawMessage {
	quoted, _ := marshal(s) // a string always marshals
	return quoted
}

func cleanValue(value any) any {
	switch v := value.(type) {
	case string:
		return fieldText(v, maxPropertyText)
	case []any:
		for i := range v {
			v[i] = cleanValue(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			shown := fieldText(key, maxFieldText)
			name := shown
			for n := 2; has(clean, name); n++ { // two names may look the same; neither is lost
				name = fmt.Sprintf("%s (%d)", shown, n)
			}
			clean[name] = cleanValue(v[key])
		}
		return clean
	}
	return value
}

func has(object map[string]any, name string) bool {
	_, there := object[name]
	return there
}

// marshal is json.Marshal without HTML escapes, which cost a model six
// characters for each "&" and "<" and protect nothing here.
func marshal(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
