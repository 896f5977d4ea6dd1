package consent_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// ladder is a policy that the test changes.
type ladder struct {
	decision consent.Decision
	seen     []string
}

func (l *ladder) Decide(_ context.Context, tool string, o *operations.Operation) (consent.Decision, string) {
	what := tool + " " + string(o.Family) + " " + o.Environment + " "
	if o.Kind == operations.Terminate {
		what += o.Previous.Product
	} else {
		what += o.Typed()
	}
	l.seen = append(l.seen, what)
	return l.decision, "rule 3 says so"
}

// TestTheStrictestWins: mode, ladder and what the client can do, against the way
// in which an operation is then confirmed.
func TestTheStrictestWins(t *testing.T) {
	for _, row := range []struct {
		mode     consent.Mode
		decision consent.Decision
		asks     bool // the client can
		way      string
	}{
		{consent.Auto, consent.Allow, true, "elicitation"},
		{consent.Auto, consent.Allow, false, "phrase"},
		{consent.Auto, consent.Person, true, "elicitation"},
		{consent.Auto, consent.Person, false, "approval"},
		{consent.Human, consent.Allow, true, "elicitation"},
		{consent.Human, consent.Allow, false, "approval"},
		{consent.Human, consent.Person, false, "approval"},
		{consent.Code, consent.Allow, true, "phrase"},
		{consent.Code, consent.Allow, false, "phrase"},
		{consent.Code, consent.Person, true, "approval"},
		{consent.Code, consent.Person, false, "approval"},
		{consent.Auto, consent.Deny, true, "denied"},
		{consent.Human, consent.Deny, false, "denied"},
		{consent.Code, consent.Deny, false, "denied"},
		{consent.Code, "a typing mistake", false, "denied"},
	} {
		b := newBench(t, row.mode)
		b.consent.Ladder = &ladder{decision: row.decision}
		a := b.send(b.server(), raw{args: order("x"), noForms: !row.asks})
		way := ""
		switch {
		case a.ResultType == "input_required":
			way = "elicitation"
		case a.code() == "approval_required":
			way = "approval"
		case a.code() == "policy_denied":
			require.Contains(t, a.StructuredContent["error"].(object)["message"], "nothing was ordered: rule 3 says so")
			way = "denied"
		case a.StructuredContent["confirm"] != "":
			way = "phrase"
		}
		require.Equal(t, row.way, way, "%+v", row)
		require.Empty(t, b.sent())
	}
}

// TestTheLadderIsAskedAgain before a phrase confirms: what was allowed at the
// preview may not be any more.
func TestTheLadderIsAskedAgain(t *testing.T) {
	for decision, code := range map[consent.Decision]string{consent.Deny: "policy_denied", consent.Person: "confirm_not_accepted"} {
		b := newBench(t, consent.Auto)
		l := &ladder{decision: consent.Allow}
		b.consent.Ladder = l
		s := b.server()
		key := b.target().KeyNumber
		preview := b.send(s, raw{tool: "terminate_license", args: terminate(key), noForms: true})
		l.decision = decision
		confirmed := raw{tool: "terminate_license", args: with(terminate(key), "confirm", preview.StructuredContent["confirm"]), noForms: true}
		require.Equal(t, code, b.send(s, confirmed).code())
		require.Empty(t, b.sent())
		want := "terminate_license plesk live " + b.target().Product
		require.Equal(t, []string{want, want}, l.seen)
		l.decision = consent.Allow
		require.Equal(t, "done", b.send(s, confirmed).StructuredContent["outcome"])
	}
}
