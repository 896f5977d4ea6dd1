package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// policyCommand is the policy file for people: whether it is right, and what it
// decides.
type policyCommand struct {
	Check   policyCheck   `cmd:"" help:"Check the policy file and list its rules."`
	Explain policyExplain `cmd:"" help:"Say which rule decides on a call, and what else bears on it."`
}

// policyFlag is the file that a policy command looks at.
type policyFlag struct {
	Policy string `name:"policy" env:"WEBSOFTSOLUS_POLICY" required:"" help:"The policy file." placeholder:"FILE"`
}

func (f *policyFlag) load() (*policy.Policy, error) {
	p, err := policy.Load(f.Policy)
	if err != nil {
		return nil, &config.Error{Flag: "policy", Message: err.Error()}
	}
	return p, nil
}

type policyCheck struct {
	policyFlag
}

// Run prints the rules as they were understood, or everything that is wrong.
func (c *policyCheck) Run(s streams) error {
	p, err := c.load()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tLINE\tEFFECT\tMATCHES\tCAPS A DAY")
	for i, r := range p.Rules {
		fmt.Fprintf(table, "%d %s\t%d\t%s\t%s\t%s\n", i+1, r.Name, r.Line, r.Effect, printable(conditions(&r)), capsInWords(r.Caps))
	}
	fmt.Fprintf(table, "default\t\t%s\twhat no rule matches\t\n", p.Default)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is right: %d rules\n", printable(c.Policy), len(p.Rules))
	return err
}

// conditions says what a rule matches.
func conditions(r *policy.Rule) string {
	var all []string
	for _, c := range []struct {
		name     string
		patterns policy.Patterns
	}{
		{"tool", r.Tools}, {"family", r.Families}, {"product", r.Products},
		{"period", r.Periods}, {"environment", r.Environments}, {"caller", r.Callers},
	} {
		if len(c.patterns) > 0 {
			texts := c.patterns.Texts()
			for i, text := range texts {
				if text == "" {
					texts[i] = `""`
				}
			}
			all = append(all, c.name+" "+strings.Join(texts, "|"))
		}
	}
	if len(all) == 0 {
		return "everything"
	}
	return strings.Join(all, ", ")
}

