package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) getOperationTool() Tool {
	return define(Tool{
		Name:        "get_operation",
		Title:       "Get an operation",
		Description: "Shows one order, edit or termination from its preview to its outcome. An operation whose outcome is unknown is looked at again through the API first; ask until it is known, and do not repeat the write meanwhile. succeeded: it took effect, once. rejected or not_applied: nothing was done.",
		effect:      reads,
	}, s.getOperation)
}

func (s *Set) getOperation(ctx context.Context, in schemas.GetOperationInput) (*schemas.OperationOutput, error) {
	operation, err := s.Operations.Get(ctx, in.OperationID)
	if err != nil {
		return nil, err
	}
	return &schemas.OperationOutput{Environment: s.Environment, Operation: operationOutput(operation)}, nil
}
