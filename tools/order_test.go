package tools_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// newOrderBench is a bench whose orders go to a ledger in memory.
func newOrderBench(t *testing.T, options sandbox.Options) *bench {
	s := sandbox.New(options)
	listening, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	login, secret := s.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	service := operations.NewService(operations.Config{
		API: client, Environment: "sandbox", BaseURL: listening.URL,
		Open: func(context.Context) (operations.Store, error) { return operations.OpenSQLite(":memory:") },
	})
	t.Cleanup(func() {
		require.NoError(t, service.Close(context.Background()))
		require.NoError(t, listening.Close())
	})
	return &bench{t, s, tools.NewServer(&tools.Set{API: client, Operations: service, Environment: "sandbox"}, "test")}
}

// preview previews an order and returns its warnings.
func (b *bench) preview(tool string, order map[string]any) []string {
	b.t.Helper()
	arguments, err := json.Marshal(order)
	require.NoError(b.t, err)
	var out schemas.Preview
	require.False(b.t, b.call(tool, string(arguments), &out), "%s", arguments)
	return out.Warnings
}

func TestPreviewWarnsOfAProductThatIsNotOrderable(t *testing.T) {
	b := newOrderBench(t, sandbox.Options{})
	order := map[string]any{"product": "PLESK_12_WEB_HOSTS", "title": "t", "period": "1", "confirm": ""}
	warnings := b.preview("order_plesk12_license", order)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "PLESK_12_WEB_HOST,")
	order["product"] = "PLESK_12_WEB_HOST"
	require.Empty(t, b.preview("order_plesk12_license", order))
	b.sandbox.Inject(sandbox.Fault{On: sandbox.Versions, Kind: sandbox.Status, Status: 500})
	require.Contains(t, b.preview("order_plesk12_license", order)[0], "not checked")
}

func TestPreviewWarnsOfAServerThatHasALicence(t *testing.T) {
	for _, ipKeys := range []bool{false, true} {
		b := newOrderBench(t, sandbox.Options{IPKeys: ipKeys})
		taken := b.sandbox.Licenses(websoftsolus.CPanel)[2]
		order := map[string]any{"product": "CPANEL_WHM_VPS", "title": "t", "period": "1", "serverIP": taken.ServerIP, "confirm": ""}
		warnings := b.preview("order_cpanel_license", order)
		require.Len(t, warnings, 1)
		require.Contains(t, warnings[0], taken.KeyNumber)
		order["serverIP"] = "192.0.2.250"
		require.Empty(t, b.preview("order_cpanel_license", order))

		b.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Kind: sandbox.Status, Status: 400, Times: 2})
		require.Contains(t, b.preview("order_cpanel_license", order)[0], "2 of 6 cPanel licences were not looked at")
		b.sandbox.Inject(sandbox.Fault{On: sandbox.List, Kind: sandbox.Status, Status: 500})
		require.Contains(t, b.preview("order_cpanel_license", order)[0], "could not be listed")
	}
	b := newOrderBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.CPanel: 250}})
	order := map[string]any{"product": "CPANEL_WHM_VPS", "title": "t", "period": "1", "serverIP": "192.0.2.250", "confirm": ""}
	b.requests()
	require.Contains(t, strings.Join(b.preview("order_cpanel_license", order), "\n"), "50 of 250 cPanel licences were not looked at")
	require.Len(t, b.requests(), 1+1+200, "bounded")
}
