package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// reader turns the nodes of a YAML document into a policy and collects what is
// wrong with them. It goes on after a problem, so that all are found at once.
type reader struct {
	problems Problems
}

func (r *reader) wrong(line, column int, message string) {
	r.problems.All = append(r.problems.All, Problem{Line: line, Column: column, Message: message})
}

func (r *reader) at(n *yaml.Node, format string, args ...any) {
	r.wrong(n.Line, n.Column, fmt.Sprintf(format, args...))
}

// The keys of a file, of a rule and of its caps.
var (
	fileKeys = []string{"version", "default", "rules"}
	ruleKeys = []string{"name", "reason", "tool", "family", "product", "period", "environment", "caller", "effect", "caps"}
	capKeys  = []string{"ordersPerDay", "licenceMonthsPerDay", "terminationsPerDay"}
)

// What rules match on, where there is a list to choose from: Periods in months.
var (
	familyNames = func() []string {
		names := make([]string, len(websoftsolus.Families))
		for i, f := range websoftsolus.Families {
			names[i] = string(f)
		}
		return names
	}()
	Periods      = []string{"1", "3", "6", "12", "24", "36"}
	Environments = []string{"live", "test", "sandbox"}
	effectNames  = []string{string(Allow), string(Person), string(Deny)}
)

// maxCap is the largest cap; more than that is surely a slip.
const maxCap = 1_000_000

// mapping reads a mapping with the given keys; nil where it is none.
func (r *reader) mapping(n *yaml.Node, what string, keys []string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		r.at(n, "%s must be a mapping with the keys %s", what, strings.Join(keys, ", "))
		return nil
	}
	found := map[string]*yaml.Node{}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value):
			r.at(key, "%s has no key %q; its keys are %s", what, shown(key), strings.Join(keys, ", "))
		case first[key.Value] != nil:
			r.at(key, "%s is given twice; the first is in line %d", key.Value, first[key.Value].Line)
		default:
			first[key.Value] = key
			found[key.Value] = value
		}
	}
	return found
}

// shown is a node's text for a message.
func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "{…}"
	case yaml.SequenceNode:
		return "[…]"
	case yaml.AliasNode:
		return "*" + n.Value
	}
	if runes := []rune(n.Value); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return n.Value
}

func (r *reader) policy(p *Policy, root *yaml.Node) {
	keys := r.mapping(root, "the policy", fileKeys)
	if keys == nil {
		return
	}
	if version := keys["version"]; version == nil {
		r.at(root, "version is missing: write version: 1")
	} else if version.Kind != yaml.ScalarNode || version.Value != "1" {
		r.at(version, "version must be 1, not %q", shown(version))
	}
	if node := keys["default"]; node == nil {
		r.at(root, "default is missing: it says what becomes of a write that no rule matches, and is one of %s", strings.Join(effectNames, ", "))
	} else {
		p.defaultLine = node.Line
		p.Default = Effect(r.oneOf(node, "default", effectNames))
	}
	rules := keys["rules"]
	switch {
	case rules == nil, rules.Kind == yaml.ScalarNode && rules.Tag == "!!null":
		return // the default decides everything
	case rules.Kind != yaml.SequenceNode:
		r.at(rules, "rules must be a list, each rule beginning with a dash")
		return
	}
	names := map[string]int{}
	for _, node := range rules.Content {
		rule := r.rule(node)
		if rule.Name != "" {
			if line := names[rule.Name]; line != 0 {
				r.at(node, "the name %q is that of the rule in line %d too; each rule needs a name of its own", rule.Name, line)
			} else {
				names[rule.Name] = node.Line
			}
		}
		p.Rules = append(p.Rules, rule)
	}
}

