package sandbox

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// The shapes of a list of licences that is not empty. The API document prints
// one with PHP, which shows an array's and an object's alike.
var listShapes = []shape[[]License, any]{
	{"array", func(l []License) any { return keysOf(l) }},
	{"object", func(l []License) any { return numbered(keysOf(l), 0, 1) }},
	// The numbers that are left after others were filtered out: a client that
	// sorts them as text puts 10 before 4.
	{"object-sparse", func(l []License) any { return numbered(keysOf(l), 4, 3) }},
	{"objects", func(l []License) any {
		return each(l, func(l License) any { return object{{"keyNumber", l.KeyNumber}} })
	}},
	{"objects-snake", func(l []License) any {
		return each(l, func(l License) any { return object{{"key_number", l.KeyNumber}} })
	}},
	{"objects-key", func(l []License) any {
		return each(l, func(l License) any { return object{{"key", l.KeyNumber}, {"title", l.Title}} })
	}},
	{"objects-license", func(l []License) any {
		return each(l, func(l License) any { return object{{"license", l.KeyNumber}, {"status", l.Status}} })
	}},
	{"data", func(l []License) any { return object{{"data", keysOf(l)}} }},
	{"licenses", func(l []License) any { return object{{"licenses", keysOf(l)}} }},
	{"results", func(l []License) any { return object{{"results", keysOf(l)}} }},
	{"data-success", func(l []License) any { return object{{"success", true}, {"data", keysOf(l)}} }},
	{"data-object", func(l []License) any { return object{{"data", numbered(keysOf(l), 0, 1)}} }},
	{"data-objects", func(l []License) any {
		return object{{"data", each(l, func(l License) any { return object{{"keyNumber", l.KeyNumber}} })}}
	}},
}

// The shapes of a list without licences.
var emptyShapes = []shape[Dialect, answer]{
	{"array", func(Dialect) answer { return jsonAnswer(http.StatusOK, []string{}) }},
	{"object", func(Dialect) answer { return jsonAnswer(http.StatusOK, object{}) }},
	{"null", func(Dialect) answer { return jsonAnswer(http.StatusOK, nil) }},
	{"body", func(Dialect) answer { return answer{status: http.StatusOK} }},
	{"no-content", func(Dialect) answer { return answer{status: http.StatusNoContent} }},
	{"not-found", func(d Dialect) answer { return chosen(errorShapes, d.errors)(notFound("no licences")) }},
	{"data", func(Dialect) answer { return jsonAnswer(http.StatusOK, object{{"data", []string{}}}) }},
}

// The shapes of a licence's properties.
var getShapes = []shape[License, any]{
	{"flat", func(l License) any { return properties(l) }},
	{"license", func(l License) any { return object{{"license", properties(l)}} }},
	{"data", func(l License) any { return object{{"success", true}, {"data", properties(l)}} }},
	{"array-of-one", func(l License) any { return []any{properties(l)} }},
	{"pairs", func(l License) any { return pairs(properties(l)) }},
	{"wrapped-pairs", func(l License) any { return object{{"properties", pairs(properties(l))}} }},
	{"snake", func(l License) any {
		return renamed(properties(l), "keyNumber", "key_number", "title", "name", "comment", "note", "product", "version",
			"status", "state", "serverIP", "server_ip", "orderDate", "created", "expirationDate", "expires")
	}},
	{"short", func(l License) any {
		return renamed(properties(l), "keyNumber", "key", "title", "label", "comment", "description", "product", "type",
			"serverIP", "ip", "orderDate", "creation", "expirationDate", "expiry")
	}},
	{"renew-date", func(l License) any {
		return renamed(properties(l), "keyNumber", "license", "serverIP", "ip_address", "expirationDate", "renewDate")
	}},
	{"numbers", func(l License) any {
		months, _ := strconv.Atoi(l.Period)
		return replaced(properties(l), "period", months, "active", l.Status == Active)
	}},
	{"strings", func(l License) any {
		active := "0"
		if l.Status == Active {
			active = "1"
		}
		return replaced(properties(l), "active", active)
	}},
	{"zero-dates", func(l License) any {
		return replaced(properties(l), "orderDate", "0000-00-00 00:00:00", "expirationDate", "0000-00-00 00:00:00")
	}},
	{"long-key", func(l License) any { return replaced(properties(l), "keyNumber", longKey(l)) }},
	{"no-key", func(l License) any { return without(properties(l), "keyNumber") }},
	{"no-comment", func(l License) any { return without(properties(l), "comment") }},
	{"null-comment", func(l License) any {
		if l.Comment == "" {
			return replaced(properties(l), "comment", nil)
		}
		return properties(l)
	}},
	{"key-only", func(l License) any { return object{{"keyNumber", l.KeyNumber}, {"status", l.Status}} }},
}

