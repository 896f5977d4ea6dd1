package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// Decode reads the arguments of a call to a tool and judges them. No arguments,
// null and {} are the same. The error is an *InvalidInput with every problem,
// and the input is then empty. What the published schema refuses, Decode
// refuses; beyond that it refuses repeated members, texts that are blank or
// hold control characters, repeated add-ons, addresses no server has, key
// numbers that can be no part of a path, products of the other Plesk
// generation, and an edit of nothing.
//
// T has to be the input type of the tool; anything else is a defect of the
// program and panics.
func Decode[T any](tool string, raw json.RawMessage) (T, error) {
	var input, none T
	target := reflect.ValueOf(&input)
	t := toolOf(tool)
	if t == nil || t.input != target.Type().Elem() {
		panic(fmt.Sprintf("schemas: %T is not the input of a tool %q", input, tool))
	}
	if problems := t.decode(target, raw); len(problems) > 0 {
		return none, &InvalidInput{Tool: tool, Problems: problems}
	}
	return input, nil
}

// maxFields is above the number of fields of any tool.
const maxFields = 16

// decoding is one call's arguments on their way into an input.
type decoding struct {
	tool   *tool
	target reflect.Value // the input
	given  [maxFields]bool
	// lost marks the fields whose value could not be taken, so that what stands
	// in the input instead is not judged.
	lost  [maxFields]bool
	found []foundProblem
	// unknown fields in the order of their appearance, each once.
	unknown []string
	// more counts the unknown fields beyond those listed.
	more int
}

// foundProblem is a problem and the place of its field in the tool's order.
type foundProblem struct {
	Problem
	at int
}

// decode fills in the input and returns what is wrong with it.
func (t *tool) decode(target reflect.Value, raw []byte) []Problem {
	d := decoding{tool: t, target: target.Elem()}
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && string(raw) != "null" {
		if err := members.Each(raw, d.member); err != nil {
			return []Problem{whole(raw, err)}
		}
	}
	for i := range t.fields {
		f := &t.fields[i]
		switch {
		case d.given[i]:
		case f.required:
			d.lost[i] = true
			d.report(i, Problem{Field: f.name, Allowed: f.choices(), Message: f.name + " is required: " + f.expected()})
		case f.standard != 0:
			d.target.Field(i).SetInt(int64(f.standard))
		}
	}
	if err := judge(target.Interface()); err != nil {
		d.reportInvalid(err)
	}
	return d.problems()
}

// whole is the one problem of arguments that are no object.
func whole(raw []byte, err error) Problem {
	p := Problem{Field: "arguments", Value: cut(strings.ToValidUTF8(string(raw[:min(len(raw), 4*maxShownValue)]), "\uFFFD"), maxShownValue)}
	if errors.Is(err, members.ErrNotAnObject) {
		p.Message = `arguments must be one JSON object, for example {"family":"plesk"}`
	} else {
		p.Message = "arguments cannot be read: " + err.Error()
	}
	return p
}

func (d *decoding) report(at int, p Problem) {
	d.found = append(d.found, foundProblem{p, at})
}

// member takes one member of the arguments.
func (d *decoding) member(name, value []byte) {
	i := d.tool.index(name)
	if i < 0 {
		d.unknownMember(name, value)
		return
	}
	f := &d.tool.fields[i]
	if d.given[i] {
		d.repeated(i, value)
		return
	}
	d.given[i] = true
	target := d.target.Field(i)
	if f.members != nil {
		d.objects(i, target, value)
		return
	}
	if f.pointer { // given, whatever becomes of the value
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	if wrong := d.set(f, target, value); wrong != "" {
		d.lost[i] = true
		d.report(i, Problem{Field: f.name, Value: shown(value), Allowed: f.choices(), Message: wrong})
	}
}

// repeated reports a member that was given before, once however often it is.
func (d *decoding) repeated(at int, value []byte) {
	message := d.tool.fields[at].name + " is given more than once; give it once"
	for _, p := range d.found {
		if p.at == at && p.Message == message {
			return
		}
	}
	d.report(at, Problem{Field: d.tool.fields[at].name, Value: shown(value), Message: message})
}

// set puts a JSON value into a field, and says what is wrong where it is of
// another type, or empty where it cannot be.
func (d *decoding) set(f *field, target reflect.Value, value []byte) string {
	switch f.kind {
	case reflect.String:
		s, ok := members.Text(value)
		if !ok {
			return f.wrongType(value)
		}
		target.SetString(s)
		if s == "" && !f.required && !f.pointer && (f.allowed != nil || f.text.min > 0) {
			return fmt.Sprintf("%s is empty; leave it out, or give %s", f.name, f.expected())
		}
	case reflect.Bool:
		if value[0] != 't' && value[0] != 'f' {
			return f.wrongType(value)
		}
		target.SetBool(value[0] == 't')
	case reflect.Int:
		n, ok := integer(value)
		if !ok {
			return f.wrongType(value)
		}
		target.SetInt(n)
	case reflect.Slice:
		elements, ok := stringsOf(value)
		if !ok {
			return f.wrongType(value)
		}
		target.Set(reflect.ValueOf(elements))
	}
	return ""
}

// integer reads a JSON number without a fraction: 50, and 50.0 or 5e1 as well,
// which are the same number to JSON Schema.
func integer(value []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, true
	}
	if !isDigit(value[0]) && value[0] != '-' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || n != math.Trunc(n) {
		return 0, false
	}
	return int64(max(math.MinInt32, min(math.MaxInt32, n))), true // beyond any bound
}

