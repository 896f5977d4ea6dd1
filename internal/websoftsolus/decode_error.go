package websoftsolus

import (
	"bytes"
	"strings"
)

// errorText reads what an error's answer says, in any of its known shapes:
// {error}, {error,error_description}, {message}, {code,message,details},
// {errors:{field:[…]}}, plain text, an HTML page.
func errorText(body []byte) (text string, fields map[string][]string) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return "", nil
	}
	if isHTML(body) {
		return htmlText(body), nil
	}
	value, err := decodeJSON(body)
	if err != nil {
		return message(string(body[:min(len(body), 4096)])), nil
	}
	return errorWords(value)
}

// errorWords collects the words of an error's JSON.
func errorWords(value any) (text string, fields map[string][]string) {
	members, ok := value.(object)
	if !ok {
		return message(words(value)), nil
	}
	if errors, ok := members.get("errors").(object); ok {
		fields = map[string][]string{}
		for _, m := range errors {
			for _, w := range list(m.value) {
				fields[message(m.name)] = append(fields[message(m.name)], message(w))
			}
		}
	}
	var said []string
	for _, name := range []string{"error", "error_description", "message", "msg", "faultstring", "details", "detail", "description", "reason", "errors"} {
		if w := strings.TrimSpace(words(members.get(name))); w != "" && w != "true" && w != "false" && !contains(said, w) {
			said = append(said, w)
		}
	}
	if len(said) == 0 {
		if inner, ok := members.only().(object); ok {
			return errorWords(inner)
		}
		if code := scalar(members.get("code", "status", "result")); code != "" {
			said = append(said, code)
		}
	}
	return message(strings.Join(said, ": ")), fields
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// words joins every text in a value; an object's names lead their values.
func words(value any) string {
	switch v := value.(type) {
	case []any:
		parts := make([]string, 0, len(v))
		for _, element := range v {
			if w := words(element); w != "" {
				parts = append(parts, w)
			}
		}
		return strings.Join(parts, "; ")
	case object:
		if m := words(v.get("message")); m != "" {
			return m
		}
		parts := make([]string, 0, len(v))
		for _, m := range v {
			if w := words(m.value); w != "" {
				parts = append(parts, m.name+": "+w)
			}
		}
		return strings.Join(parts, "; ")
	}
	return scalar(value)
}

func list(value any) []string {
	if array, ok := value.([]any); ok {
		all := make([]string, 0, len(array))
		for _, element := range array {
			all = append(all, words(element))
		}
		return all
	}
	return []string{words(value)}
}

// errorInside finds an error in an answer that came with a 200; nil where there
// is none. A licence may have a status of its own, so only a status or result
// that is the word for failure counts.
func errorInside(value any) *Error {
	members, ok := value.(object)
	if !ok {
		return nil
	}
	failed := members.has("faultstring") || truthy(members.get("error")) || truthy(members.get("errors"))
	if success := members.get("success"); success != nil && members.has("success") && !truthy(success) {
		failed = true
	}
	for _, name := range []string{"result", "status"} {
		switch strings.ToLower(scalar(members.get(name))) {
		case "error", "failed", "failure", "fail", "nok":
			failed = true
		}
	}
	if !failed {
		return nil
	}
	e := &Error{Kind: Rejected, Outcome: NotDone}
	e.Message, e.Fields = errorWords(value)
	return e
}

// truthy is PHP's idea of a value that says yes.
func truthy(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case []any:
		return len(v) > 0
	case object:
		return len(v) > 0
	}
	switch strings.ToLower(scalar(value)) {
	case "", "0", "false", "no", "null", "none":
		return false
	}
	return true
}
