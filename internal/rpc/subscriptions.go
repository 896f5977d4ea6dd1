package rpc

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// Watch calls changed after each change of a resource, until ctx ends or the
// function that it returns is called. The error says why the resource cannot be
// watched.
type Watch func(ctx context.Context, uri string, changed func()) (stop func(), err error)

// maxSubscriptions is how many resources one client may subscribe to at a time.
const maxSubscriptions = 100

// Subscriptions are the resources that a client wants to hear of: the library
// acknowledges subscriptions and keeps none.
type Subscriptions struct {
	ctx    context.Context
	watch  Watch
	notify func(mcp.JSONRPCNotification)

	mu     sync.Mutex
	closed bool
	stops  map[string]func()
}

// NewSubscriptions returns none yet. The context says who subscribes; notify is
// called with each notification. A nil watch lets nothing be subscribed to.
func NewSubscriptions(ctx context.Context, watch Watch, notify func(mcp.JSONRPCNotification)) *Subscriptions {
	return &Subscriptions{ctx: ctx, watch: watch, notify: notify, stops: map[string]func(){}}
}

// Subscribe begins to tell of a resource. Twice is once.
func (s *Subscriptions) Subscribe(uri string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.watch == nil, s.closed:
		return errors.New("nothing can be subscribed to here")
	case s.stops[uri] != nil:
		return nil
	case len(s.stops) >= maxSubscriptions:
		return errors.New("this client has too many subscriptions; end some first")
	}
	stop, err := s.watch(s.ctx, uri, func() {
		s.notify(mcp.JSONRPCNotification{
			JSONRPC: mcp.JSONRPC_VERSION,
			Notification: mcp.Notification{
				Method: mcp.MethodNotificationResourceUpdated,
				Params: mcp.NotificationParams{AdditionalFields: map[string]any{"uri": uri}},
			},
		})
	})
	if err != nil {
		return err
	}
	s.stops[uri] = stop
	return nil
}

// Unsubscribe ends it.
func (s *Subscriptions) Unsubscribe(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stop := s.stops[uri]; stop != nil {
		delete(s.stops, uri)
		stop()
	}
}

// All are the resources subscribed to, sorted.
func (s *Subscriptions) All() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]string, 0, len(s.stops))
	for uri := range s.stops {
		all = append(all, uri)
	}
	slices.Sort(all)
	return all
}

// Has says whether a resource is subscribed to.
func (s *Subscriptions) Has(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stops[uri] != nil
}

// Close ends all of them.
func (s *Subscriptions) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for uri, stop := range s.stops {
		delete(s.stops, uri)
		stop()
	}
}
