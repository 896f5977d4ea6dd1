package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// templates are parsed when the first page is shown: most processes show none.
var templates = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageHTML)) })

// contentSecurityPolicy allows the one style sheet, forms to this page, and
// nothing else: no script, no image, no frame.
var contentSecurityPolicy = func() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

// view is what a template shows. Text of others has been made plain.
type view struct {
	Title      string
	Message    string
	Base       string
	Action     string // where the form goes
	SecretName string
	Waiting    []summaryView

	Lines       []consent.Line
	Consequence string
	TypedName   string
	Token       string
	Until       string
	Open        bool   // the visitor can still decide
	Outcome     string // what happened, where something did
	Again       bool   // the outcome is not known yet, so the page looks again
}

// summaryView is one operation of the list.
type summaryView struct {
	ID, What, Title, Until string
}

// Style is the style sheet, as the policy knows it.
func (view) Style() template.CSS { return template.CSS(pageCSS) }

func (p *Page) render(w http.ResponseWriter, status int, name string, v view) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, v); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a visitor who is gone reads nothing
}

func what(o *operations.Operation) string {
	if o.Kind == operations.Order {
		return "Order " + consent.Plain(o.Typed(), 100)
	}
	return "Terminate " + consent.Plain(o.Typed(), 100)
}

func summary(o *operations.Operation) summaryView {
	s := summaryView{ID: o.ID, What: what(o), Until: o.ExpiresAt.UTC().Format("15:04:05 UTC")}
	for _, line := range consent.Lines(o) {
		if line.Label == "title" {
			s.Title = line.Value
		}
	}
	return s
}

func operationView(o *operations.Operation, now time.Time) view {
	v := view{
		Title: what(o), Lines: consent.Lines(o), Open: o.Waiting(now), Until: o.ExpiresAt.UTC().Format("15:04:05 UTC"),
		TypedName: o.TypedName(), Consequence: consent.Consequence(o),
	}
	message := consent.Plain(o.Message, 500)
	switch o.State {
	case operations.Proposed:
		switch {
		case v.Open:
		case !o.ApprovedAt.IsZero():
			v.Outcome = "Approved by " + consent.Plain(o.ApprovedBy.Principal, 100) + ". It is performed when the agent asks again."
		default:
			v.Outcome = "Its time is over. Nothing was sent."
		}
	case operations.Succeeded:
		v.Outcome = "Done. The licence was terminated."
		if o.Kind == operations.Order {
			v.Outcome = "Done. The licence was ordered."
			if o.KeyNumber != "" {
				v.Outcome += " Its key number is " + consent.Plain(o.KeyNumber, 100) + "."
			}
		}
	case operations.Declined:
		v.Outcome = "Declined. Nothing was sent."
	case operations.Expired:
		v.Outcome = "Not performed, nothing was sent: " + message + "."
	case operations.Rejected, operations.NotApplied:
		v.Outcome = "Not done: " + message
	default:
		v.Outcome, v.Again = "Sent. Its outcome is not known yet. "+message, true
	}
	return v
}

// plainError is an error in a visitor's words.
func plainError(err error) string {
	var refusal *operations.Refusal
	if errors.As(err, &refusal) {
		return consent.Plain(refusal.Message, 500)
	}
	return consent.Plain(err.Error(), 500)
}
