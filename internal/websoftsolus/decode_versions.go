package websoftsolus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// decodeVersions reads the orderable versions (API document, "Get the orderable
// versions"): strings, objects, a map from name to label or to an object, or
// groups with orderableVersions. The raw answer is kept.
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
	d.collect(value, true)
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

func (d *versionDecoder) collect(value any, outer bool) {
	switch v := value.(type) {
	case nil:
	case []any:
		for _, element := range v {
			d.element(element)
		}
	case object:
		if ordered, ok := numbered(v); ok {
			d.collect(ordered, false)
			return
		}
		if v.has("orderableVersions") {
			d.element(v)
			return
		}
		if inner, ok := unwrap(v); ok && outer && len(v) <= 3 && wrapped(v) {
			d.collect(inner, false)
			return
		}
		for _, m := range v { // a map: name → label, or name → object
			if members, ok := m.value.(object); ok {
				d.add(m.name, scalar(members.get("label", "title", "name", "description")))
			} else {
				d.add(m.name, scalarKey(m.value))
			}
		}
	}
}

// wrapped says whether an object is a wrapper by its name, and not a map with
// one product in it.
func wrapped(members object) bool {
	for _, name := range wrappers {
		if isContainer(members.get(name)) {
			return true
		}
	}
	return false
}

func (d *versionDecoder) element(value any) {
	members, ok := value.(object)
	if !ok {
		d.add(scalarKey(value), "")
		return
	}
	if group := members.get("orderableVersions"); isContainer(group) {
		d.collect(group, false)
		return
	}
	for i, name := range recognised["versions"] {
		if product := scalarKey(members.get(name)); product != "" {
			label := ""
			for _, other := range append([]string{"label"}, recognised["versions"][i+1:]...) {
				if label = scalarKey(members.get(other)); label != "" && other != "id" {
					break
				}
				label = ""
			}
			d.add(product, label)
			return
		}
	}
	d.out.Unambiguous = false
}
