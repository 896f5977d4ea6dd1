//go:build conformance

package cli

import (
	"context"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/conformance"
)

// addFixtures adds what the official conformance suite calls. Its resources can
// be subscribed to, and never change.
func addFixtures(a *assembly) {
	conformance.Register(a.mcp)
	watch := a.watch
	a.watch = func(ctx context.Context, uri string, changed func()) (func(), error) {
		if strings.HasPrefix(uri, "test://") {
			return func() {}, nil
		}
		return watch(ctx, uri, changed)
	}
}
