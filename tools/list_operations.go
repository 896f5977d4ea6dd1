package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) listOperationsTool() Tool {
	return define(Tool{
		Name:        "list_operations",
		Title:       "List operations",
		Description: "Lists the orders, edits and terminations recorded by this server for this environment, newest first. It makes no request; get_operation looks again at one whose outcome is unknown. What was done outside this server is not in it.",
		effect:      readsLedger,
	}, s.listOperations)
}

func (s *Set) listOperations(ctx context.Context, in schemas.ListOperationsInput) (*schemas.OperationsOutput, error) {
	page, err := s.Operations.List(ctx, operations.Filter{
		State:  operations.State(in.State),
		Kind:   operations.Kind(in.Kind),
		Family: websoftsolus.Family(in.Family),
		Limit:  in.Limit,
		Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &schemas.OperationsOutput{
		Environment: s.Environment,
		Operations:  make([]*schemas.Operation, len(page.Operations)),
		NextCursor:  page.NextCursor,
	}
	for i := range page.Operations {
		out.Operations[i] = operationOutput(&page.Operations[i])
	}
	return out, nil
}
