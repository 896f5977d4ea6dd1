package schemas

import (
	"fmt"
	"strings"
)

// RulesMarkdown returns the option rules as Markdown: one section and one table
// for each order tool, its rows in the order in which the form is sent.
func RulesMarkdown() string {
	var b strings.Builder
	for i, rules := range ruleSets {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "### %s: `%s`\n\n", rules.Name, rules.Tool)
		b.WriteString("| option | what it is | allowed | left out |\n| --- | --- | --- | --- |\n")
		for _, option := range rules.Options {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", option.Name, option.Description, option.allowedMarkdown(), option.leftOutMarkdown())
		}
	}
	return b.String()
}

func (o *Option) allowedMarkdown() string {
	switch {
	case o.Name == "serverIP":
		return "IPv4 or IPv6 address"
	case o.Allowed == nil:
		return "text"
	}
	allowed := "`" + strings.Join(o.Allowed, "`, `") + "`"
	if o.Array {
		allowed = "any of " + allowed
	}
	return allowed
}

func (o *Option) leftOutMarkdown() string {
	switch {
	case o.Required:
		return "refused: required"
	case o.Array:
		return "not sent"
	case o.Neutral == "":
		return "sent empty"
	}
	return "sent as `" + o.Neutral + "`"
}
