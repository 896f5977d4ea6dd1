package cli

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// ladder tells consent where the policy wants a person. What the policy denies
// is refused by the operations themselves, with or without a person.
type ladder struct{ operations *operations.Service }

func (l ladder) Decide(ctx context.Context, _ string, o *operations.Operation) (consent.Decision, string) {
	if wanted, reason := l.operations.WantsPerson(ctx, o); wanted {
		return consent.Person, reason
	}
	return consent.Allow, ""
}