// stringsOf reads an array of strings, nil if it is empty.
func stringsOf(value []byte) ([]string, bool) {
	if value[0] != '[' {
		return nil, false
	}
	var literals []json.RawMessage
	if json.Unmarshal(value, &literals) != nil {
		return nil, false
	}
	var elements []string
	for _, literal := range literals {
		s, ok := members.Text(literal)
		if !ok {
			return nil, false
		}
		elements = append(elements, s)
	}
	return elements, true
}

// wrongType says what JSON value a field takes, and how to write what was
// probably meant.
func (f *field) wrongType(value []byte) string {
	switch {
	case value[0] == 'n':
		if f.required {
			return fmt.Sprintf("%s is null; give %s", f.name, f.expected())
		}
		return fmt.Sprintf("%s is null; leave it out, or give %s", f.name, f.expected())
	case value[0] == '"' && f.kind == reflect.String:
		return f.name + " is not valid UTF-8"
	case f.kind == reflect.String && (isDigit(value[0]) || value[0] == '-'):
		return fmt.Sprintf("%s must be a string: write %s in quotes", f.name, cut(string(value), maxQuotedValue))
	case f.kind == reflect.String:
		return fmt.Sprintf("%s must be a string: %s", f.name, f.expected())
	case value[0] == '"' && f.kind != reflect.Slice:
		return fmt.Sprintf("%s must be %s, without quotes", f.name, f.expected())
	}
	return fmt.Sprintf("%s must be %s", f.name, f.expected())
}

// choices lists what a field may be, where that is a list.
func (f *field) choices() []string {
	if f.kind == reflect.Bool {
		return []string{"true", "false"}
	}
	return f.allowed
}

func (d *decoding) unknownMember(name, value []byte) {
	unknown := strings.ToValidUTF8(string(name), "\uFFFD")
	if slices.Contains(d.unknown, unknown) {
		return
	}
	if len(d.unknown) == maxUnknownShown {
		d.more++
		return
	}
	d.unknown = append(d.unknown, unknown)
	names := d.tool.names()
	d.report(len(names), Problem{
		Field:   cut(unknown, maxShownValue),
		Value:   shown(value),
		Allowed: names,
		Message: d.tool.unknownField(unknown),
	})
}

// reportInvalid takes over what validation found of the values that were taken.
func (d *decoding) reportInvalid(err error) {
	var invalid validator.ValidationErrors
	if !errors.As(err, &invalid) {
		d.report(0, Problem{Field: "arguments", Message: "arguments cannot be judged: " + err.Error()})
		return
	}
	for _, e := range invalid {
		name, _, _ := strings.Cut(e.Field(), "[")
		at := d.tool.index([]byte(name))
		if d.lost[at] {
			continue
		}
		p := Problem{Field: e.Field(), Message: e.Param()}
		if e.Tag() == valueTag {
			p.Value = e.Value()
			if s, ok := p.Value.(string); ok {
				p.Value = cut(s, maxShownValue)
			}
			p.Allowed = d.tool.fields[at].allowed
		}
		d.report(at, p)
	}
}

// problems puts what was found in the order of the fields.
func (d *decoding) problems() []Problem {
	if len(d.found) == 0 {
		return nil
	}
	slices.SortStableFunc(d.found, func(a, b foundProblem) int { return a.at - b.at })
	problems := make([]Problem, len(d.found), len(d.found)+1)
	for i, p := range d.found {
		problems[i] = p.Problem
	}
	if d.more > 0 {
		problems = append(problems, Problem{
			Field:   "arguments",
			Message: fmt.Sprintf("arguments have %d more fields that %s does not take; leave them out", d.more, d.tool.name),
		})
	}
	return problems
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
