package sandbox

import (
	"html"
	"net/http"
	"strings"
)

// The shapes of a refusal. From error-in-200 on, what the API itself refuses
// comes with status 200; a wrong token, path, method or content type keeps its
// own, as what stands in front of an API does.
var errorShapes = []shape[*refusal, answer]{
	{"fields", func(r *refusal) answer {
		if len(r.fields) == 0 {
			return refused(r, object{{"error", r.code}, {"error_description", r.message}})
		}
		return refused(r, object{{"message", r.message}, {"errors", r.byField()}})
	}},
	{"error", func(r *refusal) answer { return refused(r, object{{"error", r.inWords()}}) }},
	{"error-description", func(r *refusal) answer {
		return refused(r, object{{"error", r.code}, {"error_description", r.inWords()}})
	}},
	{"message", func(r *refusal) answer { return refused(r, object{{"message", r.inWords()}}) }},
	{"code-message-details", func(r *refusal) answer {
		return refused(r, object{{"code", r.status}, {"message", r.message}, {"details", r.byField()}})
	}},
	{"text", func(r *refusal) answer { return refusedAs(r, textType, r.inWords()) }},
	{"html", func(r *refusal) answer { return refusedAs(r, htmlType, page(r.status, r.inWords())) }},
	{"empty", func(r *refusal) answer { return refusedAs(r, "", "") }},
	{"latin-1", func(r *refusal) answer {
		a := refused(r, object{{"error", "requête refusée : " + r.inWords()}})
		a.charset = "latin-1"
		return a
	}},
	{"latin-1-undeclared", func(r *refusal) answer {
		a := refused(r, object{{"error", "requête refusée : " + r.inWords()}})
		a.charset = "latin-1-undeclared"
		return a
	}},
	{"error-in-200", func(r *refusal) answer { return inside200(r, object{{"error", r.inWords()}}) }},
	{"success-false", func(r *refusal) answer {
		return inside200(r, object{{"success", false}, {"message", r.inWords()}})
	}},
	{"result-error", func(r *refusal) answer {
		return inside200(r, object{{"result", "error"}, {"message", r.inWords()}})
	}},
	{"status-error", func(r *refusal) answer {
		return inside200(r, object{{"status", "error"}, {"message", r.inWords()}})
	}},
	{"faultstring", func(r *refusal) answer {
		return inside200(r, object{{"faultcode", r.code}, {"faultstring", r.inWords()}})
	}},
}

func refused(r *refusal, value any) answer {
	a := jsonAnswer(r.status, value)
	a.header = r.header()
	return a
}

func refusedAs(r *refusal, contentType, body string) answer {
	return answer{status: r.status, contentType: contentType, header: r.header(), body: body}
}

func inside200(r *refusal, value any) answer {
	a := refused(r, value)
	if r.application {
		a.status = http.StatusOK
	}
	return a
}

func (r *refusal) header() http.Header {
	h := make(http.Header)
	if r.allow != "" {
		h.Set("Allow", r.allow)
	}
	if r.retryAfter != "" {
		h.Set("Retry-After", r.retryAfter)
	}
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// byField is {field:[message…]}.
func (r *refusal) byField() object {
	o := object{}
	for _, f := range r.fields {
		o = append(o, member{f.name, f.messages})
	}
	return o
}

// inWords is everything in one text, for shapes that have no place for fields.
func (r *refusal) inWords() string {
	if len(r.fields) == 0 {
		return r.message
	}
	said := make([]string, len(r.fields))
	for i, f := range r.fields {
		said[i] = f.name + " " + strings.Join(f.messages, ", ")
	}
	return strings.Join(said, "; ")
}

// page is an HTML page as a web server in front of an API shows it.
func page(status int, message string) string {
	title := html.EscapeString(http.StatusText(status))
	return "<!DOCTYPE html>\n<html><head><title>" + title + "</title></head>\n<body><h1>" + title + "</h1>\n<p>" +
		html.EscapeString(message) + "</p></body></html>\n"
}
