package cli

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

type tokenCommand struct {
	Name                  string   `name:"name" required:"" help:"Who it is for: the name in the ledger. Letters, digits and . _ @ + -" placeholder:"NAME"`
	ReadOnly              bool     `name:"read-only" xor:"may" required:"" help:"May only look: the scope licenses:read."`
	Scopes                []string `name:"scopes" xor:"may" required:"" help:"What it may do, of licenses:read, licenses:order, licenses:edit and licenses:terminate." placeholder:"SCOPE,…"`
	Families              []string `name:"families" help:"Families it may act on; all unless given." placeholder:"FAMILY,…"`
	MaxOrdersPerDay       *int     `name:"max-orders-per-day" help:"Orders that it may confirm in 24 hours, beside the server's own cap." placeholder:"N"`
	MaxTerminationsPerDay *int     `name:"max-terminations-per-day" help:"Terminations that it may confirm in 24 hours, beside the server's own cap." placeholder:"N"`
	SeesAll               bool     `name:"sees-all" help:"May see other callers' operations."`
	Approver              bool     `name:"approver" help:"May approve what others proposed."`
	Expires               string   `name:"expires" help:"When it ends: days from now such as 90d, a date, or a time (RFC 3339). Never unless given." placeholder:"WHEN"`
	File                  string   `name:"file" help:"Tokens file to add its entry to; printed for pasting unless given." placeholder:"FILE"`
}

// Run prints a new token on the output, once, and nothing else there. Its entry,
// which holds the hash only, goes into the file or to the error stream.
func (c *tokenCommand) Run(s streams) error {
	entry, err := c.entry(time.Now())
	if err != nil {
		return err
	}
	token, hash, err := callers.NewToken(rand.Reader)
	if err != nil {
		return err
	}
	entry.SHA256 = hash
	if err := entry.Check(); err != nil {
		return usageErrors(err)
	}
	if c.File != "" {
		if err := callers.AppendToken(c.File, *entry); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "added %s to %s; send a running server SIGHUP\n", c.Name, c.File)
	} else {
		fmt.Fprintf(s.err, "put this into the tokens file, under tokens:, and send a running server SIGHUP\n\n%s\n", entry.YAML("  "))
	}
	fmt.Fprintln(s.err, "the token, which is shown only now:")
	_, err = fmt.Fprintln(s.out, token)
	return err
}

// entry is what the flags say, without the hash.
func (c *tokenCommand) entry(now time.Time) (*callers.TokenEntry, error) {
	entry := &callers.TokenEntry{
		Name: c.Name, ReadOnly: c.ReadOnly, SeesAll: c.SeesAll, Approver: c.Approver,
		MaxOrdersPerDay: c.MaxOrdersPerDay, MaxTerminationsPerDay: c.MaxTerminationsPerDay, Expires: c.Expires,
	}
	for _, scope := range c.Scopes {
		entry.Scopes = append(entry.Scopes, callers.Scope(strings.TrimSpace(scope)))
	}
	if len(c.Families) > 0 {
		families, err := config.ParseFamilies(c.Families)
		if err != nil {
			return nil, &config.Error{Flag: "families", Message: err.Error()}
		}
		if len(families) < len(websoftsolus.Families) {
			entry.Families = families
		}
	}
	if days, ok := strings.CutSuffix(c.Expires, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 3650 {
			return nil, &config.Error{Flag: "expires", Message: fmt.Sprintf("%q is not 1d to 3650d", c.Expires)}
		}
		entry.Expires = now.UTC().AddDate(0, 0, n).Format(time.RFC3339)
	}
	if ends, err := callers.ParseExpiry(entry.Expires); err == nil && !ends.After(now) {
		return nil, &config.Error{Flag: "expires", Message: entry.Expires + " is over already"}
	}
	return entry, nil
}

// flagOf is the flag of an entry's field, where it is called differently.
var flagOf = map[string]string{"maxOrdersPerDay": "max-orders-per-day", "maxTerminationsPerDay": "max-terminations-per-day", "readOnly": "read-only"}

// usageErrors makes what is wrong with an entry what is wrong with the flags.
func usageErrors(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var wrong []error
	for _, err := range joined.Unwrap() {
		var entry *callers.EntryError
		if errors.As(err, &entry) {
			err = &config.Error{Flag: cmp.Or(flagOf[entry.Field], entry.Field), Message: entry.Message}
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}
