package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// approveCommand is where a person approves what waits for it, outside the
// model's reach. It records the approval and sends nothing: the server that was
// asked performs the operation, once, when the agent's call comes again.
type approveCommand struct {
	config.Flags
	ID   string `arg:"" optional:"" name:"operation" help:"The operation's id; may be left out where only one waits."`
	List bool   `name:"list" help:"Show what waits, and approve nothing."`
}

// Run shows one operation that waits and asks the person to type what it is
// about. Anything else approves nothing and is an error.
func (c *approveCommand) Run(ctx context.Context, s streams) error {
	return withLedger(ctx, &c.Flags, s, func(ctx context.Context, service *operations.Service) error {
		ctx = operations.WithActor(ctx, operations.Actor{Transport: "cli", Principal: person()})
		waiting, err := service.Waiting(ctx)
		if err != nil {
			return inWords(err)
		}
		if c.List {
			return listWaiting(s.out, waiting)
		}
		o, err := c.chosen(ctx, service, waiting)
		if err != nil {
			return err
		}
		if !isTerminal(s.in) {
			return errors.New("approve asks a person, so it needs a terminal to type at; nothing was approved")
		}
		for _, line := range consent.Lines(o) {
			fmt.Fprintf(s.out, "%-18s %s\n", line.Label, line.Value)
		}
		fmt.Fprintf(s.out, "\n%s\nType the %s to approve, \"no\" to decline, or nothing to leave it: ", consent.Consequence(o), o.TypedName())
		typed, err := bufio.NewReader(io.LimitReader(s.in, 4096)).ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("read what was typed: %w", err)
		}
		switch typed = strings.TrimSpace(typed); typed {
		case "":
			return errors.New("nothing was typed; the operation still waits")
		case "no":
			if _, err := service.Decline(ctx, o.ID); err != nil {
				return inWords(err)
			}
			fmt.Fprintf(s.out, "%s is declined; nothing is sent\n", o.ID)
			return nil
		}
		if _, err := service.Approve(ctx, o.ID, typed); err != nil {
			return inWords(err)
		}
		fmt.Fprintf(s.out, "%s is approved until %s; the server performs it when the agent asks again\n", o.ID, moment(o.ExpiresAt))
		return nil
	})
}

// chosen is the operation that the command line means.
func (c *approveCommand) chosen(ctx context.Context, service *operations.Service, waiting []operations.Operation) (*operations.Operation, error) {
	switch {
	case c.ID == "" && len(waiting) == 1:
		return &waiting[0], nil
	case c.ID == "" && len(waiting) == 0:
		return nil, errors.New("nothing waits for an approval")
	case c.ID == "":
		return nil, fmt.Errorf("%d operations wait; name one of them (approve --list shows them)", len(waiting))
	}
	o, err := service.Get(ctx, c.ID)
	switch {
	case err != nil:
		return nil, inWords(err)
	case o.Way != operations.ByApproval:
		return nil, fmt.Errorf("operation %s does not wait for an approval: it is confirmed in another way", o.ID)
	case !o.ApprovedAt.IsZero() || o.State != operations.Proposed:
		return nil, fmt.Errorf("operation %s does not wait any more: it is %s%s", o.ID, o.State, by(o.ApprovedBy))
	}
	return o, nil
}

// listWaiting prints what waits, a line each.
func listWaiting(w io.Writer, waiting []operations.Operation) error {
	for i := range waiting {
		o := &waiting[i]
		title := ""
		for _, line := range consent.Lines(o) {
			if line.Label == "title" {
				title = line.Value
			}
		}
		fmt.Fprintf(w, "%s  %-9s  until %s  %s  %s\n", o.ID, o.Kind, o.ExpiresAt.Format(time.TimeOnly), cut(o.Typed(), 40), cut(title, 30))
	}
	if len(waiting) == 0 {
		fmt.Fprintln(w, "nothing waits for an approval")
	}
	return nil
}

// person is who sits at the terminal, for the record.
func person() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
