package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// What every host keeps of a tool list. Some hosts refuse a whole list for one
// schema they do not understand, others drop what they do not know, so an input
// schema has these keywords and no others.
var keptKeywords = []string{
	"type", "properties", "required", "enum", "additionalProperties", "items",
	"description", "title", "default", "pattern",
	"minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems",
}

const (
	toolNameForm   = `^[a-z0-9_]{1,36}$`
	maxDescription = 1024 // characters
)

var hintNames = []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}

// LintToolsList says what in a tool list some host refuses, drops or mangles;
// nothing for a list that every host keeps. The list is the result of
// tools/list, {"tools":[…]}, or the whole answer around it.
func LintToolsList(raw []byte) []string {
	var list struct {
		Tools  []map[string]any `json:"tools"`
		Result struct {
			Tools []map[string]any `json:"tools"`
		} `json:"result"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return []string{"the list cannot be read: " + err.Error()}
	}
	tools := append(list.Tools, list.Result.Tools...)
	if len(tools) == 0 {
		return []string{"the list has no tools"}
	}
	var l lint
	seen := map[string]bool{}
	for i, tool := range tools {
		name, _ := tool["name"].(string)
		where := name
		if where == "" {
			where = fmt.Sprintf("tool %d", i)
		}
		if seen[name] {
			l.report(where, "is listed twice")
		}
		seen[name] = true
		l.tool(where, tool)
	}
	return l
}

// lint gathers what was found.
type lint []string

func (l *lint) report(where, format string, args ...any) {
	*l = append(*l, where+": "+fmt.Sprintf(format, args...))
}

func (l *lint) tool(where string, tool map[string]any) {
	name, _ := tool["name"].(string)
	if ok, _ := regexp.MatchString(toolNameForm, name); !ok {
		l.report(where, "the name is not of the form %s", toolNameForm)
	}
	if title, _ := tool["title"].(string); strings.TrimSpace(title) == "" {
		l.report(where, "there is no title")
	}
	if description, _ := tool["description"].(string); strings.TrimSpace(description) == "" {
		l.report(where, "there is no description")
	}
	l.description(where, tool)
	if _, ok := tool["outputSchema"]; ok {
		l.report(where, "there is an outputSchema")
	}
	annotations, _ := tool["annotations"].(map[string]any)
	for _, hint := range hintNames {
		if _, ok := annotations[hint].(bool); !ok {
			l.report(where, "%s is not set", hint)
		}
	}
	schema, ok := tool["inputSchema"].(map[string]any)
	if !ok {
		l.report(where, "inputSchema is no object")
		return
	}
	if schema["type"] != "object" {
		l.report(where+" inputSchema", "the type is not object")
	}
	l.schema(where+" inputSchema", schema)
}

func (l *lint) description(where string, described map[string]any) {
	if description, ok := described["description"].(string); ok && utf8.RuneCountInString(description) > maxDescription {
		l.report(where, "the description has more than %d characters", maxDescription)
	}
}

// schema judges a schema and those inside it.
func (l *lint) schema(where string, value any) {
	schema, ok := value.(map[string]any)
	if !ok {
		l.report(where, "the schema is no object")
		return
	}
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		if !slices.Contains(keptKeywords, keyword) {
			l.report(where, "%s is not a keyword that every host keeps", keyword)
		}
	}
	l.description(where, schema)
	kind, ok := schema["type"].(string)
	if !ok {
		l.report(where, "type is not one name")
	}
	if enum, ok := schema["enum"]; ok {
		l.enum(where, kind, enum)
	}
	if kind == "array" || schema["items"] != nil {
		if _, ok := schema["items"]; ok {
			l.schema(where+" items", schema["items"])
		} else {
			l.report(where, "the array has no items")
		}
	}
	if kind == "object" || schema["properties"] != nil {
		l.object(where, schema)
	}
}

// enum takes strings alone: hosts turn other values into strings or refuse them.
func (l *lint) enum(where, kind string, enum any) {
	values, _ := enum.([]any)
	strangers := slices.ContainsFunc(values, func(value any) bool {
		_, ok := value.(string)
		return !ok
	})
	if kind != "string" || len(values) == 0 || strangers {
		l.report(where, "the enum is not one of strings")
	}
}

func (l *lint) object(where string, schema map[string]any) {
	if schema["additionalProperties"] != false {
		l.report(where, "additionalProperties is not false")
	}
	properties, _ := schema["properties"].(map[string]any)
	if properties == nil {
		l.report(where, "the object has no properties")
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		l.schema(where+" "+name, properties[name])
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if text, ok := name.(string); !ok || properties[text] == nil {
			l.report(where, "%v is required and is no property", name)
		}
	}
}
