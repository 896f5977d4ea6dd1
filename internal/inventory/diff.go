package inventory

import (
	"bytes"
	"encoding/json"
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

// DiffSince compares an inventory with what a snapshot has of its families.
func DiffSince(s *Snapshot, inv *Inventory) Diff {
	var d Diff
	for _, part := range s.Parts {
		if !slices.Contains(inv.Families, part.Family) {
			continue
		}
		before := make(map[string]*Recorded, len(part.Licenses))
		for i := range part.Licenses {
			before[part.Licenses[i].KeyNumber] = &part.Licenses[i]
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
		for _, was := range part.Licenses {
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
	return d
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
	paths := make([]string, 0, len(now.More))
	for path := range now.More {
		paths = append(paths, path)
	}
	for path := range was.More {
		if _, both := now.More[path]; !both {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	named := len(changes)
	for _, path := range paths {
		before, after := was.More[path], now.More[path]
		// What a named field says already is one change, not two.
		if !slices.ContainsFunc(changes[:named], func(c Change) bool { return c.Before == before && c.After == after }) {
			compare(path, before, after)
		}
	}
	return changes
}

// Bounds on what is recorded of one licence beside its named fields.
const (
	maxMore     = 100 // properties, in the order of their paths
	maxMoreText = 400 // bytes of one
)

// record is a licence as a snapshot has it.
func record(e Entry) Recorded {
	l := e.License
	r := Recorded{
		KeyNumber: e.KeyNumber, Title: l.Title, Comment: l.Comment, Product: l.Product, Status: l.Status, Period: l.Period,
		ServerIP: l.ServerIP, OrderedAt: l.OrderedAt, ExpiresAt: l.ExpiresAt,
	}
	decoder := json.NewDecoder(bytes.NewReader(l.Properties))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return r
	}
	r.More = map[string]string{}
	flatten("", value, func(path, text string) {
		if text != "" && len(r.More) < maxMore {
			r.More[path] = strings.ToValidUTF8(text[:min(len(text), maxMoreText)], "")
		}
	})
	return r
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
