package consent

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// CanAsk says whether the client of the call under the context can show the
// person a form. A client of 2026-07-28 says so with every request, and nothing
// may be inferred from another one; an older one said so when it connected. One
// that did not say so is never asked: the library would ask it all the same, and
// the call would hang.
func CanAsk(ctx context.Context) bool {
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		return info.ClientCapabilities != nil && showsForms(*info.ClientCapabilities)
	}
	session := server.ClientSessionFromContext(ctx)
	if _, reachable := session.(server.SessionWithElicitation); !reachable {
		return false // no session, or a transport that cannot send it a request
	}
	client, ok := session.(server.SessionWithClientInfo)
	return ok && showsForms(client.GetClientCapabilities())
}

// showsForms: an empty elicitation capability means forms, as it did before
// there was another mode (MCP specification, "Elicitation").
func showsForms(capabilities mcp.ClientCapabilities) bool {
	e := capabilities.Elicitation
	return e != nil && (e.Form != nil || e.URL == nil)
}

// AnswersAnew says whether the client of the call repeats it with the answer,
// instead of being asked while the call waits.
func AnswersAnew(ctx context.Context) bool { return server.IsModernRequest(ctx) }
