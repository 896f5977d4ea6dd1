package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// licensesCommand shows licences to people. It reads as the tools do.
type licensesCommand struct {
	List   licensesList   `cmd:"" help:"List licences with their properties."`
	Get    licensesGet    `cmd:"" help:"Show one licence."`
	Export licensesExport `cmd:"" help:"Write every licence as CSV, JSON or JSON Lines."`
}

// withInventory runs work with the licences of the environment that the flags
// name.
func withInventory(ctx context.Context, flags *config.Flags, s streams, work func(settings *config.Settings, reader *inventory.Reader) error) (err error) {
	settings, err := flags.Settings()
	if err != nil {
		return err
	}
	if settings.LogLevel == "info" {
		settings.LogLevel = "warn"
	}
	a, err := assemble(settings, newLogger(s.err, settings.LogLevel, settings.LogFormat), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close(context.WithoutCancel(ctx))) }()
	return work(settings, a.inventory)
}

type licensesList struct {
	config.Flags
	Query string `name:"query" help:"Only licences in which every word is found." placeholder:"WORDS"`
	Keys  bool   `name:"keys" help:"Key numbers alone: one request a family."`
	Limit int    `name:"limit" default:"0" help:"How many; 0 for all." placeholder:"N"`
	JSON  bool   `name:"json" help:"One JSON object a line."`
}

const licenceFormat = "%-9s %-20s %s %-15s %-20s %s\n"

// Run prints a table of at most 100 columns, or JSON Lines.
func (c *licensesList) Run(ctx context.Context, s streams) error {
	if c.Keys && c.Query != "" {
		return &config.Error{Flag: "query", Message: "looks into properties, which --keys does not read; leave one of the two out"}
	}
	return withInventory(ctx, &c.Flags, s, func(settings *config.Settings, reader *inventory.Reader) error {
		inv, err := reader.List(ctx, settings.Families)
		if err != nil {
			return err
		}
		if !c.Keys {
			bar := newProgressBar(s.err, "licences read")
			err := reader.Details(ctx, inv, 0, len(inv.Entries), inventory.Options{Progress: bar.tell})
			bar.end()
			if err != nil {
				return err
			}
		}
		query := inventory.ParseQuery(c.Query)
		found := slices.DeleteFunc(inv.Entries, func(e inventory.Entry) bool { return !query.Finds(e) })
		if c.Limit > 0 {
			found = found[:min(c.Limit, len(found))]
		}
		if !c.JSON {
			fmt.Fprintf(s.out, licenceFormat, "FAMILY", "KEY NUMBER", pad("STATUS", 10), "SERVER", "PRODUCT", "TITLE")
		}
		for _, e := range found {
			if err := c.print(s.out, e); err != nil {
				return err
			}
		}
		return partial(inv.Unread)
	})
}

func (c *licensesList) print(w io.Writer, e inventory.Entry) error {
	row := inventory.NewRow(e, nil, false)
	if c.JSON {
		return jsonLine(w, row)
	}
	_, err := fmt.Fprintf(w, licenceFormat, row.Family, cut(row.KeyNumber, 20), pad(cut(row.Status, 10), 10), cut(row.ServerIP, 15), cut(row.Product, 20), cut(row.Title, 21))
	return err
}

func jsonLine(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// partial is the error of a reading that has gaps: what was read is printed, and
// the exit status says that it is not all.
func partial(unread []inventory.Unread) error {
	if len(unread) == 0 {
		return nil
	}
	const named = 10
	problems := []error{fmt.Errorf("not everything could be read, %d of it; what is missing is not gone", len(unread))}
	for i, u := range unread {
		if i == named {
			problems = append(problems, fmt.Errorf("and %d more", len(unread)-named))
			break
		}
		problems = append(problems, errors.New(printable(fmt.Sprintf("%s %s: %v", u.Family, u.KeyNumber, u.Err))))
	}
	return errors.Join(problems...)
}

type licensesGet struct {
	config.Flags
	Family    string `arg:"" name:"family" help:"plesk, cpanel or virtuozzo."`
	KeyNumber string `arg:"" name:"key-number" help:"The licence's key number."`
	JSON      bool   `name:"json" help:"As JSON."`
}

// Run prints one licence, a field a line, and everything the API says of it.
func (c *licensesGet) Run(ctx context.Context, s streams) error {
	families, err := config.ParseFamilies([]string{c.Family})
	if err != nil {
		return &config.Error{Flag: "family", Message: err.Error()}
	}
	return withInventory(ctx, &c.Flags, s, func(settings *config.Settings, reader *inventory.Reader) error {
		if !slices.Contains(settings.Families, families[0]) {
			return &config.Error{Flag: "families", Message: "leaves " + c.Family + " out"}
		}
		license, err := reader.Get(ctx, families[0], c.KeyNumber, true)
		if err != nil {
			return err
		}
		return showLicence(s.out, license, c.JSON)
	})
}

func showLicence(w io.Writer, l *websoftsolus.License, asJSON bool) error {
	row := inventory.NewRow(inventory.Entry{Family: l.Family, KeyNumber: l.KeyNumber, License: l}, nil, true)
	if asJSON {
		encoded, err := json.MarshalIndent(row, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", encoded)
		return err
	}
	for _, field := range [][2]string{
		{"family", row.Family}, {"key number", row.KeyNumber}, {"title", row.Title}, {"comment", row.Comment}, {"product", row.Product},
		{"status", row.Status}, {"period", row.Period}, {"server", row.ServerIP}, {"ordered", row.OrderedAt}, {"expires", row.ExpiresAt},
	} {
		if field[1] != "" {
			fmt.Fprintf(w, "%-11s %s\n", field[0], printable(field[1]))
		}
	}
	var properties bytes.Buffer
	if json.Indent(&properties, row.Properties, "", "  ") == nil {
		fmt.Fprintln(w, "properties")
		for line := range bytes.Lines(properties.Bytes()) {
			fmt.Fprintf(w, "  %s\n", printable(string(bytes.TrimRight(line, "\n"))))
		}
	}
	return nil
}
