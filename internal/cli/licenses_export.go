package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
)

type licensesExport struct {
	config.Flags
	Format     string `name:"format" enum:"csv,json,jsonl" default:"csv" help:"csv, json or jsonl." placeholder:"FORMAT"`
	Properties bool   `name:"properties" help:"Everything the API says of a licence, too."`
}

// Run writes the licences in their order while they are read, so that any number
// of them takes little memory. A licence that could not be read stands in its
// place with the reason under unread, and the exit status is 1 then.
func (c *licensesExport) Run(ctx context.Context, s streams) error {
	return withInventory(ctx, &c.Flags, s, func(settings *config.Settings, reader *inventory.Reader) error {
		reader.CacheBytes = -1 // each licence is read once
		inv, err := reader.List(ctx, settings.Families)
		if err != nil {
			return err
		}
		buffered := bufio.NewWriterSize(s.out, 64<<10)
		table, err := newRowWriter(c.Format, settings.Environment, buffered)
		if err != nil {
			return err
		}
		for _, u := range inv.Unread { // families that could not be listed
			if err := table.write(inventory.NewRow(inventory.Entry{Family: u.Family}, u.Err, false)); err != nil {
				return err
			}
		}
		bar := newProgressBar(s.err, "licences exported")
		err = reader.Each(ctx, inv, inventory.Options{Progress: bar.tell}, func(e inventory.Entry, unread error) error {
			if unread != nil {
				inv.Unread = append(inv.Unread, inventory.Unread{Family: e.Family, KeyNumber: e.KeyNumber, Err: unread})
			}
			return table.write(inventory.NewRow(e, unread, c.Properties))
		})
		bar.end()
		if err == nil {
			err = table.end(inv.Partial())
		}
		if err = errors.Join(err, buffered.Flush()); err != nil {
			return err
		}
		return partial(inv.Unread)
	})
}

// rowWriter writes the rows of an export in one of the formats.
type rowWriter struct {
	write func(inventory.Row) error
	end   func(partial bool) error
}

func newRowWriter(format, environment string, w io.Writer) (*rowWriter, error) {
	switch format {
	case "csv":
		table, err := inventory.NewCSVWriter(w)
		if err != nil {
			return nil, err
		}
		return &rowWriter{write: table.Write, end: func(bool) error { return table.Flush() }}, nil
	case "jsonl":
		return &rowWriter{
			write: func(r inventory.Row) error { return jsonLine(w, r) },
			end:   func(bool) error { return nil },
		}, nil
	}
	// One object that says at its end whether it is all.
	name, err := json.Marshal(environment)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, `{"environment":`+string(name)+`,"licenses":[`); err != nil {
		return nil, err
	}
	separator := "\n"
	return &rowWriter{
		write: func(r inventory.Row) error {
			if _, err := io.WriteString(w, separator); err != nil {
				return err
			}
			separator = ","
			return jsonLine(w, r)
		},
		end: func(partial bool) error {
			closing := `],"partial":false}` + "\n"
			if partial {
				closing = `],"partial":true}` + "\n"
			}
			_, err := io.WriteString(w, closing)
			return err
		},
	}, nil
}
