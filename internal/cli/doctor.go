package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// doctorCommand checks everything that the server needs, and says what to change
// where something is amiss. It reads and orders nothing.
type doctorCommand struct {
	config.Flags
}

// errAmiss is what a doctor that found something ends with. What it is has been
// printed.
var errAmiss = errors.New("something is amiss")

// Run prints one line for each check.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	d := doctor{out: s, colours: colourful(s.out)}
	base := settings.BaseURL
	if base == "" {
		base = "the simulator inside this program"
	}
	d.good("configuration", "%s, %s, %s", settings.Environment, base, families(settings.Families))

	a, err := assemble(settings, newLogger(s.err, "error", settings.LogFormat), nil)
	if err != nil {
		return err
	}
	d.credentials(&c.Flags, settings)
	if err := a.client.Reachable(ctx); err != nil {
		d.bad("network", "check the network, a proxy (HTTPS_PROXY) and --url", "%v", err)
	} else {
		d.good("network", "the API's host answers")
		d.licences(ctx, a.client, settings.Families)
	}
	d.ledger(ctx, a.operations, settings)
	if err := a.close(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if d.amiss {
		return errAmiss
	}
	return nil
}

func families(names []websoftsolus.Family) string {
	text := make([]string, len(names))
	for i, name := range names {
		text[i] = string(name)
	}
	return strings.Join(text, " ")
}

// doctor prints what it finds.
type doctor struct {
	out     streams
	colours colours
	amiss   bool
}

func (d *doctor) good(check, format string, args ...any) {
	d.line(check, "ok", "32", fmt.Sprintf(format, args...))
}

func (d *doctor) warn(check, format string, args ...any) {
	d.line(check, "note", "33", fmt.Sprintf(format, args...))
}

// bad says what is amiss, and what to do.
func (d *doctor) bad(check, advice, format string, args ...any) {
	d.amiss = true
	d.line(check, "amiss", "31", fmt.Sprintf(format, args...))
	d.line("", "", "", "-> "+advice)
}

func (d *doctor) line(check, verdict, colour, text string) {
	verdict = pad(verdict, 5)
	if d.colours && colour != "" {
		verdict = "\x1b[" + colour + "m" + verdict + "\x1b[0m"
	}
	fmt.Fprintf(d.out.out, "%-13s %s  %s\n", check, verdict, printable(text))
}

func (d *doctor) credentials(flags *config.Flags, settings *config.Settings) {
	switch {
	case settings.Environment == config.Sandbox:
		d.good("credentials", "the simulator's own")
	case settings.SecretProblem != "":
		d.bad("credentials", "let --secret-file name a file that holds the API key", "%s", settings.SecretProblem)
	case settings.Login == "", settings.Secret == "":
		d.bad("credentials", "set WEBSOFTSOLUS_LOGIN, and WEBSOFTSOLUS_SECRET or --secret-file", "the login or the secret is not set")
	case config.SecretFileIsOpen(flags.SecretFile):
		d.warn("credentials", "login %s; other users of this machine can read the secret file: chmod 600 it", settings.Login)
	default:
		d.good("credentials", "login %s, and a secret", settings.Login)
	}
}

func (d *doctor) licences(ctx context.Context, api *websoftsolus.Client, offered []websoftsolus.Family) {
	for _, family := range offered {
		keys, err := api.ListKeys(ctx, family)
		var failed *websoftsolus.Error
		switch {
		case err == nil:
			d.good("licences", "%s: %d", family, len(keys))
			continue
		case errors.As(err, &failed) && failed.Kind == websoftsolus.NotConfigured:
			return // said above
		case errors.As(err, &failed) && failed.Kind == websoftsolus.Unauthorized:
			d.bad("licences", "check login and secret, and that the API key belongs to this environment", "%v", err)
			return
		default:
			d.bad("licences", "try again; if it stays, check --url and whether your account has the family (--families leaves one out)", "%v", err)
		}
	}
}

func (d *doctor) ledger(ctx context.Context, service *operations.Service, settings *config.Settings) {
	where := settings.Journal
	if where == config.MemoryJournal {
		where = "in memory, for as long as the server runs"
	}
	open := 0
	for _, state := range []operations.State{operations.Unknown, operations.Sending} {
		err := eachOperation(ctx, service, operations.Filter{State: state}, func(*operations.Operation) error {
			open++
			return nil
		})
		var refusal *operations.Refusal
		if errors.As(err, &refusal) {
			err = refusal
		}
		if err != nil {
			d.bad("ledger", "until it can be opened nothing can be ordered, changed or ended; reading licences works", "%v", err)
			return
		}
	}
	d.good("ledger", "%s", where)
	if open > 0 {
		d.warn("ledger", "%d operations without a known outcome: websoftsolus-mcp operations reconcile", open)
	}
}
