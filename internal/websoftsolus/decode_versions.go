package websoftsolus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// decodeVersions reads the orderable versions (API document, "Get the orderable
// versions"): strings, objects, a map from name to label or to an object, or
// groups with orderableVersions. The raw answer is kept. An error that the API put in their place is an *Error.
func decodeVersions(family Family, body []byte) (*OrderableVersions, error) {
	out := &OrderableVersions{Family: family, Versions: []OrderableVersion{}, Unambiguous: true, Raw: json.RawMessage(body)}
	if len(bytes.TrimSpace(body)) == 0 {
		return out, nil
	}
	value, err := decodeJSON(body)
	if err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	if value != nil && !isContainer(value) {
		return nil, errors.New("the answer is no list of versions")
	}
	if failed := errorInside(value); failed != nil {
		return nil, failed
	}
	d := versionDecoder{out: out, seen: map[string]bool{}}
	d.collect(value)
	return out, nil
}

type versionDecoder struct {
	out  *OrderableVersions
	seen map[string]bool
}

func (d *versionDecoder) add(product, label string) {
	if product == "" {
		d.out.Unambiguous = false
		return
	}
	if label == product {
		label = ""
	}
	if !d.seen[product] {
		d.seen[product] = true
		d.out.Versions = append(d.out.Versions, OrderableVersion{Product: product, Label: label})
	}
}

func (d *versionDecoder) collect(value any) {
	switch v := value.(type) {
	case nil:
	case []any:
		for _, element := range v {
			d.element(element)
		}
	case object:
		if ordered, ok := numbered(v); ok {
			d.collect(ordered)
			return
		}
		if scalarKey(v.get("product", "version")) != "" {
			d.element(v) // one version, not a map of them
			return
		}
		if inner, ok := wrapped(v); ok {
			d.collect(inner)
			return
		}
		for _, m := range v {
			d.entry(m)
		}
	}
}

// entry is one of a map: name → label, name → object, or a group's name → array.
func (d *versionDecoder) entry(m member) {
	switch v := m.value.(type) {
	case object:
		d.add(m.name, v.key("label"))
	case []any:
		d.out.Unambiguous = false // the group's name might be a product's
		d.collect(v)
	default:
		if !named(m.name, envelope) {
			d.add(m.name, scalarKey(v))
		}
	}
}

// wrapped returns what a wrapper holds, by its name alone: an object with one
// unknown member is a map with one product in it.
func wrapped(members object) (any, bool) {
	for _, name := range wrappers {
		if inner := members.get(name); isContainer(inner) {
			return inner, true
		}
	}
	return nil, false
}

func (d *versionDecoder) element(value any) {
	members, ok := value.(object)
	if !ok {
		d.add(scalarKey(value), "")
		return
	}
	if group := members.get("orderableVersions"); isContainer(group) {
		d.collect(group)
		return
	}
	product := members.key("version")
	label := ""
	for _, name := range recognised["label"] {
		if text := scalarKey(members.get(name)); text != "" && text != product {
			label = text
			break
		}
	}
	d.add(product, label)
}