// ruleName has no character that a database's LIKE gives a meaning to: the
// ledger finds a rule's operations by its name.
var ruleName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$`) })

func (r *reader) rule(n *yaml.Node) Rule {
	rule := Rule{Line: n.Line}
	keys := r.mapping(n, "a rule", ruleKeys)
	if keys == nil {
		return rule
	}
	if node := keys["name"]; node == nil {
		r.at(n, "the rule has no name; caps are counted and refusals are explained by it")
	} else if name, ok := r.text(node, "name"); ok {
		if !ruleName().MatchString(name) || name == "default" {
			r.at(node, `name must be 1 to 64 of A-Z a-z 0-9 . - and begin with a letter or digit, and not be "default"; it is %q`, shown(node))
		} else {
			rule.Name = name
		}
	}
	if node := keys["reason"]; node != nil {
		rule.Reason, _ = r.text(node, "reason")
	}
	if node := keys["effect"]; node == nil {
		r.at(n, "the rule has no effect: one of %s", strings.Join(effectNames, ", "))
	} else {
		rule.Effect = Effect(r.oneOf(node, "effect", effectNames))
	}
	rule.Tools = r.patterns(keys["tool"], "tool", Tools, true)
	rule.Families = r.patterns(keys["family"], "family", familyNames, false)
	rule.Products = r.patterns(keys["product"], "product", nil, true)
	rule.Periods = r.patterns(keys["period"], "period", Periods, false)
	rule.Environments = r.patterns(keys["environment"], "environment", Environments, false)
	rule.Callers = r.patterns(keys["caller"], "caller", nil, true)
	if rule.Effect == Person && rule.reaches(EditTool) {
		at := n
		if keys["tool"] != nil {
			at = keys["tool"]
		}
		r.at(at, "effect person cannot hold for %s, which needs no confirmation: name the tools without it, and write a rule of its own that allows or denies it", EditTool)
	}
	if node := keys["caps"]; node != nil {
		r.caps(node, &rule)
	}
	return rule
}

// reaches says whether the rule may match a tool.
func (r *Rule) reaches(tool string) bool { return r.Tools.matches(tool) }

func (r *reader) caps(n *yaml.Node, rule *Rule) {
	keys := r.mapping(n, "caps", capKeys)
	if rule.Effect == Deny {
		r.at(n, "a rule that denies has no caps")
		return
	}
	ordering := slices.ContainsFunc(Tools, func(tool string) bool { return orders(tool) && rule.reaches(tool) })
	for _, c := range []struct {
		key     string
		cap     **int
		matters bool
		kind    string
	}{
		{"ordersPerDay", &rule.Caps.Orders, ordering, "orders"},
		{"licenceMonthsPerDay", &rule.Caps.LicenceMonths, ordering, "orders"},
		{"terminationsPerDay", &rule.Caps.Terminations, rule.reaches(TerminateTool), "terminations"},
	} {
		node := keys[c.key]
		if node == nil {
			continue
		}
		value, err := strconv.Atoi(node.Value)
		switch {
		case node.Kind != yaml.ScalarNode || node.Tag != "!!int" || err != nil || value < 0 || value > maxCap:
			r.at(node, "%s must be a whole number from 0 to %d, not %q", c.key, maxCap, shown(node))
		case !c.matters:
			r.at(node, "%s has no effect here: the rule's tools make no %s", c.key, c.kind)
		default:
			*c.cap = &value
		}
	}
}

// text reads a plain text.
func (r *reader) text(n *yaml.Node, key string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.at(n, "%s must be a text, not %q", key, shown(n))
		return "", false
	}
	return n.Value, true
}

// oneOf reads one of the allowed words; empty where it is none.
func (r *reader) oneOf(n *yaml.Node, key string, allowed []string) string {
	if n.Kind != yaml.ScalarNode || !slices.Contains(allowed, n.Value) {
		r.at(n, "%s must be one of %s, not %q", key, strings.Join(allowed, ", "), shown(n))
		return ""
	}
	return n.Value
}

// patterns reads one pattern or a list of them. Where there is a list to choose
// from, each must match something in it, and be in it unless globs are allowed.
func (r *reader) patterns(n *yaml.Node, key string, allowed []string, globs bool) Patterns {
	if n == nil {
		return nil
	}
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		if nodes = n.Content; len(nodes) == 0 {
			r.at(n, "%s is an empty list, which would match nothing; leave %s out to match anything", key, key)
		}
	}
	var patterns Patterns
	for _, one := range nodes {
		text, ok := r.text(one, key)
		if !ok {
			continue
		}
		// An empty caller is one who did not have to sign in; nothing else is empty.
		if text == "" && key != "caller" {
			r.at(one, "%s is empty; leave %s out to match anything", key, key)
			continue
		}
		if slices.ContainsFunc(patterns, func(p Pattern) bool { return p.Text == text }) {
			r.at(one, "%s names %q twice", key, shown(one))
			continue
		}
		// How the API compares product names is not documented, so letter case
		// must not be a way around a rule.
		p := pattern(text, key == "product")
		if allowed != nil && !slices.Contains(allowed, text) {
			if !globs {
				r.at(one, "%s must be one of %s, not %q", key, strings.Join(allowed, ", "), shown(one))
				continue
			}
			if !slices.ContainsFunc(allowed, p.form.MatchString) {
				r.at(one, "%s %q matches none of %s", key, shown(one), strings.Join(allowed, ", "))
				continue
			}
		}
		patterns = append(patterns, p)
	}
	return patterns
}
