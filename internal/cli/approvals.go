package cli

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent/page"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// approvals lets a person approve on a page of this machine, on a port that is
// open while something waits. The caller closes it.
func (a *assembly) approvals(settings *config.Settings, errw io.Writer) *page.Loopback {
	loopback := &page.Loopback{
		Operations: a.operations, Who: person(),
		Say: func(line string) { fmt.Fprintf(errw, "websoftsolus-mcp: %s\n", line) },
	}
	a.consent.Where = a.places(settings, func(ctx context.Context, o *operations.Operation) (string, error) {
		link, err := loopback.Link(ctx, o)
		return "in a browser on this machine, with the code that the server printed on its standard error: " + link, err
	})
	return loopback
}

// approvalsAt lets approvers approve on a page below the origin that the HTTP
// server answers to. authenticator is nil where nobody has tokens; a code signs in
// then, which is printed on the standard error.
func (a *assembly) approvalsAt(settings *config.Settings, origin string, authenticator *callers.Authenticator, errw io.Writer) *page.Page {
	p := &page.Page{
		Operations: a.operations,
		Key:        a.sharedKey("approvals"),
		Secure:     strings.HasPrefix(origin, "https:"),
		SignIn:     authenticator.SignIn,
		Proposer:   authenticator.Named,
		SecretName: "your token, which has to be an approver's",
	}
	with := "with an approver's token"
	if authenticator == nil {
		code := rand.Text()[:12]
		p.SecretName = "the code that the server printed on its standard error when it started"
		p.SignIn = func(_ context.Context, typed string) (string, bool) {
			return person(), subtle.ConstantTimeCompare([]byte(strings.ToUpper(strings.TrimSpace(typed))), []byte(code)) == 1
		}
		with = "with the code that the server printed on its standard error"
		fmt.Fprintf(errw, "websoftsolus-mcp: to approve what waits for a person on %s/approvals, sign in with the code %s\n", origin, code)
	}
	a.consent.Where = a.places(settings, func(ctx context.Context, o *operations.Operation) (string, error) {
		path, err := p.Link(ctx, o)
		return "in a browser, " + with + ": " + origin + path, err
	})
	return p
}

// places says where a person approves an operation: on the page, and on the
// command line where the ledger is one that another process can see.
func (a *assembly) places(settings *config.Settings, onPage func(context.Context, *operations.Operation) (string, error)) func(context.Context, *operations.Operation) []string {
	return func(ctx context.Context, o *operations.Operation) []string {
		var places []string
		if place, err := onPage(ctx, o); err == nil {
			places = append(places, place)
		} else {
			a.log.WarnContext(ctx, "the approval page has no link", "error", err)
		}
		if settings.Journal != config.MemoryJournal {
			places = append(places, consent.ApproveCommand(o))
		}
		return places
	}
}

// sharedKey is a key that every process on the ledger has.
func (a *assembly) sharedKey(name string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) { return a.operations.SharedKey(ctx, name) }
}
