package stdio

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// listener is the client within one subscriptions/listen (MCP specification
// 2026-07-28): what it is told carries the id of that request.
type listener struct {
	*session
	subscriptions *rpc.Subscriptions
}

var _ server.SessionWithResourceSubscriptionsErr = (*listener)(nil)

func (l *loop) newListener(id json.RawMessage) *listener {
	s := &listener{session: l.session}
	s.subscriptions = rpc.NewSubscriptions(l.ctx, l.watch, func(n mcp.JSONRPCNotification) {
		n.Params.Meta = map[string]any{mcp.MetaKeySubscriptionID: id}
		l.session.notifier.Tell(n)
	})
	return s
}

func (s *listener) SubscribeToResource(uri string)          { _ = s.subscriptions.Subscribe(uri) }
func (s *listener) SubscribeToResourceErr(uri string) error { return s.subscriptions.Subscribe(uri) }
func (s *listener) UnsubscribeFromResource(uri string)      { s.subscriptions.Unsubscribe(uri) }
func (s *listener) SubscribedResources() []string           { return s.subscriptions.All() }
func (s *listener) IsSubscribedToResource(uri string) bool  { return s.subscriptions.Has(uri) }
