package tools

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

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
type completions struct {
	set *Set
	now func() time.Time

	mu   sync.Mutex
	kept map[string]suggestions // by kind and family
}

// suggestions are what the API answered a moment ago: a host asks again with
// every character that is typed.
type suggestions struct {
	values []string
	until  time.Time
}

// keepSuggestions is how long they are kept.
const keepSuggestions = 20 * time.Second

func newCompletions(s *Set) *completions {
	c := &completions{set: s, now: s.Inventory.Now, kept: map[string]suggestions{}}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// suggest returns what is kept, or reads it. Everybody who may read a family
// gets the same.
func (c *completions) suggest(kind string, family websoftsolus.Family, read func() ([]string, error)) []string {
	key := kind + "/" + string(family)
	c.mu.Lock()
	known := c.kept[key]
	c.mu.Unlock()
	if c.now().Before(known.until) {
		return known.values
	}
	values, err := read()
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[key] = suggestions{values, c.now().Add(keepSuggestions)}
	return values
}

// CompleteResourceArgument completes a variable of a template.
func (c *completions) CompleteResourceArgument(ctx context.Context, uri string, argument mcp.CompleteArgument, given mcp.CompleteContext) (*mcp.Completion, error) {
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
func (c *completions) CompletePromptArgument(ctx context.Context, _ string, argument mcp.CompleteArgument, given mcp.CompleteContext) (*mcp.Completion, error) {
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

func (c *completions) families(ctx context.Context, typed string) *mcp.Completion {
	var names []string
	for _, family := range c.set.familiesOf(ctx) {
		names = append(names, string(family))
	}
	return complete(names, typed)
}

func (c *completions) keyNumbers(ctx context.Context, family, typed string) *mcp.Completion {
	var keys []string
	for _, family := range c.chosen(ctx, family) {
		keys = append(keys, c.suggest("keyNumber", family, func() ([]string, error) {
			listed, err := c.set.API.ListKeys(ctx, family)
			sorted := make([]string, len(listed))
			for i, key := range listed {
				sorted[i] = fieldText(key, maxFieldText)
			}
			slices.Sort(sorted)
			return sorted, err
		})...)
	}
	return complete(keys, typed)
}

func (c *completions) products(ctx context.Context, family, typed string) *mcp.Completion {
	var names []string
	for _, family := range c.chosen(ctx, family) {
		names = append(names, c.suggest("product", family, func() ([]string, error) {
			orderable, err := c.set.API.OrderableVersions(ctx, family)
			if err != nil {
				return nil, err
			}
			products := make([]string, len(orderable.Versions))
			for i, v := range orderable.Versions {
				products[i] = fieldText(v.Product, maxFieldText)
			}
			return products, nil
		})...)
	}
	return complete(names, typed)
}

func (c *completions) operations(ctx context.Context, typed string) *mcp.Completion {
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
func (c *completions) chosen(ctx context.Context, family string) []websoftsolus.Family {
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