func capsInWords(c policy.Caps) string {
	var all []string
	for _, one := range []struct {
		cap  *int
		what string
	}{{c.Orders, "orders"}, {c.LicenceMonths, "licence-months"}, {c.Terminations, "terminations"}} {
		if one.cap != nil {
			all = append(all, fmt.Sprintf("%d %s", *one.cap, one.what))
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

type policyExplain struct {
	policyFlag
	Env                   string   `name:"env" env:"WEBSOFTSOLUS_ENV" default:"live" help:"The environment, unless environment=… is given." placeholder:"ENV"`
	ReadOnly              bool     `name:"read-only" env:"WEBSOFTSOLUS_READ_ONLY" help:"As the server's flag."`
	Confirm               string   `name:"confirm" env:"WEBSOFTSOLUS_CONFIRM" default:"auto" enum:"auto,code,human" help:"As the server's flag: auto, code or human." placeholder:"MODE"`
	MaxOrdersPerDay       int      `name:"max-orders-per-day" env:"WEBSOFTSOLUS_MAX_ORDERS_PER_DAY" default:"20" help:"As the server's flag." placeholder:"N"`
	MaxTerminationsPerDay int      `name:"max-terminations-per-day" env:"WEBSOFTSOLUS_MAX_TERMINATIONS_PER_DAY" default:"20" help:"As the server's flag." placeholder:"N"`
	Tool                  string   `arg:"" help:"The tool that is called."`
	Arguments             []string `arg:"" optional:"" help:"What is known of the call: family=, product=, period=, environment=, caller=."`
}

// Run prints which rule decides, what the flags say, and the caps that hold.
func (c *policyExplain) Run(s streams) error {
	p, err := c.load()
	if err != nil {
		return err
	}
	q, err := c.request()
	if err != nil {
		return err
	}
	d := p.Decide(q)
	flags := policy.Flags{ReadOnly: c.ReadOnly, Confirm: c.Confirm, MaxOrders: c.MaxOrdersPerDay, MaxTerminations: c.MaxTerminationsPerDay}.Bound()
	explain(s.out, p, q, d, policy.Strictest(flags, d.Bound()), flags)
	return nil
}

// request reads name=value arguments. Its error names every argument that is
// wrong.
func (c *policyExplain) request() (policy.Request, error) {
	q := policy.Request{Tool: c.Tool, Environment: c.Env}
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.Contains(policy.Tools, c.Tool) {
		if schemas.InputSchema(c.Tool) != nil {
			say("%s only reads, and a policy is about writes: %s", c.Tool, strings.Join(policy.Tools, ", "))
		} else {
			say("%q is no tool that writes; those are %s", c.Tool, strings.Join(policy.Tools, ", "))
		}
	}
	own := familyOf(c.Tool)
	q.Family = own
	given := map[string]bool{}
	for _, argument := range c.Arguments {
		name, value, ok := strings.Cut(argument, "=")
		switch {
		case !ok:
			say("%q is not name=value", argument)
			continue
		case given[name]:
			say("%s is given twice", name)
			continue
		case value == "" && name != "caller":
			say("%s is empty; leave it out where it is not known", name)
			continue
		}
		given[name] = true
		switch name {
		case "family":
			q.Family = websoftsolus.Family(value)
			if !slices.Contains(websoftsolus.Families, q.Family) {
				say("family must be one of plesk, cpanel, virtuozzo, not %q", value)
			} else if own != "" && own != q.Family {
				say("%s orders for %s, not %s", c.Tool, own, value)
			}
		case "product":
			q.Product = value
		case "period":
			q.Period = value
			if !slices.Contains(policy.Periods, value) {
				say("period must be one of %s, not %q", strings.Join(policy.Periods, ", "), value)
			}
		case "environment":
			q.Environment = value
		case "caller":
			q.Caller = value
		default:
			say("%q is nothing that rules look at; those are family, product, period, environment, caller", name)
		}
	}
	if !slices.Contains(policy.Environments, q.Environment) {
		say("environment must be one of %s, not %q", strings.Join(policy.Environments, ", "), q.Environment)
	}
	if len(wrong) > 0 {
		return q, wrongUsage(strings.Join(wrong, "\n"))
	}
	return q, nil
}

// wrongUsage is an argument that cannot be used: exit status 2.
type wrongUsage string

func (e wrongUsage) Error() string { return string(e) }

// familyOf is the family that a tool orders for; empty for any other tool.
func familyOf(tool string) websoftsolus.Family {
	for _, family := range websoftsolus.Families {
		for _, generation := range []schemas.Generation{schemas.Plesk10, schemas.Plesk12} {
			if rules := schemas.RuleSetFor(family, generation); rules != nil && rules.Tool == tool {
				return family
			}
		}
	}
	return ""
}

func explain(w io.Writer, p *policy.Policy, q policy.Request, d policy.Decision, joined, flags policy.Bound) {
	line := func(name, value string) { fmt.Fprintf(w, "%-9s %s\n", name, printable(value)) }
	unknown := func(value string) string {
		if value == "" {
			return "not known"
		}
		return value
	}
	caller := q.Caller
	if caller == "" {
		caller = "nobody who signed in"
	}
	line("call", fmt.Sprintf("%s: family %s, product %s, period %s, environment %s, caller %s",
		q.Tool, unknown(string(q.Family)), unknown(q.Product), unknown(q.Period), q.Environment, caller))
	line("policy", d.Reason)
	if d.Rule > 0 {
		if reason := p.Rules[d.Rule-1].Reason; reason != "" {
			line("", reason)
		}
		line("", "it matches "+conditions(&p.Rules[d.Rule-1]))
	}
	line("flags", flagsInWords(flags))
	line("together", map[policy.Effect]string{
		policy.Allow:  "allow: the phrase of the preview is enough",
		policy.Person: "person: a person must agree",
		policy.Deny:   "deny: refused, nothing is sent",
	}[joined.Effect])
	if q.Tool == policy.EditTool && joined.Effect == policy.Allow {
		line("", "an edit takes effect at once, and has no caps")
		return
	}
	if joined.Effect == policy.Deny {
		return
	}
	for _, from := range []struct {
		caps  policy.Caps
		whose string
	}{
		{flags.Caps, "of all this server does"},
		{d.Caps, fmt.Sprintf("of what rule %q lets through", d.Name)},
	} {
		caps := from.caps
		if q.Tool == policy.TerminateTool {
			caps.Orders, caps.LicenceMonths = nil, nil
		} else {
			caps.Terminations = nil
		}
		if !caps.IsZero() {
			line("caps", capsInWords(caps)+" in 24 hours, "+from.whose)
		}
	}
	line("", "a caller's token may forbid more, and has caps of its own")
}

func flagsInWords(b policy.Bound) string {
	switch b.Effect {
	case policy.Deny:
		return b.Source + " denies every write"
	case policy.Person:
		return b.Source + " asks for a person"
	}
	return "allow it"
}
