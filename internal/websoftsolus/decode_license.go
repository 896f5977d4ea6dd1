package websoftsolus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// decodeLicense reads a licence's properties (API document, "Get license
// properties"): a flat object, a wrapped one, an array of one, or {name,value}
// pairs. All of it is kept under Properties. An error that the API put in the
// licence's place is an *Error.
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
	l := &License{
		Family:    family,
		KeyNumber: asked,
		NamedKey:  members.key("keyNumber"),
		Product:   members.text("product"),
		Status:    members.text("status"),
		Period:    members.text("period"),
		ServerIP:  members.text("serverIP"),
		OrderedAt: date(members.text("orderedAt")),
		ExpiresAt: date(members.text("expiresAt")),
		// Title and comment are written back by a partial edit, so the first name
		// that is there counts, even if empty: a description beside an empty comment
		// is not the comment.
		Title:        scalar(members.get(recognised["title"]...)),
		Comment:      scalar(members.get(recognised["comment"]...)),
		TitleShown:   members.shows("title"),
		CommentShown: members.shows("comment"),
		Properties:   json.RawMessage(body),
	}
	if l.NamedKey == "" {
		if err := noLicense(value, members, l); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// noLicense tells an error from a licence that does not name its key. A licence
// may have a status "failed"; only what has no title and no product is judged by
// its status. What names nothing of a licence and has a message is none.
func noLicense(value any, members object, l *License) error {
	judge := errorInside
	if l.Title != "" || l.Product != "" {
		judge = complaintInside
	}
	for _, level := range []any{value, members} {
		if failed := judge(level); failed != nil {
			return failed
		}
	}
	nothing := l.Title+l.Product+l.Period+l.ServerIP+l.OrderedAt+l.ExpiresAt == ""
	if nothing && members.has("message", "msg", "detail", "code") {
		words, _ := errorWords(members)
		return errors.New("the answer is no licence: " + words)
	}
	return nil
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
			if v.key("keyNumber")+v.text("title")+v.text("product")+v.text("serverIP") != "" {
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
