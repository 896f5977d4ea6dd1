package tools

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// effect is what a tool may do to licences. Hints, what --read-only leaves out
// and the words of a refusal all follow from it.
type effect struct {
	hints mcp.ToolAnnotation
	// undone says what did not happen when a call is refused or fails before it
	// took effect; empty for a read, where nothing could have happened.
	undone string
	// scope is what a caller needs for it.
	scope callers.Scope
	// confirmed: a preview comes first, and somebody confirms it.
	confirmed bool
}

func hints(readOnly, destructive, idempotent, openWorld bool) mcp.ToolAnnotation {
	return mcp.ToolAnnotation{
		ReadOnlyHint:    mcp.ToBoolPtr(readOnly),
		DestructiveHint: mcp.ToBoolPtr(destructive),
		IdempotentHint:  mcp.ToBoolPtr(idempotent),
		OpenWorldHint:   mcp.ToBoolPtr(openWorld),
	}
}

var (
	// reads asks the API and changes nothing there.
	reads = effect{scope: callers.Read, hints: hints(true, false, true, true)}
	// readsLedger asks the operations ledger alone.
	readsLedger = effect{scope: callers.Read, hints: hints(true, false, true, false)}
	// orders spends money, and each confirmed preview is one more licence.
	orders = effect{scope: callers.Order, hints: hints(false, true, false, true), undone: operations.Undone(operations.Order), confirmed: true}
	// edits overwrites two texts whose previous values are kept; the same edit
	// twice is the same licence.
	edits = effect{scope: callers.Edit, hints: hints(false, false, true, true), undone: operations.Undone(operations.Edit)}
	// terminates ends a licence for good; ending it again changes nothing.
	terminates = effect{scope: callers.Terminate, hints: hints(false, true, true, true), undone: operations.Undone(operations.Terminate), confirmed: true}
)

func (e effect) readOnly() bool { return *e.hints.ReadOnlyHint }

// Tool is one tool as an agent sees it, and its handler behind the decoder.
type Tool struct {
	Name        string
	Title       string
	Description string
	effect      effect
	// family is set where the tool serves that family alone, so that --families
	// can leave the tool out.
	family websoftsolus.Family
	handle func(ctx context.Context, arguments json.RawMessage) (any, error)
}

// define makes a Tool of a typed handler: arguments are decoded and validated
// by schemas, so a handler sees valid input or is not called.
func define[In, Out any](t Tool, handler func(context.Context, In) (Out, error)) Tool {
	t.handle = func(ctx context.Context, arguments json.RawMessage) (any, error) {
		input, err := schemas.Decode[In](t.Name, arguments)
		if err != nil {
			return nil, err
		}
		return handler(ctx, input)
	}
	return t
}

// definition is what tools/list says of the tool.
func (t Tool) definition() mcp.Tool {
	tool := mcp.NewToolWithRawSchema(t.Name, t.Description, schemas.InputSchema(t.Name))
	tool.Title = t.Title
	tool.Annotations = t.effect.hints
	tool.Annotations.Title = t.Title
	return tool
}
