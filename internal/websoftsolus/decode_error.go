package websoftsolus

import (
	"bytes"
	"slices"
	"strings"
)

// An error's text is for people, so it is read generously and capped: what is
// beyond these bounds is not looked at.
const (
	maxErrorDepth  = 8
	maxErrorFields = 32
	maxErrorWords  = 32
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
	for range maxErrorDepth {
		members, ok := value.(object)
		if !ok {
			return message(words(value, 0)), nil
		}
		if errors, ok := members.get("errors").(object); ok {
			fields = fieldMessages(errors)
		}
		var said []string
		for _, name := range []string{"error", "errorCode", "error_description", "errorMessage", "message", "msg", "faultstring", "fault", "exception", "details", "detail", "description", "reason", "errors"} {
			w := strings.TrimSpace(words(members.get(name), 0))
			if w != "" && w != "true" && w != "false" && !slices.Contains(said, w) {
				said = append(said, w)
			}
		}
		if len(said) == 0 {
			if inner, ok := unwrap(members); ok {
				value = inner
				continue
			}
			said = []string{scalar(members.get("code", "status", "result"))}
		}
		return message(strings.Join(said, ": ")), fields
	}
	return "", fields
}

func fieldMessages(errors object) map[string][]string {
	fields := map[string][]string{}
	for _, m := range errors[:min(len(errors), maxErrorFields)] {
		said, many := m.value.([]any)
		if !many {
			said = []any{m.value}
		}
		name := message(m.name)
		for _, w := range said[:min(len(said), maxErrorWords)] {
			fields[name] = append(fields[name], message(words(w, 0)))
		}
	}
	return fields
}

// words joins the texts in a value; an object's names lead their values.
func words(value any, depth int) string {
	if depth > maxErrorDepth {
		return ""
	}
	var parts []string
	switch v := value.(type) {
	case []any:
		for _, element := range v[:min(len(v), maxErrorWords)] {
			if w := words(element, depth+1); w != "" {
				parts = append(parts, w)
			}
		}
	case object:
		if m := words(v.get("message"), depth+1); m != "" {
			return m
		}
		for _, m := range v[:min(len(v), maxErrorWords)] {
			if w := words(m.value, depth+1); w != "" {
				parts = append(parts, message(m.name)+": "+w)
			}
		}
	default:
		return message(scalar(value))
	}
	return message(strings.Join(parts, "; "))
}

// errorInside finds an error in an answer that came with a 2xx; nil where there
// is none.
func errorInside(value any) *Error {
	if failed := complaintInside(value); failed != nil {
		return failed
	}
	members, ok := value.(object)
	if !ok {
		return nil
	}
	for _, name := range []string{"result", "status", "state"} {
		switch strings.ToLower(scalar(members.get(name))) {
		case "error", "failed", "failure", "fail", "nok", "ko":
			return rejection(members)
		}
	}
	return nil
}

// complaintInside is errorInside without the words that may also be a licence's
// status.
func complaintInside(value any) *Error {
	members, ok := value.(object)
	if !ok {
		return nil
	}
	failed := members.has("faultstring")
	for _, name := range []string{"error", "errors", "errorMessage", "fault", "exception"} {
		failed = failed || truthy(members.get(name))
	}
	if success := members.get("success"); success != nil && !truthy(success) {
		failed = true
	}
	if !failed {
		return nil
	}
	return rejection(members)
}

func rejection(members object) *Error {
	e := &Error{Kind: Rejected, Outcome: NotDone}
	e.Message, e.Fields = errorWords(members)
	return e
}

// truthy is PHP's idea of a value that says yes; an array or object says yes if
// anything in it does.
func truthy(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case []any:
		return slices.ContainsFunc(v, truthy)
	case object:
		return slices.ContainsFunc(v, func(m member) bool { return truthy(m.value) })
	}
	switch strings.ToLower(strings.TrimSpace(scalar(value))) {
	case "", "0", "false", "no", "null", "none":
		return false
	}
	return true
}
