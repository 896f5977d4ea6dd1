package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPolicyHoldsForAHost follows a policy file in the built program: what it
// denies is refused before anything is sent, and what it allows goes through.
func TestPolicyHoldsForAHost(t *testing.T) {
	api := newAPI(t)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`version: 1
default: deny
rules:
  - {name: by-the-month, tool: order_virtuozzo_license, period: 1, effect: allow, caps: {ordersPerDay: 1}}
  - {name: ask-first, tool: terminate_license, effect: person}
`), 0o600))
	c := connect(t, eras[0], append(api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "WEBSOFTSOLUS_POLICY="+file))
	order := with(valid("")["order_virtuozzo_license"], "period", "1")
	done := c.ok(t, "order_virtuozzo_license", with(order, "confirm", c.ok(t, "order_virtuozzo_license", order)["confirm"]))
	key := done["keyNumber"]
	api.take()

	failure := c.refused(t, "order_virtuozzo_license", with(order, "title", "another"))
	require.Equal(t, "cap_reached", failure["code"])
	failure = c.refused(t, "order_virtuozzo_license", with(order, "period", "12"))
	require.Equal(t, []any{"policy_denied", "not_done", "never"}, []any{failure["code"], failure["outcome"], failure["retry"]})
	require.Equal(t, "nothing was ordered: no rule matches and the default (policy.yaml, line 2) denies it", failure["message"])
	failure = c.refused(t, "terminate_license", object{"family": "virtuozzo", "keyNumber": key, "confirm": ""})
	require.Equal(t, "approval_required", failure["code"], "the client cannot ask, so a person approves elsewhere")
	failure = c.refused(t, "edit_license", object{"family": "virtuozzo", "keyNumber": key, "title": "new"})
	require.Equal(t, "policy_denied", failure["code"])
	for _, r := range api.take() {
		require.Equal(t, "GET", r.Method, "%v", r)
	}
	c.ok(t, "get_license", object{"family": "virtuozzo", "keyNumber": key})
}
