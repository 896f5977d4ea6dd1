package schemas

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// CheckForm says what a strict API refuses of an order's form: options missing,
// sent twice, of another rule set or unknown, and values that are not allowed.
// Problems stand in the order of the rules, fields that are none of theirs last.
// Lengths are not checked: the API document states none. It speaks of the form
// alone, and knows of no tools. A Problem's Value is nil for what is missing, a
// []string for what is sent more than once, and a string otherwise.
func CheckForm(rules *RuleSet, form url.Values) []Problem {
	var problems []Problem
	sent := slices.Sorted(maps.Keys(form))
	for i := range rules.Options {
		option := &rules.Options[i]
		if option.Array {
			problems = append(problems, option.checkArray(sent, form)...)
			continue
		}
		p := Problem{Field: option.Name, Allowed: option.Allowed}
		switch values := form[option.Name]; len(values) {
		case 0:
			p.Message = option.Name + " is missing"
		case 1:
			p.Value, p.Message = cut(values[0], maxShownValue), option.fault(values[0])
		default:
			p.Value, p.Message = values, option.Name+" is sent more than once"
		}
		if p.Message != "" {
			problems = append(problems, p)
		}
	}
	for _, name := range sent {
		option := rules.Option(name)
		if array := rules.Option(arrayName(name)); array != nil && array.Array {
			option = array
		}
		if option == nil {
			problems = append(problems, Problem{
				Field:   cut(name, maxShownValue),
				Value:   cut(form.Get(name), maxShownValue),
				Allowed: rules.names(),
				Message: fmt.Sprintf("%s is not an option of a %s order", fieldName(name), rules.Name),
			})
		}
	}
	return problems
}

// fault says what is wrong with one value; empty if nothing is.
func (o *Option) fault(value string) string {
	switch {
	case o.Allowed != nil && !slices.Contains(o.Allowed, value):
		return notAllowed(nil, o.Name, value, o.Allowed)
	case o.Allowed == nil && o.Required && strings.TrimSpace(value) == "":
		return o.Name + " is empty"
	case o.Name == "serverIP":
		if wrong := serverIPText.wrong(value); wrong != "" {
			return o.Name + " " + wrong
		}
	}
	return ""
}

// checkArray judges the elements of an array: name[0], name[1] and so on, or
// name[], which PHP takes too. The name alone with an empty value is an empty
// array.
func (o *Option) checkArray(sent []string, form url.Values) []Problem {
	var problems []Problem
	for _, name := range sent {
		for _, value := range form[name] {
			p := Problem{Field: name, Value: cut(value, maxShownValue), Allowed: o.Allowed}
			switch {
			case name == o.Name && value != "":
				p.Message = fmt.Sprintf("%s must be sent as %[1]s[0], %[1]s[1] and so on", name)
			case arrayName(name) == o.Name:
				p.Message = o.fault(value)
			}
			if p.Message != "" {
				problems = append(problems, p)
			}
		}
	}
	return problems
}

// arrayName returns what stands before the index of name[0], name[1] or name[],
// empty for another name.
func arrayName(name string) string {
	base, index, ok := strings.Cut(name, "[")
	if !ok || !strings.HasSuffix(index, "]") || strings.Trim(index[:len(index)-1], "0123456789") != "" {
		return ""
	}
	return base
}
