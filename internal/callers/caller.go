// Package callers knows who makes a call over HTTP and what they may do.
//
// Start with [New]: it makes an [Authenticator] of a tokens file (tokens.go), an
// OAuth issuer (oauth.go), or both. [Authenticator.Authenticate] turns a
// request's bearer token into a [Caller], or into an [Error] that holds the
// status and the WWW-Authenticate header to answer with (challenge.go).
// [RequireAuthentication] is the rule of when a server may start without any of
// it.
//
// A transport puts the Caller into the context of every call; the tools and the
// operations ledger ask for it there. No caller in the context is a caller who
// needs no permission: the person at whose machine the server runs over stdio,
// or on loopback without tokens.
package callers

import (
	"context"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Scope is one thing that a caller may be allowed to do. The names are those of
// the OAuth scopes.
type Scope string

const (
	Read      Scope = "licenses:read"
	Order     Scope = "licenses:order"
	Edit      Scope = "licenses:edit"
	Terminate Scope = "licenses:terminate"
)

// Scopes lists every scope.
var Scopes = []Scope{Read, Order, Edit, Terminate}

// Caller is an authenticated caller.
type Caller struct {
	// Name identifies the caller in the ledger, where it is the actor's
	// principal. It is never empty.
	Name string
	// Scopes are what the caller may do.
	Scopes []Scope
	// Families are the families the caller may act on; none means all.
	Families []websoftsolus.Family
	// MaxOrdersPerDay and MaxTerminationsPerDay are caps of the caller's own,
	// beside those of the server; nil means none of its own.
	MaxOrdersPerDay       *int
	MaxTerminationsPerDay *int
	// SeesAll lets the caller see every caller's operations, not only its own.
	SeesAll bool
	// Issued marks a caller with an issuer's access token: one with further scopes
	// can be had (MCP specification 2025-11-25, "Scope Challenge Handling").
	Issued bool
	// Approver marks a person who may approve what others proposed, on the page
	// where that is done. It adds nothing to what the tools allow.
	Approver bool
}

// May says whether the caller may do what the scope names. No caller (nil) may
// do everything.
func (c *Caller) May(scope Scope) bool {
	return c == nil || slices.Contains(c.Scopes, scope)
}

// MayUse says whether the caller may act on a family.
func (c *Caller) MayUse(family websoftsolus.Family) bool {
	return c == nil || len(c.Families) == 0 || slices.Contains(c.Families, family)
}

type contextKey struct{}

// With returns a context in which From finds the caller.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the caller of a call; nil where none had to say who they are.
func From(ctx context.Context) *Caller {
	c, _ := ctx.Value(contextKey{}).(*Caller)
	return c
}
