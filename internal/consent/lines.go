package consent

import (
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// Line is one fact of an operation, for a person: a label of ours and a value
// that others wrote, made plain.
type Line struct {
	Label, Value string
}

// maxValue caps a line's value, in characters. Titles are far shorter.
const maxValue = 300

// Consequence is the sentence that stands where a person types.
func Consequence(o *operations.Operation) string {
	if o.Kind == operations.Order {
		return "This orders the licence and costs money."
	}
	return "This ends the licence at once and cannot be undone."
}

// Lines are what a person decides on, in reading order: the exact form fields of
// an order, or the licence as it stands for a termination, and every warning of
// the preview.
func Lines(o *operations.Operation) []Line {
	var lines []Line
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, Line{Plain(label, 40), Plain(value, maxValue)})
		}
	}
	add("environment", o.Environment)
	add("family", string(o.Family))
	if o.Kind == operations.Order {
		for _, f := range o.Request {
			value := f.Value
			if f.Name == "period" {
				value += " months"
			}
			add(f.Name, value)
		}
		add("repeats the order", o.DuplicateOf)
	} else if l := o.Previous; l != nil {
		add("key number", o.KeyNumber)
		add("product", l.Product)
		add("title", l.Title)
		add("comment", l.Comment)
		add("status", l.Status)
		add("period", l.Period)
		add("server IP", l.ServerIP)
		add("ordered at", l.OrderedAt)
		add("expires at", l.ExpiresAt)
	}
	for _, w := range o.Warnings {
		add("warning", w)
	}
	add("operation", o.ID)
	add("asked for by", o.Actor.ClientName)
	add("caller", o.Actor.Principal)
	return lines
}
