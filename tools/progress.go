package tools

import (
	"context"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Progress is for calls that read many licences or wait. A client that wants it
// sends a progress token with its call; the adapter then keeps in the context
// how to send notifications/progress, so that handlers know nothing of the
// protocol. A client that cannot be told misses nothing: the answer says
// everything.

// progressEvery is the least time between two notifications about reading, but
// for the last.
const progressEvery = 100 * time.Millisecond

type progressKey struct{}

// teller tells one call's progress.
type teller struct {
	send func(done, total float64, message string)
	read func(done, total int) // paced
}

// withProgress prepares the context of a call whose client asked for progress.
func withProgress(ctx context.Context, s *server.MCPServer, request mcp.CallToolRequest) context.Context {
	if request.Params.Meta == nil || request.Params.Meta.ProgressToken == nil {
		return ctx
	}
	token := request.Params.Meta.ProgressToken
	t := &teller{send: func(done, total float64, message string) {
		params := map[string]any{"progressToken": token, "progress": done, "total": total}
		if message != "" {
			params["message"] = message
		}
		_ = s.SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress), params) // as said above
	}}
	t.read = paced(time.Now, func(done, total int) { t.send(float64(done), float64(total), "") })
	return context.WithValue(ctx, progressKey{}, t)
}

// progress tells how far a call that waits is.
func progress(ctx context.Context, done, total float64, message string) {
	if t, ok := ctx.Value(progressKey{}).(*teller); ok {
		t.send(done, total, message)
	}
}

// progressFrom returns what a handler that reads tells its progress; nil where
// nobody wants to know.
func progressFrom(ctx context.Context) func(done, total int) {
	if t, ok := ctx.Value(progressKey{}).(*teller); ok {
		return t.read
	}
	return nil
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
