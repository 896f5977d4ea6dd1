package tools

import (
	"context"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
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
	operation, err := s.Operations.Await(ctx, in.OperationID, time.Duration(in.Wait)*time.Second, func(o *operations.Operation, waited time.Duration) {
		message := "waiting for the outcome"
		if o.State == operations.Proposed {
			message = "waiting for a person's approval"
		}
		progress(ctx, waited.Seconds(), float64(in.Wait), message)
	})
	if err != nil {
		return nil, err
	}
	return &schemas.OperationOutput{Environment: s.Environment, Operation: operationOutput(operation)}, nil
}
