package tools

import (
	"context"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// maxCompletions is how many values the protocol lets an answer have (MCP
// specification, "Completion").
const maxCompletions = 100

// completions completes the arguments of resource templates and prompts, while a
// person types. What cannot be read completes to nothing: a failure would only
// disturb them.
type completions struct{ set *Set }

// CompleteResourceArgument completes a variable of a template.
func (c completions) CompleteResourceArgument(ctx context.Context, uri string, argument mcp.CompleteArgument, given mcp.CompleteContext) (*mcp.Completion, error) {
	switch {
	case argument.Name == "family" && strings.HasPrefix(uri, resourceScheme):
		return c.families(ctx, argument.Value), nil
	case argument.Name == "keyNumber" && uri == licenseTemplate.uri:
		return c.keyNumbers(ctx, given.Arguments["family"], argument.Value), nil
	case argument.Name == "id" && uri == operationTemplate.uri:
		return c.operations(ctx, argument.Value), nil
	}
	return complete(nil, ""), nil
}

// CompletePromptArgument completes an argument of a prompt.
func (c completions) CompletePromptArgument(ctx context.Context, _ string, argument mcp.CompleteArgument, given mcp.CompleteContext) (*mcp.Completion, error) {
	switch argument.Name {
	case "family":
		return c.families(ctx, argument.Value), nil
	case "product":
		return c.products(ctx, given.Arguments["family"], argument.Value), nil
	case "operationId":
		return c.operations(ctx, argument.Value), nil
	}
	return complete(nil, ""), nil
}

func (c completions) families(ctx context.Context, typed string) *mcp.Completion {
	var names []string
	for _, family := range c.set.familiesOf(ctx) {
		names = append(names, string(family))
	}
	return complete(names, typed)
}

func (c completions) keyNumbers(ctx context.Context, family, typed string) *mcp.Completion {
	families := c.chosen(ctx, family)
	if len(families) == 0 {
		return complete(nil, "")
	}
	inv, err := c.set.Inventory.List(ctx, families)
	if err != nil {
		return complete(nil, "")
	}
	keys := make([]string, len(inv.Entries))
	for i, e := range inv.Entries {
		keys[i] = e.KeyNumber
	}
	return complete(keys, typed)
}

func (c completions) products(ctx context.Context, family, typed string) *mcp.Completion {
	var names []string
	for _, family := range c.chosen(ctx, family) {
		orderable, err := c.set.API.OrderableVersions(ctx, family)
		if err != nil {
			continue
		}
		for _, v := range orderable.Versions {
			names = append(names, fieldText(v.Product, maxFieldText))
		}
	}
	return complete(names, typed)
}

func (c completions) operations(ctx context.Context, typed string) *mcp.Completion {
	if !callers.From(ctx).May(callers.Read) {
		return complete(nil, "")
	}
	page, err := c.set.Operations.List(ctx, operations.Filter{Limit: 200})
	if err != nil {
		return complete(nil, "")
	}
	ids := make([]string, len(page.Operations))
	for i, o := range page.Operations {
		ids[i] = o.ID
	}
	return complete(ids, typed)
}

// chosen is the family that was given before, or all that the caller may read.
func (c completions) chosen(ctx context.Context, family string) []websoftsolus.Family {
	if !callers.From(ctx).May(callers.Read) {
		return nil
	}
	if family == "" {
		return c.set.familiesOf(ctx)
	}
	chosen, err := c.set.family(ctx, family)
	if err != nil {
		return nil
	}
	return []websoftsolus.Family{chosen}
}

// complete picks the values that begin with what was typed, letter case aside.
func complete(values []string, typed string) *mcp.Completion {
	found := []string{}
	total := 0
	for _, value := range values {
		if len(value) < len(typed) || !strings.EqualFold(value[:len(typed)], typed) {
			continue
		}
		if total++; len(found) < maxCompletions {
			found = append(found, value)
		}
	}
	return &mcp.Completion{Values: found, Total: total, HasMore: total > len(found)}
}
