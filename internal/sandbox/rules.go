package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// refusal is a clear no, before a dialect gives it a shape.
type refusal struct {
	status     int
	code       string
	message    string
	fields     []fieldRefusal // in a fixed order; empty where no field is at fault
	allow      string         // for 405
	retryAfter string         // as the header says it; empty for none
	// application marks what the API itself decides (an unknown key, a refused
	// form), which some APIs say inside a 200. What stands in front of it (token,
	// path, method, content type) keeps its status.
	application bool
}

type fieldRefusal struct {
	name     string
	messages []string
}

func notFound(message string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "not_found", message: message}
}

func unauthorized(code, message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: code, message: message}
}

// refuseFields gathers the problems by field, the first mention first.
func refuseFields(problems []schemas.Problem) *refusal {
	if len(problems) == 0 {
		return nil
	}
	r := &refusal{status: http.StatusUnprocessableEntity, code: "invalid_request", application: true}
	var names []string
	for _, p := range problems {
		i := slices.IndexFunc(r.fields, func(f fieldRefusal) bool { return f.name == p.Field })
		if i < 0 {
			i = len(r.fields)
			r.fields = append(r.fields, fieldRefusal{name: p.Field})
			names = append(names, p.Field)
		}
		r.fields[i].messages = append(r.fields[i].messages, p.Message)
	}
	r.message = "refused parameters: " + strings.Join(names, ", ")
	return r
}

// parameters is what an endpoint other than order takes; true where the value
// must not be empty. All are required.
var parameters = map[Endpoint]map[string]bool{
	Token:     {"login": true, "secret": true},
	List:      {},
	Get:       {},
	Edit:      {"title": true, "comment": false},
	Terminate: {},
	Versions:  {},
}

// checkParameters names every parameter that is missing, empty, unknown or
// given twice.
func checkParameters(endpoint Endpoint, form Form) []schemas.Problem {
	var problems []schemas.Problem
	refuse := func(name, format string, args ...any) {
		problems = append(problems, schemas.Problem{Field: name, Message: fmt.Sprintf(format, args...)})
	}
	taken := parameters[endpoint]
	given := form.values()
	for _, name := range sortedNames(taken) {
		values := given[name]
		switch {
		case len(values) == 0:
			refuse(name, "is required")
		case len(values) == 1 && values[0] == "" && taken[name]:
			refuse(name, "must not be empty")
		}
	}
	for _, name := range sortedNames(given) {
		if _, ok := taken[name]; !ok {
			refuse(name, "is not a parameter of this request")
		}
	}
	return append(problems, checkTwice(form)...)
}

// checkTwice names every parameter given more than once, whether in the URL or
// in the body: which of the values counts is nowhere said.
func checkTwice(form Form) []schemas.Problem {
	var problems []schemas.Problem
	given := form.values()
	for _, name := range sortedNames(given) {
		if n := len(given[name]); n > 1 {
			problems = append(problems, schemas.Problem{Field: name, Message: fmt.Sprintf("is given %d times", n)})
		}
	}
	return problems
}

// checkOrder judges an order's form by the rules of its product, in the words of
// an API: the rules' own messages speak to the callers of tools.
func (s *Sandbox) checkOrder(family websoftsolus.Family, form Form) []schemas.Problem {
	values := form.values()
	name := values.Get("product")
	product := s.product(family, name)
	var problems []schemas.Problem
	if product == nil && name != "" {
		problems = append(problems, schemas.Problem{Field: "product", Message: "is not an orderable product"})
	}
	for _, p := range s.checkByRules(family, product, name, values) {
		problems = append(problems, schemas.Problem{Field: p.Field, Message: inAPIWords(p)})
	}
	for _, p := range checkTwice(form) {
		// addons[] may be given many times, and the rules have named the options
		// that are no array.
		if strings.HasSuffix(p.Field, "]") && !strings.HasSuffix(p.Field, "[]") {
			problems = append(problems, p)
		}
	}
	return problems
}

// checkByRules picks the rules and applies them. Where neither the catalogue nor
// the product's name shows the generation, only what both refuse is refused.
func (s *Sandbox) checkByRules(family websoftsolus.Family, product *Product, name string, values url.Values) []schemas.Problem {
	generation, ok := schemas.GenerationOf(name)
	switch {
	case product != nil:
		return schemas.CheckForm(schemas.RuleSetFor(family, product.Generation), values)
	case family != websoftsolus.Plesk || ok:
		return schemas.CheckForm(schemas.RuleSetFor(family, generation), values)
	}
	newer := schemas.CheckForm(schemas.RuleSetFor(family, schemas.Plesk12), values)
	older := schemas.CheckForm(schemas.RuleSetFor(family, schemas.Plesk10), values)
	return slices.DeleteFunc(newer, func(p schemas.Problem) bool {
		return !slices.ContainsFunc(older, func(o schemas.Problem) bool { return o.Field == p.Field })
	})
}

// inAPIWords says what is wrong with a field without naming it, as the values of
// an errors object do.
func inAPIWords(p schemas.Problem) string {
	if values, twice := p.Value.([]string); twice {
		return fmt.Sprintf("is given %d times", len(values))
	}
	switch {
	case slices.Contains(p.Allowed, "product"): // the names to choose from
		return "is not a parameter of this order"
	case p.Value == nil:
		return "is required"
	case p.Allowed != nil:
		return "has to be one of " + strings.Join(p.Allowed, ", ")
	}
	return strings.TrimPrefix(p.Message, p.Field+" ")
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
