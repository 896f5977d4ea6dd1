package schemas

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// tool is what one tool takes: its input type, and the rule for each field of
// it.
type tool struct {
	name   string
	input  reflect.Type
	rules  *RuleSet // nil for a tool that orders nothing
	fields []field  // in the input type's order, which is the schema's
	// across judges fields together; empty for nothing wrong, else the field to
	// name and what is wrong.
	across func(input reflect.Value) (field, message string)
}

// field is the rule for one field of an input.
type field struct {
	name     string
	required bool
	meaning  string // what it is
	// One of these holds, by the field's type: values for an enum or the elements
	// of an array, a text, the members of the objects in an array, or the bounds of
	// a number. A boolean has none.
	allowed  []string
	text     *text
	members  []field // texts, all optional; an array has at most max objects
	min, max int
	standard int    // the number that is filled in when it is left out
	neutral  string // the value that is sent when it is left out
	// judge finds what is wrong with a value beyond that, as a whole message.
	judge func(value string) string

	goName  string
	kind    reflect.Kind // String, Bool, Int or Slice
	pointer bool         // *string: left out and empty differ
}

// Values of the enums that no option rule has.
var (
	familyNames = func() []string {
		names := make([]string, len(websoftsolus.Families))
		for i, family := range websoftsolus.Families {
			names[i] = string(family)
		}
		return names
	}()
	stateNames = []string{"proposed", "sending", "succeeded", "rejected", "unknown", "not_applied", "declined", "expired"}
	kindNames  = []string{"order", "edit", "terminate"}
	// licenseColumns are the fields of a licence that can be chosen.
	licenseColumns = []string{"title", "comment", "product", "status", "period", "serverIP", "orderedAt", "expiresAt", "properties"}
)

// toolTable is the table of the inputs, in the order of tools/list.
var toolTable = sync.OnceValue(func() []*tool {
	var (
		family     = field{name: "family", required: true, meaning: "Licence family", allowed: familyNames}
		onlyFamily = field{name: "family", meaning: "Only this family", allowed: familyNames}
		keyNumber  = field{name: "keyNumber", required: true, meaning: "Key number as list_licenses shows it", text: &keyNumberText}
		confirm    = field{name: "confirm", required: true, text: &confirmText}
		limit      = field{name: "limit", meaning: "Results a page", min: 1, max: 200, standard: 50}
		cursor     = field{name: "cursor", text: &cursorText}
		duplicate  = field{name: "duplicateOf", meaning: "Only to repeat an order of the last 24 hours: its operation", text: &operationIDText}
	)
	order := func(input any, name string, options ...string) *tool {
		rules := ruleSetOf(name)
		var fields []field
		for _, option := range options {
			fields = append(fields, optionField(rules, option))
		}
		return newTool(name, input, append(fields, duplicate, confirm)...)
	}
	edit := newTool("edit_license", EditLicenseInput{}, family, keyNumber,
		field{name: "title", meaning: "New title; left out: unchanged", text: &titleText},
		field{name: "comment", meaning: "New comment; left out: unchanged, \"\": emptied", text: &commentText},
	)
	edit.across = titleOrComment

	compare := newTool("compare_licenses", CompareLicensesInput{},
		field{name: "servers", meaning: "The person's servers", max: maxServers, members: []field{
			{name: "name", text: &serverNameText}, {name: "ip", text: &anyIPText}}},
		field{name: "csv", meaning: "As CSV: name, ip", text: &csvText},
		field{name: "since", text: &sinceText},
		onlyFamily,
		field{name: "limit", meaning: "Results a list", min: 1, max: 1000, standard: 50})
	compare.across = serversOrSince

	return []*tool{
		newTool("list_licenses", ListLicensesInput{}, onlyFamily,
			field{name: "query", meaning: "Words to find", text: &queryText},
			field{name: "details", meaning: "Add details"},
			field{name: "fields", meaning: "Columns", allowed: licenseColumns},
			field{name: "fresh", meaning: "Bypass the cache"},
			limit, cursor),
		compare,
		newTool("get_license", GetLicenseInput{}, family, keyNumber),
		newTool("list_orderable_versions", ListOrderableVersionsInput{}, family),
		order(OrderPlesk10Input{}, "order_plesk10_license",
			"product", "title", "comment", "period", "os", "WPBSites", "applications", "CBMClients", "languagePack", "antivirus"),
		order(OrderPlesk12Input{}, "order_plesk12_license",
			"product", "title", "comment", "period", "WPBSites", "WPBOptions", "applications", "languagePack", "antivirus"),
		order(OrderCPanelInput{}, "order_cpanel_license",
			"product", "title", "comment", "period", "serverIP", "addons"),
		order(OrderVirtuozzoInput{}, "order_virtuozzo_license",
			"product", "title", "comment", "period", "os"),
		edit,
		newTool("terminate_license", TerminateLicenseInput{}, family, keyNumber, confirm),
		newTool("get_operation", GetOperationInput{},
			field{name: "operationId", required: true, text: &operationIDText},
			field{name: "wait", meaning: "Seconds to wait for approval or outcome", max: 60}),
		newTool("list_operations", ListOperationsInput{},
			field{name: "state", meaning: "Only this state", allowed: stateNames},
			field{name: "kind", meaning: "Only this kind", allowed: kindNames},
			onlyFamily, limit, cursor),
	}
})

