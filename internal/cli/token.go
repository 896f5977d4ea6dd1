package cli

import (
	"fmt"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
)

// tokenCommand makes a caller's token.
type tokenCommand struct {
	Name                  string   `name:"name" required:"" help:"Name of the caller, as the ledger will show it." placeholder:"NAME"`
	File                  string   `name:"file" help:"Tokens file to add the entry to, made where it is missing. Without it the entry is printed, to be pasted." placeholder:"FILE"`
	Families              []string `name:"families" help:"Families the caller may act on; all unless given." placeholder:"FAMILY,…"`
	Scopes                []string `name:"scopes" help:"What the caller may do: read, order, edit, terminate; all unless given." placeholder:"SCOPE,…"`
	ReadOnly              bool     `name:"read-only" help:"The caller may only look."`
	MaxOrdersPerDay       *int     `name:"max-orders-per-day" help:"Orders that this caller may confirm in 24 hours, beside the server's cap." placeholder:"N"`
	MaxTerminationsPerDay *int     `name:"max-terminations-per-day" help:"Terminations that this caller may confirm in 24 hours, beside the server's cap." placeholder:"N"`
	SeesAll               bool     `name:"sees-all" help:"The caller sees every caller's operations, not only its own."`
	Approver              bool     `name:"approver" help:"Whoever has the token may approve what waits for a person."`
	Expires               string   `name:"expires" help:"Last day on which the token is good, as in 2027-01-31." placeholder:"DAY"`
}

// Run prints the token on stdout, alone and once, and says on stderr what became
// of its entry.
func (c *tokenCommand) Run(s streams) error {
	token := callers.NewToken()
	entry := callers.Entry{
		Name: c.Name, Hash: callers.HashToken(token), Families: c.Families, ReadOnly: c.ReadOnly,
		MaxOrdersPerDay: c.MaxOrdersPerDay, MaxTerminationsPerDay: c.MaxTerminationsPerDay,
		SeesAll: c.SeesAll, Approver: c.Approver, Expires: c.Expires,
	}
	for _, scope := range c.Scopes {
		entry.Scopes = append(entry.Scopes, callers.Scope("licenses:"+strings.TrimPrefix(scope, "licenses:")))
	}
	if wrong := entry.Check(); len(wrong) > 0 {
		return &config.Error{Flag: "name", Message: strings.Join(wrong, "; ")}
	}
	if c.File != "" {
		if err := callers.AppendToken(c.File, entry); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "%s was added to %s. A server that runs reads it on SIGHUP.\n", c.Name, c.File)
	} else {
		text, err := callers.EntryText(entry)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.err, "Paste this under tokens: in the tokens file:\n\n%s\n", text)
	}
	fmt.Fprintln(s.err, "The token, which is shown this once:")
	_, err := fmt.Fprintln(s.out, token)
	return err
}
