package policy

import (
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
)

// Bound is what one source says of a write.
type Bound struct {
	Effect Effect
	Caps   Caps
	Source string // who says so, for a message: "--read-only", "rule …"
}

// Flags are the flags that bear on a write.
type Flags struct {
	ReadOnly        bool
	Confirm         string // "auto", "code" or "human"
	MaxOrders       int    // a day
	MaxTerminations int    // a day
}

// Bound is what the flags say. --confirm human asks for a person; auto and code
// leave that to the others, since auto asks a person where the client can.
func (f Flags) Bound() Bound {
	b := Bound{Effect: Allow, Caps: Caps{Orders: &f.MaxOrders, Terminations: &f.MaxTerminations}, Source: "the flags"}
	switch {
	case f.ReadOnly:
		b.Effect, b.Source = Deny, "--read-only"
	case f.Confirm == "human":
		b.Effect, b.Source = Person, "--confirm human"
	}
	return b
}

// TokenBound is what a caller's token says of a write. No caller (nil) may do
// everything.
func TokenBound(c *callers.Caller, q Request) Bound {
	b := Bound{Effect: Allow, Source: "no token"}
	if c == nil {
		return b
	}
	b.Source = "the token of " + c.Name
	b.Caps = Caps{Orders: c.MaxOrdersPerDay, Terminations: c.MaxTerminationsPerDay}
	scope := callers.Order
	switch q.Tool {
	case EditTool:
		scope = callers.Edit
	case TerminateTool:
		scope = callers.Terminate
	}
	if !c.May(scope) || !c.MayUse(q.Family) {
		b.Effect = Deny
	}
	return b
}

// Bound is what a policy's decision says.
func (d Decision) Bound() Bound {
	return Bound{Effect: d.Effect, Caps: d.Caps, Source: d.Reason}
}

// Strictest joins what several sources say of one write, flags, token and policy
// among them: the strictest effect, with the first source that has it, and the
// smallest of each cap. No source at all is a Deny. An effect that is none of
// the three counts as Deny.
//
// Each source counts its cap over operations of its own: the flags over all of
// the server's, a token over its caller's, a rule over those that it matched. So
// the smallest is the most that could be claimed in 24 hours, and the ledger
// holds each cap by itself.
func Strictest(bounds ...Bound) Bound {
	if len(bounds) == 0 {
		return Bound{Effect: Deny, Source: "nobody allows it"}
	}
	joined := bounds[0].checked()
	for _, b := range bounds[1:] {
		b = b.checked()
		joined.Caps = joined.Caps.tightest(b.Caps)
		if b.Effect.strictness() > joined.Effect.strictness() {
			joined.Effect, joined.Source = b.Effect, b.Source
		}
	}
	return joined
}

func (b Bound) checked() Bound {
	if !slices.Contains(effects, b.Effect) {
		b.Effect = Deny
	}
	return b
}
