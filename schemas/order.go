package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Order is a valid order, whatever tool it came through.
type Order struct {
	Tool        string
	Family      websoftsolus.Family
	Product     string
	Title       string
	Comment     string
	Period      string  // months
	Form        []Field // what is sent, in the API document's order, nothing left to fill in
	DuplicateOf string  // operation id of an identical earlier order; empty for none
	Confirm     string  // the phrase; empty asks for a preview
}

// Field is one form field, as it is sent.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Form is form fields in sending order. As JSON it is one object, in that
// order.
type Form []Field

// MarshalJSON writes the fields as one object. HTML characters are not escaped.
func (f Form) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, field := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encoder.Encode(field.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encoder.Encode(field.Value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads one object of strings and keeps its order.
func (f *Form) UnmarshalJSON(raw []byte) error {
	form := Form{}
	var failed error
	err := members.Each(raw, func(name, value []byte) {
		field := Field{Name: string(name)}
		if err := json.Unmarshal(value, &field.Value); err != nil && failed == nil {
			failed = fmt.Errorf("form field %s: %w", name, err)
		}
		form = append(form, field)
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	*f = form
	return nil
}

// Order returns the order with every option filled in.
func (in OrderPlesk10Input) Order() Order {
	return Order{
		Product: in.Product, Title: in.Title, Comment: in.Comment, Period: in.Period,
		DuplicateOf: in.DuplicateOf, Confirm: in.Confirm,
	}.under(RuleSetFor(websoftsolus.Plesk, Plesk10), map[string]string{
		"os":           in.OS,
		"WPBSites":     in.WPBSites,
		"applications": in.Applications,
		"CBMClients":   in.CBMClients,
		"languagePack": in.LanguagePack,
		"antivirus":    in.Antivirus,
	}, nil)
}

// Order returns the order with every option filled in.
func (in OrderPlesk12Input) Order() Order {
	return Order{
		Product: in.Product, Title: in.Title, Comment: in.Comment, Period: in.Period,
		DuplicateOf: in.DuplicateOf, Confirm: in.Confirm,
	}.under(RuleSetFor(websoftsolus.Plesk, Plesk12), map[string]string{
		"WPBSites":     in.WPBSites,
		"WPBOptions":   in.WPBOptions,
		"applications": in.Applications,
		"languagePack": in.LanguagePack,
		"antivirus":    in.Antivirus,
	}, nil)
}

// Order returns the order with its add-ons numbered.
func (in OrderCPanelInput) Order() Order {
	return Order{
		Product: in.Product, Title: in.Title, Comment: in.Comment, Period: in.Period,
		DuplicateOf: in.DuplicateOf, Confirm: in.Confirm,
	}.under(RuleSetFor(websoftsolus.CPanel, ""), map[string]string{
		"serverIP": in.ServerIP,
	}, map[string][]string{
		"addons": in.Addons,
	})
}

// Order returns the order.
func (in OrderVirtuozzoInput) Order() Order {
	return Order{
		Product: in.Product, Title: in.Title, Comment: in.Comment, Period: in.Period,
		DuplicateOf: in.DuplicateOf, Confirm: in.Confirm,
	}.under(RuleSetFor(websoftsolus.Virtuozzo, ""), map[string]string{
		"os": in.OS,
	}, nil)
}

// under fills in the form by the rules: options in their order, the neutral
// value where one was left out, one field for each element of an array.
func (o Order) under(rules *RuleSet, values map[string]string, arrays map[string][]string) Order {
	o.Tool, o.Family = rules.Tool, rules.Family
	o.Form = make([]Field, 0, len(rules.Options)+len(addonNames))
	for _, option := range rules.Options {
		value := values[option.Name]
		switch option.Name {
		case "product":
			value = o.Product
		case "title":
			value = o.Title
		case "comment":
			value = o.Comment
		case "period":
			value = o.Period
		}
		if option.Array {
			for i, element := range arrays[option.Name] {
				o.Form = append(o.Form, Field{Name: option.Name + "[" + strconv.Itoa(i) + "]", Value: element})
			}
			continue
		}
		if value == "" {
			value = option.Neutral
		}
		o.Form = append(o.Form, Field{Name: option.Name, Value: value})
	}
	return o
}
