package policy

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Effect is what becomes of a write, from the least strict to the strictest.
type Effect string

const (
	Allow  Effect = "allow"  // the phrase of the preview is enough
	Person Effect = "person" // a person must agree, outside the model's reach
	Deny   Effect = "deny"   // it is refused
)

// effects in the order of strictness.
var effects = []Effect{Allow, Person, Deny}

func (e Effect) strictness() int { return slices.Index(effects, e) }

// EditTool is the one tool that writes without a confirmation, so nobody can be
// asked about it.
const EditTool = "edit_license"

// TerminateTool ends licences.
const TerminateTool = "terminate_license"

// Tools are the tools that write. Reading is not a policy's matter.
var Tools = []string{
	"order_plesk10_license", "order_plesk12_license", "order_cpanel_license", "order_virtuozzo_license",
	EditTool, TerminateTool,
}

func orders(tool string) bool { return tool != EditTool && tool != TerminateTool }

// Caps bound what may be claimed in any 24 hours; a nil cap is none.
type Caps struct {
	Orders        *int // orders
	LicenceMonths *int // the periods of orders, added up, in months
	Terminations  *int // terminations
}

// IsZero says whether there is no cap at all.
func (c Caps) IsZero() bool { return c == Caps{} }

// tightest is the smaller of each cap.
func (c Caps) tightest(other Caps) Caps {
	return Caps{
		Orders:        smaller(c.Orders, other.Orders),
		LicenceMonths: smaller(c.LicenceMonths, other.LicenceMonths),
		Terminations:  smaller(c.Terminations, other.Terminations),
	}
}

func smaller(a, b *int) *int {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// Request is one write. What is not known is empty, and so is what does not
// apply; an empty Caller is a caller who did not have to sign in.
type Request struct {
	Tool        string
	Family      websoftsolus.Family
	Product     string
	Period      string // months
	Environment string // "live", "test" or "sandbox"
	Caller      string // the authenticated caller's name
}

// Decision is what a policy says of a write.
type Decision struct {
	Effect Effect
	Rule   int    // the number of the rule that decided, from 1; 0 for the default
	Name   string // of the rule; "default" for the default
	Line   int    // of the rule in the file
	File   string // the file's name, without its folder
	Caps   Caps   // of the rule; none where the effect is Deny
	// Reason is one sentence fragment that names the rule, its line and its
	// effect, and nothing that it matches on.
	Reason string
}

// Policy is a policy file that was read. It does not change, and is safe for use
// by many goroutines.
type Policy struct {
	File    string // the file's name, without its folder
	Rules   []Rule
	Default Effect

	defaultLine int
}

// Rule is one rule of a policy. An empty list matches anything.
type Rule struct {
	Name   string
	Line   int
	Effect Effect
	Caps   Caps
	// Reason is the person's own words on why the rule is there; may be empty.
	// They are for who reads the file and for policy explain, not for a model.
	Reason string

	Tools, Families, Products, Periods, Environments, Callers Patterns
}

// Patterns are alternatives; none match anything.
type Patterns []Pattern

// Pattern is a text in which * stands for any characters and ? for one.
type Pattern struct {
	Text string
	form *regexp.Regexp
}

// pattern compiles a pattern. No character separates, so that * in a rule that
// denies leaves no gap.
func pattern(text string, foldCase bool) Pattern {
	form := "(?s)"
	if foldCase {
		form = "(?si)"
	}
	form += "^"
	for _, r := range text {
		switch r {
		case '*':
			form += ".*"
		case '?':
			form += "."
		default:
			form += regexp.QuoteMeta(string(r))
		}
	}
	return Pattern{Text: text, form: regexp.MustCompile(form + "$")}
}

// match is whether something matches; maybe where what is matched is not known.
type match int

const (
	no match = iota
	maybe
	yes
)

func (p Patterns) matches(value string) bool {
	return len(p) == 0 || slices.ContainsFunc(p, func(one Pattern) bool { return one.form.MatchString(value) })
}

// known matches a value that is empty where it is not known.
func (p Patterns) known(value string) match {
	switch {
	case len(p) == 0:
		return yes
	case value == "":
		return maybe
	case p.matches(value):
		return yes
	}
	return no
}

// matches says whether the rule matches, which is as sure as its least sure
// part.
func (r *Rule) matches(q Request) match {
	caller := no
	if r.Callers.matches(q.Caller) {
		caller = yes
	}
	return min(
		caller,
		r.Tools.known(q.Tool),
		r.Families.known(string(q.Family)),
		r.Products.known(q.Product),
		r.Periods.known(q.Period),
		r.Environments.known(q.Environment),
	)
}

// Decide returns what the policy says of a write: the first rule that matches,
// or the default. Rules that may match are taken both ways, and the strictest
// decision holds. An edit that would need a person is denied, since an edit has
// no confirmation.
func (p *Policy) Decide(q Request) Decision {
	if !slices.Contains(Periods, q.Period) {
		q.Period = "" // of a licence, in words of the API: not known
	}
	var strictest *Decision
	consider := func(d Decision) {
		if strictest == nil || d.stricter(*strictest, q.Tool) {
			strictest = &d
		}
	}
	for i := range p.Rules {
		switch m := p.Rules[i].matches(q); m {
		case no:
			continue
		default:
			consider(p.byRule(i, q, m))
			if m == yes {
				return *strictest
			}
		}
	}
	consider(p.byDefault(q))
	return *strictest
}

// stricter compares the effects, then the caps that count for the tool.
func (d Decision) stricter(than Decision, tool string) bool {
	if a, b := d.Effect.strictness(), than.Effect.strictness(); a != b {
		return a > b
	}
	limit := func(c *int) int {
		if c == nil {
			return math.MaxInt
		}
		return *c
	}
	if tool == TerminateTool {
		return limit(d.Caps.Terminations) < limit(than.Caps.Terminations)
	}
	if a, b := limit(d.Caps.Orders), limit(than.Caps.Orders); a != b {
		return a < b
	}
	return limit(d.Caps.LicenceMonths) < limit(than.Caps.LicenceMonths)
}

func (p *Policy) byRule(i int, q Request, m match) Decision {
	r := &p.Rules[i]
	d := Decision{Effect: r.Effect, Rule: i + 1, Name: r.Name, Line: r.Line, File: p.File, Caps: r.Caps}
	d.Reason = fmt.Sprintf("rule %q (%s, line %d) %s", r.Name, p.File, r.Line, effectWords[d.Effect])
	if m == maybe {
		d.Reason += "; whether it matches is not known, so the strictest of the rules that may match holds"
	}
	return d
}

func (p *Policy) byDefault(q Request) Decision {
	d := Decision{Effect: p.Default, Name: "default", Line: p.defaultLine, File: p.File}
	d.Reason = fmt.Sprintf("no rule matches and the default (%s, line %d) %s", p.File, p.defaultLine, effectWords[d.Effect])
	if d.Effect == Person && q.Tool == EditTool {
		d.Effect = Deny
		d.Reason += ", who cannot be asked about an edit"
	}
	return d
}

var effectWords = map[Effect]string{
	Allow:  "allows it",
	Person: "asks for a person",
	Deny:   "denies it",
}

// Texts are the patterns as they were written.
func (p Patterns) Texts() []string {
	texts := make([]string, len(p))
	for i, one := range p {
		texts[i] = one.Text
	}
	return texts
}
