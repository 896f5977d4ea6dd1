package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) editLicenseTool() Tool {
	return define(Tool{
		Name:        "edit_license",
		Title:       "Edit a licence's title or comment",
		Description: "Changes the title, the comment or both of a licence; nothing else can be edited. A field left out keeps its value, and comment \"\" empties it. Takes effect at once, without a preview; the previous values are kept in the operation, so the edit can be put back.",
		effect:      edits,
	}, s.editLicense)
}

func (s *Set) editLicense(ctx context.Context, in schemas.EditLicenseInput) (*schemas.Done, error) {
	family, err := s.family(ctx, in.Family)
	if err != nil {
		return nil, err
	}
	done, err := s.Operations.Edit(ctx, operations.EditRequest{
		Family:    family,
		KeyNumber: in.KeyNumber,
		Title:     in.Title,
		Comment:   in.Comment,
	})
	if err != nil {
		return nil, err
	}
	return s.done(done), nil
}
