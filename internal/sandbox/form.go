package sandbox

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// FormField is one parameter of a request, in the order in which it came: the
// URL's first, then the body's.
type FormField struct {
	Name  string `json:"name"`
	Value string `json:"value"` // never a secret: that of the token request is left out
	InURL bool   `json:"inURL,omitempty"`
}

// Form is a request's parameters.
type Form []FormField

// values returns the form without its order.
func (f Form) values() url.Values {
	values := make(url.Values, len(f))
	for _, field := range f {
		values[field.Name] = append(values[field.Name], field.Value)
	}
	return values
}

const formType = "application/x-www-form-urlencoded"

// readForm returns what the request says in its URL and in its body. The API
// document lets parameters come by either way, so both count. A body has to be
// declared as a form.
func readForm(r *http.Request, body []byte) (Form, *refusal) {
	var form Form
	form, err := parsePairs(form, r.URL.RawQuery, true)
	if err != nil {
		return form, malformed(err)
	}
	if len(body) == 0 {
		return form, nil
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != formType {
		return form, &refusal{
			status: http.StatusUnsupportedMediaType, code: "unsupported_media_type",
			message: "the content type has to be " + formType,
		}
	}
	if form, err = parsePairs(form, string(body), false); err != nil {
		return form, malformed(err)
	}
	return form, nil
}

func malformed(err error) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_request", message: "the parameters cannot be read: " + err.Error(), application: true}
}

// parsePairs appends the pairs of a query or body in their order, which
// url.ParseQuery does not keep.
func parsePairs(form Form, encoded string, inURL bool) (Form, error) {
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return form, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return form, fmt.Errorf("%s: %w", name, err)
		}
		form = append(form, FormField{Name: name, Value: value, InURL: inURL})
	}
	return form, nil
}

// withoutSecret is the form as the journal keeps it.
func (f Form) withoutSecret() Form {
	kept := make(Form, len(f))
	for i, field := range f {
		if field.Name == "secret" {
			field.Value = "[not kept]"
		}
		kept[i] = field
	}
	return kept
}
