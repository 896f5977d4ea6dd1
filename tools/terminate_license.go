package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) terminateLicenseTool() Tool {
	return define(Tool{
		Name:  "terminate_license",
		Title: "Terminate a licence",
		Description: "Ends a licence for good; this cannot be undone. With confirm \"\" nothing is sent: the person is asked, or a preview of the licence with a confirm phrase comes back. Show it to the person; only when they agree, call again with the same arguments and that phrase. " +
			"Refused if the licence changed since. The phrase works once, for 10 minutes; again, it returns the outcome. For several: preview each, show all phrases, confirm one by one, stop at the first unknown. Ends at once: the API cannot cancel at the end of a period.",
		effect: terminates,
	}, s.terminateLicense)
}

func (s *Set) terminateLicense(ctx context.Context, in schemas.TerminateLicenseInput) (any, error) {
	family, err := s.family(ctx, in.Family)
	if err != nil {
		return nil, err
	}
	request := operations.TerminationRequest{Family: family, KeyNumber: in.KeyNumber}
	return s.confirmed(ctx, confirmable{
		kind:    operations.Terminate,
		confirm: in.Confirm,
		propose: func(choose operations.Choose) (*operations.Preview, error) {
			request.Choose = choose
			return s.Operations.ProposeTermination(ctx, request)
		},
		perform: func(choose operations.Choose) (*operations.Result, error) {
			request.Choose = choose
			return s.Operations.ConfirmTermination(ctx, request, in.Confirm)
		},
	})
}
