package tools_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// TestCompletingAsksTheAPIOnceAMoment: a host asks with every character.
func TestCompletingAsksTheAPIOnceAMoment(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	listening, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listening.Close()) })
	login, secret := s.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	set := &tools.Set{API: client, Environment: "sandbox", Inventory: &inventory.Reader{API: client, Now: func() time.Time { return now }}}
	b := &bench{t, s, tools.NewServer(set, "test")}
	complete := func(ref, argument, typed string) (values []string) {
		encoded, err := json.Marshal(b.mcp.HandleMessage(t.Context(), json.RawMessage(fmt.Sprintf(
			`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":%s,"argument":{"name":%q,"value":%q},"context":{"arguments":{"family":"plesk"}}}}`, ref, argument, typed))))
		require.NoError(t, err)
		var response struct {
			Result struct{ Completion struct{ Values []string } }
		}
		require.NoError(t, json.Unmarshal(encoded, &response), string(encoded))
		return response.Result.Completion.Values
	}
	const template, prompt = `{"type":"ref/resource","uri":"websoftsolus://licenses/{family}/{keyNumber}"}`, `{"type":"ref/prompt","name":"provision"}`
	round := func() {
		for i := range len("PLSK.0") {
			require.NotEmpty(t, complete(template, "keyNumber", "PLSK.0"[:i]))
			require.NotEmpty(t, complete(prompt, "product", "plesk_12"[:i]))
		}
		require.Empty(t, complete(template, "keyNumber", "nothing begins like this"))
	}
	reads := func() int { return len(b.requests()) }
	reads()
	round()
	require.Equal(t, 2, reads(), "one for the key numbers, one for the products")
	now = now.Add(19 * time.Second)
	round()
	require.Zero(t, reads())
	now = now.Add(time.Second)
	round()
	require.Equal(t, 2, reads(), "after 20 seconds they are read again")

	now = now.Add(20 * time.Second)
	s.Inject(sandbox.Fault{On: sandbox.List, Kind: sandbox.Status, Status: 403})
	require.Empty(t, complete(template, "keyNumber", "PLSK"))
	s.ClearFaults()
	require.NotEmpty(t, complete(template, "keyNumber", "PLSK"), "a failure is not kept")
}
