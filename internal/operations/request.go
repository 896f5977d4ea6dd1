package operations

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// OrderRequest is an order, valid by the option rules.
type OrderRequest struct {
	Tool     string // the tool that takes it, for the policy; may be empty
	Family   websoftsolus.Family
	Product  string
	Title    string
	Comment  string
	Period   string // months
	ServerIP string // cPanel; empty elsewhere
	// Form is what is sent, every option in it, in sending order.
	Form []Field
	// Warnings are shown in the preview, before this package's own. They are no
	// part of what is confirmed.
	Warnings []string
	// DuplicateOf acknowledges the newest identical order that succeeded in the
	// last 24 hours, by its operation id; empty for none.
	DuplicateOf string
	// Choose says how the order is to be confirmed; nil is by its phrase.
	Choose Choose
}

// TerminationRequest is the end of a licence.
type TerminationRequest struct {
	Family    websoftsolus.Family
	KeyNumber string
	Choose    Choose // as of an order
}

// EditRequest changes a licence's title, comment or both; nil keeps a field.
type EditRequest struct {
	Family         websoftsolus.Family
	KeyNumber      string
	Title, Comment *string
}

// fieldSet is a form without the order of fields and of array elements, which
// the API document gives no meaning to: name without index → sorted values.
func fieldSet(form []Field) map[string][]string {
	set := make(map[string][]string, len(form))
	for _, f := range form {
		name, _, _ := strings.Cut(f.Name, "[")
		set[name] = append(set[name], f.Value)
	}
	for _, values := range set {
		slices.Sort(values)
	}
	return set
}

// fingerprint is equal for two operations exactly when they ask for the same
// thing: the guard against identical orders goes by it.
func fingerprint(kind Kind, family websoftsolus.Family, keyNumber string, form []Field) string {
	canonical, _ := json.Marshal([]any{kind, family, canonicalKey(keyNumber), fieldSet(form)}) // strings and a map of them always marshal
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// differingFields names the form fields in which two forms differ, sorted.
func differingFields(a, b []Field) []string {
	as, bs := fieldSet(a), fieldSet(b)
	var names []string
	for name, values := range as {
		if !slices.Equal(values, bs[name]) {
			names = append(names, name)
		}
	}
	for name := range bs {
		if _, both := as[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// formValue returns a form field's value, empty where there is none.
func formValue(form []Field, name string) string {
	for _, f := range form {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// formValues returns the elements of an array field, such as addons[0].
func formValues(form []Field, name string) []string { return fieldSet(form)[name] }

func formEncoding(form []Field) url.Values {
	values := make(url.Values, len(form))
	for _, f := range form {
		values.Add(f.Name, f.Value)
	}
	return values
}

// canonicalKey is a key number for comparison, as a database can hold it.
func canonicalKey(keyNumber string) string { return storable(websoftsolus.CanonicalKey(keyNumber)) }
