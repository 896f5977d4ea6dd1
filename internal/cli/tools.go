package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

type toolsCommand struct {
	JSON     bool     `name:"json" help:"Print the result of tools/list as JSON."`
	ReadOnly bool     `name:"read-only" env:"WEBSOFTSOLUS_READ_ONLY" help:"Leave out every tool that writes."`
	Families []string `name:"families" env:"WEBSOFTSOLUS_FAMILIES" help:"Families to offer, of plesk, cpanel and virtuozzo; all unless given." placeholder:"FAMILY,…"`
}

// Run prints what an agent sees: the answer to tools/list of a server with the
// same flags. It needs no credentials and makes no request.
func (c *toolsCommand) Run(ctx context.Context, s streams) error {
	families, err := config.ParseFamilies(c.Families)
	if err != nil {
		return &config.Error{Flag: "families", Message: err.Error()}
	}
	listed, err := listTools(ctx, c.ReadOnly, families)
	if err != nil {
		return err
	}
	if c.JSON {
		var indented bytes.Buffer
		if err := json.Indent(&indented, listed, "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.out, "%s\n", indented.Bytes())
		return err
	}
	var result struct{ Tools []mcp.Tool }
	if err := json.Unmarshal(listed, &result); err != nil {
		return err
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, t := range result.Tools {
		kind := "reads"
		switch {
		case *t.Annotations.DestructiveHint:
			kind = "writes, once confirmed"
		case !*t.Annotations.ReadOnlyHint:
			kind = "writes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", t.Name, kind, t.Title)
	}
	return table.Flush()
}

// listTools asks the server itself, so that what is printed is what is served.
func listTools(ctx context.Context, readOnly bool, families []websoftsolus.Family) (json.RawMessage, error) {
	server := tools.NewServer(&tools.Set{ReadOnly: readOnly, Families: families}, Version())
	answer, err := json.Marshal(server.HandleMessage(ctx, json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)))
	if err != nil {
		return nil, err
	}
	var response struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, fmt.Errorf("list tools: %s", response.Error.Message)
	}
	return response.Result, nil
}
