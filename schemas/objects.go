package schemas

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// maxObjectProblems is how many problems of one array are named.
const maxObjectProblems = 20

// objects reads an array of objects whose members are texts. An array that
// holds anything else is one problem; what is wrong with a member is one of its
// own, and names the object by its index.
func (d *decoding) objects(at int, target reflect.Value, value []byte) {
	f := &d.tool.fields[at]
	lose := func(p Problem) {
		d.lost[at] = true
		if len(d.found) < maxObjectProblems {
			d.report(at, p)
		}
	}
	var elements []json.RawMessage
	if value[0] == '[' && json.Unmarshal(value, &elements) != nil {
		elements = nil
	}
	if value[0] != '[' || slices.ContainsFunc(elements, func(e json.RawMessage) bool { return e[0] != '{' }) {
		lose(Problem{Field: f.name, Value: shown(value), Message: f.wrongType(value)})
		return
	}
	if len(elements) > f.max {
		lose(Problem{Field: f.name, Message: fmt.Sprintf("%s has %d elements; give %s", f.name, len(elements), f.expected())})
		return
	}
	list := reflect.MakeSlice(target.Type(), len(elements), len(elements))
	for n, element := range elements {
		d.object(f, fmt.Sprintf("%s[%d]", f.name, n), list.Index(n), element, lose)
	}
	if len(elements) > 0 {
		target.Set(list)
	}
}

// object reads one object of an array.
func (d *decoding) object(f *field, where string, target reflect.Value, element []byte, lose func(Problem)) {
	names := make([]string, len(f.members))
	for i := range f.members {
		names[i] = f.members[i].name
	}
	given := make([]bool, len(names))
	empty := true
	_ = members.Each(element, func(name, value []byte) { // it is an object, since the arguments could be read
		i := slices.Index(names, string(name))
		member := where + "." + cut(string(name), maxShownValue)
		switch {
		case i < 0:
			lose(Problem{Field: member, Value: shown(value), Allowed: names, Message: fmt.Sprintf("%s is not a field of %s; leave it out", fieldName(string(name)), where)})
		case given[i]:
			lose(Problem{Field: member, Value: shown(value), Message: member + " is given more than once; give it once"})
		default:
			given[i] = true
			text, ok := members.Text(value)
			if !ok {
				lose(Problem{Field: member, Value: shown(value), Message: member + " must be a string: " + f.members[i].text.words})
				empty = false
				return
			}
			if wrong := f.members[i].text.wrong(text); wrong != "" {
				lose(Problem{Field: member, Value: cut(text, maxShownValue), Message: member + " " + wrong + "; it must be " + f.members[i].text.words})
			}
			empty = empty && text == ""
			target.Field(i).SetString(text)
		}
	})
	if empty {
		lose(Problem{Field: where, Value: shown(element), Message: where + " has neither a name nor an ip; give at least one"})
	}
}
