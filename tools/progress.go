package tools

import (
	"context"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Progress is for calls that read many licences. A client that wants it sends a
// progress token with its call; the adapter then puts a function into the
// context that sends notifications/progress, so that handlers know nothing of
// the protocol.

// progressEvery is the least time between two notifications, but for the last.
const progressEvery = 100 * time.Millisecond

type progressKey struct{}

// progressFrom returns what a handler tells its progress; nil where nobody
// wants to know.
func progressFrom(ctx context.Context) func(done, total int) {
	progress, _ := ctx.Value(progressKey{}).(func(done, total int))
	return progress
}

// withProgress prepares the context of a call whose client asked for progress.
func withProgress(ctx context.Context, s *server.MCPServer, request mcp.CallToolRequest) context.Context {
	if request.Params.Meta == nil || request.Params.Meta.ProgressToken == nil {
		return ctx
	}
	token := request.Params.Meta.ProgressToken
	send := paced(time.Now, func(done, total int) {
		// A client that cannot be told still gets its answer.
		_ = s.SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress),
			map[string]any{"progressToken": token, "progress": done, "total": total})
	})
	return context.WithValue(ctx, progressKey{}, send)
}

// paced lets progress through at most every progressEvery, and the last always.
// Progress only grows, as the protocol demands: a second round of reading within
// one call is not told.
func paced(now func() time.Time, send func(done, total int)) func(done, total int) {
	var (
		mu   sync.Mutex
		last time.Time
		told int
	)
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if at := now(); done > told && (done == total || at.Sub(last) >= progressEvery) {
			last, told = at, done
			send(done, total)
		}
	}
}
