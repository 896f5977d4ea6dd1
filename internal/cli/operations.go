package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// operationsCommand is the ledger for people: what was ordered, edited and
// terminated, and how it came out.
type operationsCommand struct {
	List      operationsList      `cmd:"" help:"List operations, newest first."`
	Show      operationsShow      `cmd:"" help:"Show one operation; one of unknown outcome is looked at again first."`
	Reconcile operationsReconcile `cmd:"" help:"Look again at what has no known outcome."`
	Resolve   operationsResolve   `cmd:"" help:"Record what a person found out about an operation that looking cannot tell."`
	Export    operationsExport    `cmd:"" help:"Write every operation as JSON Lines or CSV."`
	Verify    operationsVerify    `cmd:"" help:"Check that no row of the history was changed or is missing."`
}

// withLedger runs work with the operations of the ledger that the flags name. It
// makes no ledger where there is none.
func withLedger(ctx context.Context, flags *config.Flags, s streams, work func(ctx context.Context, service *operations.Service) error) (err error) {
	settings, err := flags.Settings()
	if err != nil {
		return err
	}
	if settings.Journal == config.MemoryJournal {
		return &config.Error{Flag: "env", Message: "the embedded sandbox keeps its ledger in memory and it ends with its process; there is none to read"}
	}
	if settings.JournalProblem == "" && !config.IsPostgres(settings.Journal) {
		if _, err := os.Stat(settings.Journal); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no ledger at %s: nothing was recorded for this environment and base URL yet", settings.Journal)
		}
	}
	if settings.LogLevel == "info" {
		settings.LogLevel = "warn" // what is done is printed; a log of it beside that only disturbs
	}
	a, err := assemble(settings, newLogger(s.err, settings.LogLevel, settings.LogFormat))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close(context.WithoutCancel(ctx))) }()
	if config.IsPostgres(settings.Journal) {
		switch there, err := operations.PostgresHasLedger(ctx, settings.Journal); {
		case err != nil:
			return err
		case !there:
			return errors.New("there is no ledger in that database: nothing was recorded yet")
		}
	}
	actor := operations.Actor{Transport: "cli"}
	if u, err := user.Current(); err == nil {
		actor.Principal = u.Username
	}
	return work(operations.WithActor(ctx, actor), a.operations)
}

type operationsList struct {
	config.Flags
	State  string `name:"state" help:"Only this state." placeholder:"STATE"`
	Kind   string `name:"kind" help:"Only this kind: order, edit or terminate." placeholder:"KIND"`
	Family string `name:"family" help:"Only this family." placeholder:"FAMILY"`
	Limit  int    `name:"limit" default:"50" help:"How many; 0 for all." placeholder:"N"`
	JSON   bool   `name:"json" help:"One JSON object a line."`
}

// Run prints a table of at most 100 columns, or JSON Lines.
func (c *operationsList) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		filter := operations.Filter{State: operations.State(c.State), Kind: operations.Kind(c.Kind), Family: websoftsolus.Family(c.Family)}
		left := c.Limit
		if !c.JSON {
			fmt.Fprintf(s.out, rowFormat, "OPERATION", "KIND", "FAMILY", pad("STATE", 11), "PROPOSED (UTC)", "LICENCE OR PRODUCT")
		}
		colours := colourful(s.out)
		return eachOperation(ctx, service, filter, func(o *operations.Operation) error {
			if left--; left == -1 {
				return errEnough
			}
			if c.JSON {
				return json.NewEncoder(s.out).Encode(o)
			}
			_, err := fmt.Fprintf(s.out, rowFormat, o.ID, o.Kind, o.Family, colours.state(o.State), o.ProposedAt.Format("2006-01-02 15:04"), cut(target(o), 19))
			return err
		})
	})
}

const rowFormat = "%-29s %-9s %-9s %s %-16s %s\n"

// errEnough ends a walk over the operations early.
var errEnough = errors.New("enough")

