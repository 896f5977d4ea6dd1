// Command demo shows the main job: it starts websoftsolus-mcp on the embedded
// sandbox, talks to it over stdio as any MCP host does, and takes one licence
// through list, orderable versions, preview, order, get, edit, terminate and
// the list of operations, printing each step.
//
//	go run ./internal/demo PATH-TO-websoftsolus-mcp
//
// The client is the official Go SDK's, not the library that the server is built
// on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-TO-websoftsolus-mcp")
		os.Exit(2)
	}
	if err := walk(context.Background(), os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// walk runs the main job against the server binary and describes it on out. Any
// step that does not end as the job needs is an error.
func walk(ctx context.Context, binary string, out io.Writer) error {
	server := exec.Command(binary, "--env", "sandbox", "--log-level", "warn")
	server.Stderr = os.Stderr
	client := mcp.NewClient(&mcp.Implementation{Name: "demo", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.CommandTransport{Command: server}, nil)
	if err != nil {
		return fmt.Errorf("start %s: %w", binary, err)
	}
	defer session.Close()
	d := &demo{session: session, out: out}

	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		return fmt.Errorf("list tools: %w", err)
	}
	names := make([]string, len(tools.Tools))
	for i, t := range tools.Tools {
		names[i] = t.Name
	}
	fmt.Fprintf(out, "websoftsolus-mcp on its sandbox: made-up licences, nothing is bought.\n%d tools: %s\n", len(names), strings.Join(names, ", "))

	order := arguments{
		"product": "PLESK_12_WEB_HOST", "title": "shop.example", "comment": "ordered by the demo",
		"period": "12", "WPBSites": "10", "confirm": "",
	}
	var licences, preview, ordered, ended answer
	d.step("Which Plesk licences are there?", "list_licenses", arguments{"family": "plesk", "details": true, "limit": 3}, &licences)
	d.step("What can be ordered?", "list_orderable_versions", arguments{"family": "plesk"}, nil)
	d.step("Preview an order: nothing is sent.", "order_plesk12_license", order, &preview)
	d.step("A person agrees: the phrase confirms it.", "order_plesk12_license", order.with("confirm", preview.Confirm), &ordered)
	d.step("The same phrase again: the recorded outcome, and no second order.", "order_plesk12_license", order.with("confirm", preview.Confirm), nil)
	key := ordered.KeyNumber
	d.step("The new licence.", "get_license", arguments{"family": "plesk", "keyNumber": key}, nil)
	d.step("Give it another title.", "edit_license", arguments{"family": "plesk", "keyNumber": key, "title": "shop.example (moved)"}, nil)
	end := arguments{"family": "plesk", "keyNumber": key, "confirm": ""}
	d.step("Preview its termination: nothing is sent.", "terminate_license", end, &preview)
	d.step("A person agrees.", "terminate_license", end.with("confirm", preview.Confirm), &ended)
	d.step("Everything that was done is on record.", "list_operations", arguments{}, nil)
	if d.err != nil {
		return d.err
	}
	if key == "" || ended.State != "succeeded" {
		return errors.New("the job did not come to its end")
	}
	fmt.Fprintf(out, "\nDone: %s was ordered, edited and terminated, each once.\n", key)
	return nil
}

type arguments map[string]any

func (a arguments) with(name string, value any) arguments {
	changed := arguments{name: value}
	for k, v := range a {
		if k != name {
			changed[k] = v
		}
	}
	return changed
}

// answer holds what a later step needs of an earlier one's result.
type answer struct {
	Confirm   string `json:"confirm"`
	KeyNumber string `json:"keyNumber"`
	State     string `json:"state"`
}

type demo struct {
	session *mcp.ClientSession
	out     io.Writer
	steps   int
	err     error // the first failure; no step runs after it
}

// step calls a tool and prints the call and its result.
func (d *demo) step(what, tool string, args arguments, into *answer) {
	if d.err != nil {
		return
	}
	d.steps++
	called, _ := json.Marshal(args) // strings, numbers and booleans always marshal
	fmt.Fprintf(d.out, "\n%d. %s\n   %s %s\n", d.steps, what, tool, called)
	result, err := d.session.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		d.err = fmt.Errorf("%s: %w", tool, err)
		return
	}
	text := result.Content[0].(*mcp.TextContent).Text
	var pretty map[string]any
	if err := json.Unmarshal([]byte(text), &pretty); err != nil {
		d.err = fmt.Errorf("%s: result is not JSON: %w", tool, err)
		return
	}
	indented, _ := json.MarshalIndent(pretty, "   ", "  ")
	fmt.Fprintf(d.out, "   %s\n", indented)
	switch {
	case result.IsError:
		d.err = fmt.Errorf("%s failed", tool)
	case into != nil:
		d.err = json.Unmarshal([]byte(text), into)
	}
}
