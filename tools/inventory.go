package tools

import (
	"errors"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// readFor is how long one call reads licences before it answers with what it
// has. Many clients wait a minute for an answer.
const readFor = 45 * time.Second

// entryOutput shows an entry with some of its columns.
func entryOutput(e inventory.Entry, columns []string) *schemas.License {
	out := &schemas.License{Family: string(e.Family), KeyNumber: e.KeyNumber}
	l := e.License
	if l == nil {
		return out
	}
	for _, column := range columns {
		switch column {
		case "title":
			out.Title = fieldText(l.Title, maxFieldText)
		case "comment":
			out.Comment = fieldText(l.Comment, maxFieldText)
		case "product":
			out.Product = fieldText(l.Product, maxFieldText)
		case "status":
			out.Status = fieldText(l.Status, maxFieldText)
		case "period":
			out.Period = fieldText(l.Period, maxFieldText)
		case "serverIP":
			out.ServerIP = fieldText(l.ServerIP, maxFieldText)
		case "orderedAt":
			out.OrderedAt = fieldText(l.OrderedAt, maxFieldText)
		case "expiresAt":
			out.ExpiresAt = fieldText(l.ExpiresAt, maxFieldText)
		case "properties":
			out.Properties = rawJSON(l.Properties)
		}
	}
	return out
}

// maxStatuses is how many different statuses are counted apart. No API has so
// many; a text in the place of a status may.
const maxStatuses = 20

func countsOutput(c inventory.Counts) schemas.Counts {
	out := schemas.Counts{Family: map[string]int{}, Status: map[string]int{}, StatusUnknown: c.StatusUnknown}
	for family, n := range c.Family {
		out.Family[string(family)] = n
	}
	for status, n := range c.Status {
		status = fieldText(status, 60)
		if _, known := out.Status[status]; !known && len(out.Status) >= maxStatuses {
			status = "other"
		}
		out.Status[status] += n
	}
	return out
}

// maxUnreadKeys is how many key numbers stand behind one reason.
const maxUnreadKeys = 200

// unreadOutput shows what could not be read, by family and reason: after a
// deadline thousands of licences have the same one.
func unreadOutput(unread []inventory.Unread) []schemas.Unread {
	type reason struct {
		family  websoftsolus.Family
		whole   bool
		message string
	}
	grouped := map[reason][]string{}
	order := []reason{}
	for _, u := range unread {
		r := reason{u.Family, u.KeyNumber == "", unreadMessage(u.Err)}
		if _, known := grouped[r]; !known {
			order = append(order, r)
		}
		grouped[r] = append(grouped[r], u.KeyNumber)
	}
	out := []schemas.Unread{}
	for _, r := range order {
		shown := schemas.Unread{Family: string(r.family), Message: r.message}
		switch keys := grouped[r]; {
		case r.whole:
		case len(keys) == 1:
			shown.KeyNumber = keys[0]
		default:
			shown.KeyNumbers = keys[:min(len(keys), maxUnreadKeys)]
			shown.More = len(keys) - len(shown.KeyNumbers)
		}
		out = append(out, shown)
	}
	return out
}

// unreadMessage is an error without what it was about, which stands beside it.
func unreadMessage(err error) string {
	message := err.Error()
	var api *websoftsolus.Error
	if errors.As(err, &api) {
		message = strings.Replace(message, api.Op+": ", "", 1)
	}
	return fieldText(message, maxFieldText)
}