// eachOperation calls visit with every operation, newest first, until it
// returns an error.
func eachOperation(ctx context.Context, service *operations.Service, filter operations.Filter, visit func(*operations.Operation) error) error {
	filter.Limit = 200
	for {
		page, err := service.List(ctx, filter)
		if err != nil {
			return inWords(err)
		}
		for i := range page.Operations {
			if err := visit(&page.Operations[i]); err != nil {
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
		}
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			return nil
		}
	}
}

// target is what an operation is about: the licence, or the product until there
// is one.
func target(o *operations.Operation) string {
	if o.KeyNumber != "" {
		return o.KeyNumber
	}
	for _, field := range o.Request {
		if field.Name == "product" {
			return field.Value
		}
	}
	return ""
}

// inWords is an error as a person reads it: a refusal with what to do next.
func inWords(err error) error {
	var refusal *operations.Refusal
	if errors.As(err, &refusal) && refusal.Next != "" {
		return fmt.Errorf("%w\n%s", err, refusal.Next)
	}
	return err
}

type operationsShow struct {
	config.Flags
	ID   string `arg:"" name:"operation" help:"The operation's id."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run prints one operation, a field a line.
func (c *operationsShow) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		o, err := service.Get(ctx, c.ID)
		if err != nil {
			return inWords(err)
		}
		return show(s.out, o, c.JSON)
	})
}

// show prints an operation in full: its JSON, or the same fields for people.
func show(w io.Writer, o *operations.Operation, asJSON bool) error {
	encoded, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	if asJSON {
		_, err := fmt.Fprintf(w, "%s\n", encoded)
		return err
	}
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-13s %s\n", name, printable(value))
		}
	}
	line("operation", o.ID)
	line("kind", string(o.Kind)+" ("+string(o.Family)+")")
	line("state", strings.TrimSpace(string(o.State)+" "+parenthesis(string(o.Certainty))))
	line("environment", o.Environment+" "+o.BaseURL)
	line("licence", strings.TrimSpace(o.KeyNumber+" "+parenthesis(string(o.KeyCertainty))))
	line("candidates", strings.Join(o.Candidates, ", "))
	for _, field := range o.Request {
		line("  "+field.Name, field.Value)
	}
	if p := o.Previous; p != nil {
		line("before", fmt.Sprintf("title %q, comment %q, product %q, status %q", p.Title, p.Comment, p.Product, p.Status))
	}
	line("proposed", moment(o.ProposedAt)+by(o.Actor))
	line("confirmed", strings.TrimSpace(moment(o.ClaimedAt)+by(o.ConfirmedBy)+" "+parenthesis(o.Confirmed)))
	line("settled", moment(o.SettledAt)+by(o.ResolvedBy))
	line("duplicate of", o.DuplicateOf)
	if o.Status != 0 {
		line("answer", fmt.Sprintf("HTTP %d, SHA-256 %.16s…", o.Status, o.Digest))
	}
	line("order id", o.OrderID)
	for _, warning := range o.Warnings {
		line("warning", warning)
	}
	line("message", o.Message)
	return nil
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func by(a operations.Actor) string {
	who := strings.TrimSpace(strings.Join([]string{a.Principal, a.ClientName, a.ClientVersion}, " "))
	if who == "" {
		return ""
	}
	return " by " + strings.Join(strings.Fields(who), " ") + " over " + a.Transport
}

type operationsReconcile struct {
	config.Flags
	ID string `arg:"" optional:"" name:"operation" help:"The operation's id; all that are open unless given."`
}

// Run looks at open operations and prints what is known now.
func (c *operationsReconcile) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		if c.ID != "" {
			o, err := service.Get(ctx, c.ID)
			if err != nil {
				return inWords(err)
			}
			return show(s.out, o, false)
		}
		if err := service.Recover(ctx); err != nil {
			return inWords(err)
		}
		open := 0
		for _, state := range []operations.State{operations.Sending, operations.Unknown} {
			err := eachOperation(ctx, service, operations.Filter{State: state}, func(o *operations.Operation) error {
				open++
				fmt.Fprintf(s.out, "%s %s is still %s: %s\n", o.ID, o.Kind, o.State, printable(o.Message))
				return nil
			})
			if err != nil {
				return err
			}
		}
		if open == 0 {
			fmt.Fprintln(s.out, "every operation has a known outcome")
		}
		return nil
	})
}

type operationsResolve struct {
	config.Flags
	ID         string `arg:"" name:"operation" help:"The operation's id."`
	Succeeded  bool   `name:"succeeded" xor:"outcome" required:"" help:"It took effect."`
	NotApplied bool   `name:"not-applied" xor:"outcome" required:"" help:"It took no effect."`
	KeyNumber  string `name:"key-number" help:"The licence that an order made; goes with --succeeded." placeholder:"KEY"`
}

// Run records what a person says, after one more look.
func (c *operationsResolve) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		resolution := operations.Resolution{State: operations.NotApplied, KeyNumber: c.KeyNumber}
		if c.Succeeded {
			resolution.State = operations.Succeeded
		}
		o, err := service.Resolve(ctx, c.ID, resolution)
		if err != nil {
			return inWords(err)
		}
		return show(s.out, o, false)
	})
}

type operationsExport struct {
	config.Flags
	Format string `name:"format" enum:"jsonl,csv" default:"jsonl" help:"jsonl or csv." placeholder:"FORMAT"`
}

// columns of the CSV.
var exportColumns = []string{"id", "kind", "family", "state", "certainty", "keyNumber", "environment", "baseURL", "product", "title", "comment",
	"period", "serverIP", "proposedAt", "claimedAt", "settledAt", "confirmed", "client", "principal", "status", "digest", "orderId", "message"}

// Run writes every operation, newest first. In CSV a cell that a spreadsheet
// would take for a formula begins with an apostrophe (OWASP, "CSV Injection").
func (c *operationsExport) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		if c.Format == "jsonl" {
			encoder := json.NewEncoder(s.out)
			encoder.SetEscapeHTML(false)
			return eachOperation(ctx, service, operations.Filter{}, func(o *operations.Operation) error { return encoder.Encode(o) })
		}
		table := csv.NewWriter(s.out)
		if err := table.Write(exportColumns); err != nil {
			return err
		}
		err := eachOperation(ctx, service, operations.Filter{}, func(o *operations.Operation) error {
			sent := map[string]string{}
			for _, field := range o.Request {
				sent[field.Name] = field.Value
			}
			row := []string{o.ID, string(o.Kind), string(o.Family), string(o.State), string(o.Certainty), o.KeyNumber, o.Environment, o.BaseURL,
				sent["product"], sent["title"], sent["comment"], sent["period"], sent["serverIP"],
				moment(o.ProposedAt), moment(o.ClaimedAt), moment(o.SettledAt), o.Confirmed, o.Actor.ClientName, o.Actor.Principal,
				strconv.Itoa(o.Status), o.Digest, o.OrderID, o.Message}
			for i, cell := range row {
				row[i] = formulaSafe(cell)
			}
			return table.Write(row)
		})
		table.Flush()
		return errors.Join(err, table.Error())
	})
}

func formulaSafe(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

type operationsVerify struct {
	config.Flags
}

// Run walks the history. A ledger that is not sound is a failure.
func (c *operationsVerify) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		v, err := service.Verify(ctx)
		if err != nil {
			return inWords(err)
		}
		fmt.Fprintf(s.out, "%d operations, %d history rows, head %s\n", v.Operations, v.Rows, v.Head)
		if len(v.Problems) == 0 {
			fmt.Fprintln(s.out, "sound: no row was changed and none is missing")
			return nil
		}
		return errors.New("the ledger is not sound:\n" + strings.Join(v.Problems, "\n"))
	})
}
