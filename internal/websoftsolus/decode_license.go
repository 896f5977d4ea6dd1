package websoftsolus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// decodeLicense reads a licence's properties (API document, "Get license
// properties"): a flat object, a wrapped one, an array of one, or {name,value}
// pairs. All of it is kept under Properties.
func decodeLicense(family Family, asked string, body []byte) (*License, error) {
	value, err := decodeJSON(body)
	if err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	members, ok := licenseMembers(value)
	if !ok {
		if failed := errorInside(value); failed != nil {
			return nil, failed
		}
		return nil, errors.New("the answer is no licence")
	}
	text := func(field string) string { return scalar(members.get(recognised[field]...)) }
	l := &License{
		Family:       family,
		KeyNumber:    asked,
		NamedKey:     text("keyNumber"),
		Title:        text("title"),
		Comment:      text("comment"),
		Product:      text("product"),
		Status:       text("status"),
		Period:       text("period"),
		ServerIP:     text("serverIP"),
		OrderedAt:    date(text("orderedAt")),
		ExpiresAt:    date(text("expiresAt")),
		TitleShown:   members.has(recognised["title"]...),
		CommentShown: members.has(recognised["comment"]...),
		Properties:   json.RawMessage(body),
	}
	if l.NamedKey == "" && l.Title == "" && l.Product == "" { // a licence may have a status "failed"
		if failed := errorInside(value); failed != nil {
			return nil, failed
		}
	}
	return l, nil
}

// date drops what stands for no date.
func date(text string) string {
	if strings.HasPrefix(text, "0000-00-00") {
		return ""
	}
	return text
}

// licenseMembers finds the object that holds a licence's properties.
func licenseMembers(value any) (object, bool) {
	for range maxDepth {
		switch v := value.(type) {
		case []any:
			if pairs, ok := pairs(v); ok {
				return pairs, true
			}
			if len(v) != 1 {
				return nil, false
			}
			value = v[0]
		case object:
			if len(v) == 0 {
				return nil, false
			}
			if anyScalar(v, "keyNumber", "title", "product", "serverIP") {
				return v, true
			}
			inner, wrapped := unwrap(v)
			if !wrapped {
				return v, true
			}
			value = inner
		default:
			return nil, false
		}
	}
	return nil, false
}

func anyScalar(members object, fields ...string) bool {
	for _, field := range fields {
		if scalar(members.get(recognised[field]...)) != "" {
			return true
		}
	}
	return false
}

// pairs reads [{"name":…,"value":…}, …] as the object it stands for.
func pairs(array []any) (object, bool) {
	if len(array) == 0 {
		return nil, false
	}
	members := make(object, len(array))
	for i, element := range array {
		pair, ok := element.(object)
		if !ok || !pair.has("value") || !pair.has("name", "key", "property") {
			return nil, false
		}
		members[i] = member{scalar(pair.get("name", "key", "property")), pair.get("value")}
	}
	return members, true
}