// The shapes of the orderable versions.
var versionsShapes = []shape[[]Product, any]{
	{"strings", func(p []Product) any { return namesOfProducts(p) }},
	{"object", func(p []Product) any { return numbered(namesOfProducts(p), 0, 1) }},
	{"objects-product", func(p []Product) any {
		return each(p, func(p Product) any { return object{{"product", p.Name}, {"title", p.Label}} })
	}},
	{"objects-version", func(p []Product) any { return each(p, func(p Product) any { return object{{"version", p.Name}} }) }},
	{"objects-name", func(p []Product) any { return each(p, func(p Product) any { return object{{"name", p.Name}} }) }},
	{"objects-id-title", func(p []Product) any {
		return each(p, func(p Product) any { return object{{"id", p.Name}, {"title", p.Label}} })
	}},
	{"map-label", func(p []Product) any { return mapped(p, func(p Product) any { return p.Label }) }},
	{"map-object", func(p []Product) any { return mapped(p, func(p Product) any { return object{{"title", p.Label}} }) }},
	{"groups", func(p []Product) any {
		half := (len(p) + 1) / 2
		return []any{
			object{{"serviceType", "dedicated"}, {"orderableVersions", namesOfProducts(p[:half])}},
			object{{"serviceType", "vps"}, {"orderableVersions", namesOfProducts(p[half:])}},
		}
	}},
	{"wrapped", func(p []Product) any { return object{{"data", namesOfProducts(p)}} }},
}

const timeLayout = "2006-01-02 15:04:05"

// properties is a licence as one flat object, in the API document's spelling
// where it has one.
func properties(l License) object {
	o := object{
		{"keyNumber", l.KeyNumber}, {"title", l.Title}, {"comment", l.Comment}, {"product", l.Product},
		{"status", l.Status}, {"period", l.Period}, {"serverIP", l.ServerIP},
	}
	if l.OS != "" {
		o = append(o, member{"os", l.OS})
	}
	return append(o, member{"options", optionsOf(l)}, member{"orderDate", date(l.OrderedAt)}, member{"expirationDate", date(l.ExpiresAt)})
}

// optionsOf gathers addons[0], addons[1] and so on into one array, as PHP does
// when it reads a form.
func optionsOf(l License) object {
	options := object{}
	for _, f := range l.Options {
		name, _, isArray := strings.Cut(f.Name, "[")
		last := len(options) - 1
		switch {
		case !isArray:
			options = append(options, member{name, f.Value})
		case last >= 0 && options[last].name == name:
			options[last].value = append(options[last].value.([]string), f.Value)
		default:
			options = append(options, member{name, []string{f.Value}})
		}
	}
	return options
}

func date(t time.Time) string { return t.UTC().Format(timeLayout) }

// longKey is the form of a Plesk key that people paste from the panel.
func longKey(l License) string {
	if l.Family == websoftsolus.Plesk && strings.Count(l.KeyNumber, ".") == 1 {
		return l.KeyNumber + ".0000"
	}
	return l.KeyNumber
}

func keysOf(licenses []License) []string {
	keys := make([]string, len(licenses))
	for i, l := range licenses {
		keys[i] = l.KeyNumber
	}
	return keys
}

func namesOfProducts(products []Product) []string {
	names := make([]string, len(products))
	for i, p := range products {
		names[i] = p.Name
	}
	return names
}

func each[T any](values []T, of func(T) any) []any {
	shaped := make([]any, len(values))
	for i, v := range values {
		shaped[i] = of(v)
	}
	return shaped
}

// numbered is a PHP array that json_encode wrote as an object.
func numbered(values []string, first, step int) object {
	o := make(object, len(values))
	for i, v := range values {
		o[i] = member{strconv.Itoa(first + i*step), v}
	}
	return o
}

func mapped(products []Product, of func(Product) any) object {
	o := make(object, len(products))
	for i, p := range products {
		o[i] = member{p.Name, of(p)}
	}
	return o
}

// pairs writes an object's members as {name,value} objects.
func pairs(o object) []any {
	return each(o, func(m member) any { return object{{"name", m.name}, {"value", m.value}} })
}

// renamed returns the object with members under other names, given as old, new.
func renamed(o object, names ...string) object {
	for i := range o {
		for n := 0; n < len(names); n += 2 {
			if o[i].name == names[n] {
				o[i].name = names[n+1]
				break
			}
		}
	}
	return o
}

// replaced returns the object with other values, given as name, value; a member
// that it has not is added.
func replaced(o object, values ...any) object {
next:
	for n := 0; n < len(values); n += 2 {
		for i := range o {
			if o[i].name == values[n] {
				o[i].value = values[n+1]
				continue next
			}
		}
		o = append(o, member{values[n].(string), values[n+1]})
	}
	return o
}

func without(o object, name string) object {
	kept := o[:0]
	for _, m := range o {
		if m.name != name {
			kept = append(kept, m)
		}
	}
	return kept
}
