package operations

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
)

// A policy decides twice on each write: when it is proposed, and again when it
// is claimed, for the rules, the caller and the licence may be others by then.
// The caps of the rule that decided are counted in the claim's transaction, over
// the operations that the same rule let through.

// RuleCaps are the caps of the policy's rule that lets an operation through.
type RuleCaps struct {
	Rule  string // its name; empty where there is no policy
	Where string // the file and line, for messages
	policy.Caps
}

// PolicyRequest is an operation as a policy sees it. What the API does not show
// of a licence is empty.
func (s *Service) PolicyRequest(ctx context.Context, o *Operation) policy.Request {
	q := policy.Request{Tool: o.Tool, Family: o.Family, Environment: s.environment}
	switch o.Kind {
	case Order:
		q.Product, q.Period = formValue(o.Request, "product"), formValue(o.Request, "period")
	case Edit:
		q.Tool = policy.EditTool
	case Terminate:
		q.Tool = policy.TerminateTool
	}
	if o.Previous != nil {
		q.Product, q.Period = o.Previous.Product, o.Previous.Period
	}
	// What a person approved is still the proposer's, whoever's call performs it.
	q.Caller = o.Actor.Principal
	if caller := callers.From(ctx); caller != nil {
		q.Caller = caller.Name
	}
	return q
}

// decide returns what the policy says of an operation, joined with what the
// flags and the caller's token say.
func (s *Service) decide(ctx context.Context, o *Operation) (policy.Decision, policy.Bound) {
	q := s.PolicyRequest(ctx, o)
	decision := policy.Decision{Effect: policy.Allow, Reason: "no policy"}
	if s.policy != nil {
		decision = s.policy(q)
	}
	return decision, policy.Strictest(
		policy.Bound{Effect: policy.Allow, Source: "the flags"},
		policy.TokenBound(callers.From(ctx), q),
		decision.Bound(),
	)
}

// ruled decides on an operation and names the rule in it. It returns the limits
// that hold for it and what is said of it, or the refusal.
func (s *Service) ruled(ctx context.Context, o *Operation) (Limits, policy.Bound, *Refusal) {
	decision, bound := s.decide(ctx, o)
	limits := s.limits
	limits.Rule = RuleCaps{Rule: decision.Name, Where: fmt.Sprintf("%s, line %d", decision.File, decision.Line), Caps: decision.Caps}
	if caller := callers.From(ctx); caller != nil {
		limits.Caller = CallerCaps{Name: caller.Name, Orders: caller.MaxOrdersPerDay, Terminations: caller.MaxTerminationsPerDay}
	}
	o.Rule = decision.Name
	if bound.Effect == policy.Allow || bound.Effect == policy.Person {
		return limits, bound, nil
	}
	return limits, bound, refuse(o.Kind, CodePolicyDenied, RetryNever, bound.Source,
		"tell the person what was denied and by which rule; do not try another way").aboutIf(o)
}

// personFor refuses an operation that a person has to confirm and that would be
// confirmed without one: by a phrase, or as an edit by nothing at all.
func personFor(o *Operation, bound policy.Bound) *Refusal {
	if bound.Effect != policy.Person || o.Kind != Edit && o.Way.orPhrase() != ByPhrase {
		return nil
	}
	return refuse(o.Kind, CodePersonRequired, RetryNever, bound.Source+", and none can be asked here",
		"tell the person what you wanted to do and that the policy wants them to agree to it; do not try another way").aboutIf(o)
}

// aboutIf is about for an operation that was recorded.
func (r *Refusal) aboutIf(o *Operation) *Refusal {
	if o.ID == "" {
		return r
	}
	return r.about(o)
}

// checkRule counts what the rule let through within the window, and blocks an
// operation that would go over one of its caps. A rule's name has no character
// that LIKE gives a meaning to, and no quotation mark in a text can end the
// field in JSON, so the condition finds every operation of the rule; what else
// it may find is left out here.
func checkRule(ctx context.Context, tx *transaction, o *Operation, rule RuleCaps, now time.Time) error {
	if o.Kind == Edit || rule.Caps.IsZero() {
		return nil
	}
	let, err := many(ctx, tx, `base_url = ? AND kind = ? AND claimed_at > ? AND state IN `+claimedStates+` AND document LIKE ?`,
		o.BaseURL, o.Kind, micros(now.Add(-guardWindow)), `%"rule":"`+rule.Rule+`"%`)
	if err != nil {
		return err
	}
	count, months := 1, licenceMonths(o)
	for i := range let {
		if let[i].Rule == rule.Rule {
			count++
			months += licenceMonths(&let[i])
		}
	}
	over := func(most *int, wanted int, what string) error {
		if most == nil || wanted <= *most {
			return nil
		}
		return &Blocked{guard: ruleCapReached, Limit: *most, reason: fmt.Sprintf("%d %s in 24 hours of rule %q (%s)", *most, what, rule.Rule, rule.Where)}
	}
	if o.Kind == Terminate {
		return over(rule.Terminations, count, "terminations")
	}
	if err := over(rule.Orders, count, "orders"); err != nil {
		return err
	}
	return over(rule.LicenceMonths, months, "licence-months")
}

// licenceMonths is what an order buys: its period.
func licenceMonths(o *Operation) int {
	months, _ := strconv.Atoi(formValue(o.Request, "period")) // one of the periods, by the option rules
	return months
}
