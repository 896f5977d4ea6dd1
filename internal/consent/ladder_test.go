package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
)

// TestTheStrictestWins: mode, policy and what the client can do, against the way
// in which an operation is then confirmed.
func TestTheStrictestWins(t *testing.T) {
	for _, row := range []struct {
		mode   consent.Mode
		policy string
		asks   bool // the client can
		way    string
	}{
		{consent.Auto, "allow", true, "elicitation"},
		{consent.Auto, "allow", false, "phrase"},
		{consent.Auto, "person", true, "elicitation"},
		{consent.Auto, "person", false, "approval"},
		{consent.Human, "allow", true, "elicitation"},
		{consent.Human, "allow", false, "approval"},
		{consent.Human, "person", false, "approval"},
		{consent.Code, "allow", true, "phrase"},
		{consent.Code, "allow", false, "phrase"},
		{consent.Code, "person", true, "approval"},
		{consent.Code, "person", false, "approval"},
		{consent.Auto, "deny", true, "denied"},
		{consent.Human, "deny", false, "denied"},
		{consent.Code, "deny", false, "denied"},
	} {
		b := newBench(t, row.mode)
		b.follow(row.mode, "default: "+row.policy+"\n")
		a := b.send(b.server(), raw{args: order("x"), noForms: !row.asks})
		way := ""
		switch {
		case a.ResultType == "input_required":
			way = "elicitation"
		case a.code() == "approval_required":
			way = "approval"
		case a.code() == "policy_denied":
			way = "denied"
		case a.code() == nil && a.StructuredContent["confirm"] != "":
			way = "phrase"
		}
		require.Equal(t, row.way, way, "%+v: %v", row, a.StructuredContent)
		require.Empty(t, b.sent())
	}
}

// TestThePolicyIsAskedAgain before a phrase confirms: what was allowed at the
// preview may not be any more. What is refused stays as it was.
func TestThePolicyIsAskedAgain(t *testing.T) {
	b := newBench(t, consent.Auto)
	key := b.target().KeyNumber
	preview := b.send(b.server(), raw{tool: "terminate_license", args: terminate(key), noForms: true})
	confirmed := raw{tool: "terminate_license", args: with(terminate(key), "confirm", preview.StructuredContent["confirm"]), noForms: true}
	for rules, code := range map[string]string{"default: deny\n": "policy_denied", "default: person\n": "confirm_not_accepted"} {
		b.follow(consent.Auto, rules)
		require.Equal(t, code, b.send(b.server(), confirmed).code())
		require.Empty(t, b.sent())
	}
	b.follow(consent.Auto, "")
	require.Equal(t, "done", b.send(b.server(), confirmed).StructuredContent["outcome"])
}

// TestWhatWasApprovedIsStillRuled: the policy holds when it is performed too.
func TestWhatWasApprovedIsStillRuled(t *testing.T) {
	b := newBench(t, consent.Human)
	a := &attack{bench: b, server: b.server()}
	id := a.approved(raw{args: order("x"), caller: "alice"})
	b.follow(consent.Human, "default: allow\nrules:\n  - {name: not-alice, caller: alice, effect: deny}\n")
	_, err := b.service.ConfirmApproved(t.Context(), id) // as a page does, whose call is not alice's
	require.ErrorContains(t, err, "not-alice")
	require.Empty(t, b.sent())
	b.follow(consent.Human, "")
	require.Equal(t, "done", b.send(b.server(), raw{args: order("x"), caller: "alice", noForms: true}).StructuredContent["outcome"])
}
