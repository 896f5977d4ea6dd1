package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Change is one property that differs from what a snapshot has.
type Change struct {
	Property      string // the field's name, or its path in the API's answer
	Before, After string // empty where it was not there
}

// IsLabel says whether it is of the title or the comment, which people write.
func (c Change) IsLabel() bool { return c.Property == "title" || c.Property == "comment" }

// Changed is a licence that is in both, and differs.
type Changed struct {
	Family    websoftsolus.Family
	KeyNumber string
	Changes   []Change // named fields first, then by path
}

// Diff is what differs between a snapshot and an inventory.
type Diff struct {
	New []Entry
	// Gone are licences of the snapshot that are not listed any more. Of a partial
	// inventory nothing is called gone: it is NotShown then.
	Gone, NotShown []Recognised
	Changed        []Changed
	// Compared is how many licences of the snapshot could be compared.
	Compared int
}

// Recognised is a recorded licence and its family.
type Recognised struct {
	Family websoftsolus.Family
	Recorded
}

// DiffSince compares an inventory with what a snapshot has of its families. It
// fails where the snapshot cannot be read.
func DiffSince(s *Snapshot, inv *Inventory) (Diff, error) {
	var d Diff
	for _, part := range s.Parts {
		if !slices.Contains(inv.Families, part.Family) {
			continue
		}
		var recorded []Recorded
		if err := json.Unmarshal(part.Licenses, &recorded); err != nil {
			return Diff{}, fmt.Errorf("read snapshot %s: %w", s.ID, err)
		}
		before := make(map[string]*Recorded, len(recorded))
		for i := range recorded {
			before[recorded[i].KeyNumber] = &recorded[i]
		}
		shown := make(map[string]bool, len(before))
		for _, e := range inv.Entries {
			if e.Family != part.Family {
				continue
			}
			shown[e.KeyNumber] = true
			was := before[e.KeyNumber]
			switch {
			case was == nil:
				d.New = append(d.New, e)
			case e.License != nil:
				d.Compared++
				if changes := differences(was, e); len(changes) > 0 {
					d.Changed = append(d.Changed, Changed{e.Family, e.KeyNumber, changes})
				}
			}
		}
		for _, was := range recorded {
			switch missing := (Recognised{part.Family, was}); {
			case shown[was.KeyNumber]:
			case inv.Partial():
				d.NotShown = append(d.NotShown, missing)
			default:
				d.Compared++
				d.Gone = append(d.Gone, missing)
			}
		}
	}
	return d, nil
}

func differences(was *Recorded, e Entry) []Change {
	now := record(e)
	var changes []Change
	compare := func(property, before, after string) {
		if before != after {
			changes = append(changes, Change{property, before, after})
		}
	}
	compare("title", was.Title, now.Title)
	compare("comment", was.Comment, now.Comment)
	compare("product", was.Product, now.Product)
	compare("status", was.Status, now.Status)
	compare("period", was.Period, now.Period)
	compare("serverIP", was.ServerIP, now.ServerIP)
	compare("orderedAt", was.OrderedAt, now.OrderedAt)
	compare("expiresAt", was.ExpiresAt, now.ExpiresAt)
	if bytes.Equal(was.Properties, now.Properties) {
		return changes
	}
	old, current := flat(was.Properties), flat(now.Properties)
	paths := slices.Collect(maps.Keys(current))
	for path := range old {
		if _, both := current[path]; !both {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	named := len(changes)
	for _, path := range paths {
		before, after := old[path], current[path]
		// What a named field says already is one change, not two.
		if !slices.ContainsFunc(changes[:named], func(c Change) bool { return c.Before == before && c.After == after }) {
			compare(path, before, after)
		}
	}
	return changes
}

// flat is every scalar of a JSON value that is not empty, by its path.
func flat(properties json.RawMessage) map[string]string {
	found := map[string]string{}
	decoder := json.NewDecoder(bytes.NewReader(properties))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return found
	}
	flatten("", value, func(path, text string) {
		if text != "" {
			found[path] = text
		}
	})
	return found
}

// flatten calls found with every scalar of a JSON value, by its path.
func flatten(path string, value any, found func(path, text string)) {
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch v := value.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			flatten(join(name), v[name], found)
		}
	case []any:
		for i, element := range v {
			flatten(join(strconv.Itoa(i)), element, found)
		}
	case string:
		found(path, v)
	case json.Number:
		found(path, v.String())
	case bool:
		found(path, strconv.FormatBool(v))
	}
}