// optionField makes an input field of an order's option. The free texts among
// the options have limits of ours: the API document states none.
func optionField(rules *RuleSet, name string) field {
	option := rules.Option(name)
	f := field{
		name:     name,
		required: option.Required,
		meaning:  option.Description,
		allowed:  option.Allowed,
		neutral:  option.Neutral,
	}
	switch name {
	case "product":
		f.text = &productText
		if rules.Generation != "" {
			f.judge = rules.otherGeneration
		}
	case "title":
		f.text = &titleText
	case "comment":
		f.text = &commentText
	case "serverIP":
		f.text = &serverIPText
	}
	return f
}

// otherGeneration refuses a product whose name shows the generation of the
// other Plesk rules, and names the tool that takes it.
func (r *RuleSet) otherGeneration(product string) string {
	shows, ok := GenerationOf(product)
	if !ok || shows == r.Generation {
		return ""
	}
	releases := map[Generation]string{Plesk10: "Plesk 10 or 11", Plesk12: "Plesk 12 or later"}
	return fmt.Sprintf("product %s is for %s, and %s orders %s; order it with %s",
		quote(product), releases[shows], r.Tool, releases[r.Generation], RuleSetFor(r.Family, shows).Tool)
}

func titleOrComment(input reflect.Value) (name, message string) {
	if in := input.Interface().(EditLicenseInput); in.Title == nil && in.Comment == nil {
		return "title", "title and comment are both left out; give at least one of them"
	}
	return "", ""
}

// maxServers is how many servers one call compares.
const maxServers = 2000

func serversOrSince(input reflect.Value) (name, message string) {
	in := input.Interface().(CompareLicensesInput)
	if len(in.Servers) == 0 && in.CSV == "" && in.Since == "" {
		return "servers", "servers, csv and since are all left out; give servers or csv to compare with, or since for what changed"
	}
	return "", ""
}

// newTool joins the rules to the input type. They must name the same fields in
// the same order.
func newTool(name string, input any, fields ...field) *tool {
	t := &tool{name: name, input: reflect.TypeOf(input), rules: ruleSetOf(name), fields: fields}
	if t.input.NumField() != len(fields) {
		panic(fmt.Sprintf("schemas: %s has %d fields and %d rules", t.input, t.input.NumField(), len(fields)))
	}
	for i := range fields {
		member, f := t.input.Field(i), &fields[i]
		if jsonName, _, _ := strings.Cut(member.Tag.Get("json"), ","); jsonName != f.name {
			panic(fmt.Sprintf("schemas: field %d of %s is %s, its rule is for %s", i, t.input, jsonName, f.name))
		}
		f.goName, f.kind = member.Name, member.Type.Kind()
		if f.kind == reflect.Pointer {
			f.kind, f.pointer = member.Type.Elem().Kind(), true
		}
	}
	return t
}

// toolOf returns the rules of a tool, nil for an unknown name.
func toolOf(name string) *tool {
	for _, t := range toolTable() {
		if t.name == name {
			return t
		}
	}
	return nil
}

// index returns where a field stands, -1 for none of that name.
func (t *tool) index(name []byte) int {
	for i := range t.fields {
		if t.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// names lists the tool's fields.
func (t *tool) names() []string {
	names := make([]string, len(t.fields))
	for i := range t.fields {
		names[i] = t.fields[i].name
	}
	return names
}

// description is what the schema says of the field. Limits stand in it too,
// since hosts strip the keywords that state them.
func (f *field) description() string {
	var parts []string
	if f.meaning != "" {
		parts = append(parts, f.meaning)
	}
	switch {
	case f.text != nil:
		parts = append(parts, f.text.words)
	case f.kind == reflect.Int:
		parts = append(parts, fmt.Sprintf("%d to %d, %d if left out", f.min, f.max, f.standard))
	case f.members != nil:
		parts = append(parts, fmt.Sprintf("at most %d", f.max))
	case f.kind == reflect.Slice:
		parts = append(parts, "each at most once")
	}
	if f.neutral != "" {
		parts = append(parts, f.neutral+" if left out")
	}
	return strings.Join(parts, "; ")
}

// expected says in words what a value has to be.
func (f *field) expected() string {
	switch {
	case f.kind == reflect.Bool:
		return "true or false"
	case f.kind == reflect.Int:
		return fmt.Sprintf("a whole number from %d to %d", f.min, f.max)
	case f.members != nil:
		return fmt.Sprintf("an array of at most %d objects with name, ip or both", f.max)
	case f.kind == reflect.Slice:
		return "an array of strings, each one of " + strings.Join(f.allowed, ", ")
	case f.text != nil:
		return f.text.words
	}
	return "one of " + strings.Join(f.allowed, ", ")
}

// fault says what is wrong with a text, as a whole message; empty if nothing is.
func (t *tool) fault(f *field, value string) string {
	if f.allowed != nil {
		if slices.Contains(f.allowed, value) {
			return ""
		}
		return notAllowed(t.rules, f.name, value, f.allowed)
	}
	if wrong := f.text.wrong(value); wrong != "" {
		return f.name + " " + wrong + "; it must be " + f.text.words
	}
	if f.judge != nil {
		return f.judge(value)
	}
	return ""
}
