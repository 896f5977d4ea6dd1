package schemas

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/go-playground/validator/v10"
)

// validation judges inputs by the table of tools.go: one struct-level rule for
// each input type. It is made when the first call comes in, not at start-up.
var validation = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	for _, t := range toolTable() {
		v.RegisterStructValidation(t.validate, reflect.Zero(t.input).Interface())
	}
	return v
})

// judge applies the rule for an input, a pointer to its struct. The fields have
// no rules of their own, so the library is told to pass them by.
func judge(input any) error {
	return validation().StructFiltered(input, func([]byte) bool { return true })
}

// Tags of the rules. A message stands in the error's parameter.
const (
	valueTag  = "value"  // the value itself is wrong
	acrossTag = "across" // fields or elements do not go together
)

// validate is the struct-level rule for the tool's input. An optional field
// that is empty was left out.
func (t *tool) validate(sl validator.StructLevel) {
	input := sl.Current()
	for i := range t.fields {
		f := &t.fields[i]
		value := input.Field(i)
		switch f.kind {
		case reflect.String:
			if f.pointer {
				if value.IsNil() {
					continue
				}
				value = value.Elem()
			} else if !f.required && value.Len() == 0 {
				continue
			}
			if fault := t.fault(f, value.String()); fault != "" {
				sl.ReportError(value.String(), f.name, f.goName, valueTag, fault)
			}
		case reflect.Int:
			if n := int(value.Int()); n < f.min || n > f.max {
				sl.ReportError(n, f.name, f.goName, valueTag, fmt.Sprintf("%s must be %s, not %d", f.name, f.expected(), n))
			}
		case reflect.Slice:
			if f.members != nil { // judged as they are read
				continue
			}
			t.validateArray(sl, f, value.Interface().([]string))
		}
	}
	if t.across != nil {
		if name, message := t.across(input); message != "" {
			sl.ReportError(nil, name, name, acrossTag, message)
		}
	}
}

// validateArray judges no more elements than there are different ones to name.
func (t *tool) validateArray(sl validator.StructLevel, f *field, elements []string) {
	if most := len(f.allowed); len(elements) > most {
		sl.ReportError(nil, f.name, f.goName, acrossTag,
			fmt.Sprintf("%s has %d elements, and there are %d to choose from; name each at most once", f.name, len(elements), most))
		elements = elements[:most]
	}
	for i, element := range elements {
		if fault := t.fault(f, element); fault != "" {
			sl.ReportError(element, fmt.Sprintf("%s[%d]", f.name, i), f.goName, valueTag, fault)
		} else if slices.Contains(elements[:i], element) {
			sl.ReportError(element, fmt.Sprintf("%s[%d]", f.name, i), f.goName, valueTag,
				fmt.Sprintf("%s has %s twice; name each at most once", f.name, element))
		}
	}
}
