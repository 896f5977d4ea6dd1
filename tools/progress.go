package tools

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

type progressKey struct{}

// withProgress keeps the progress token of a request, where it has one.
func withProgress(ctx context.Context, request mcp.CallToolRequest) context.Context {
	if meta := request.Params.Meta; meta != nil && meta.ProgressToken != nil {
		return context.WithValue(ctx, progressKey{}, meta.ProgressToken)
	}
	return ctx
}

// progress tells a client that asked for it how far a call is. A client that
// cannot be told misses nothing: the answer says everything.
func progress(ctx context.Context, done, total float64, message string) {
	token := ctx.Value(progressKey{})
	if token == nil {
		return
	}
	_ = server.ServerFromContext(ctx).SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress), map[string]any{
		"progressToken": token, "progress": done, "total": total, "message": message,
	})
}
