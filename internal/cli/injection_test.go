package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// TestInjectionsDoNothingOnATerminal: what customers and the API wrote is printed
// in its line and its column, whatever it holds.
func TestInjectionsDoNothingOnATerminal(t *testing.T) {
	t.Setenv("WEBSOFTSOLUS_SECRET", "")
	for _, text := range []string{
		"\x1b[2J\x1b[31mEVIL", "\x1b]8;;https://evil.example\x07EVIL\x1b]8;;\x07", "EVIL\rharmless", "EVIL\b\b\b\b",
		"EVIL\u202etxt.exe", "EVIL\u200b\U000E0041", "x\noperation    op_EVIL\nstate        succeeded", "EVIL\u009b31m", strings.Repeat("EVIL ", 500),
	} {
		api := httptest.NewServer(http.NotFoundHandler())
		journal := filepath.Join(t.TempDir(), "ledger.db")
		client := &websoftsolus.Client{BaseURL: api.URL + "/", Login: "l", Secret: "s"}
		service := operations.NewService(operations.Config{
			API: client, Environment: "live", BaseURL: api.URL + "/",
			Open: func(context.Context) (operations.Store, error) { return operations.OpenSQLite(journal) },
		})
		ctx := operations.WithActor(t.Context(), operations.Actor{ClientName: text, Transport: "http", Principal: text})
		preview, err := service.ProposeOrder(ctx, operations.OrderRequest{
			Family: websoftsolus.Plesk, Product: text, Title: text, Period: "1", Warnings: []string{text},
			Form: []operations.Field{{Name: "product", Value: text}, {Name: "title", Value: text}, {Name: "period", Value: "1"}},
		})
		require.NoError(t, err)
		require.NoError(t, service.Close(t.Context()))
		for _, args := range [][]string{{"list"}, {"show", preview.Operation.ID}} {
			status, printed := command(append(append([]string{"operations"}, args...), "--url", api.URL, "--journal", journal)...)
			require.Zero(t, status, printed)
			if args[0] == "show" {
				require.Contains(t, printed, "EVIL")
			}
			r, at := untrusted.Hidden(printed, "\n")
			require.Zero(t, at, "%v: %U in %q", args, r, printed)
			for _, line := range strings.Split(printed, "\n") {
				require.False(t, strings.HasPrefix(line, "operation    op_EVIL") || strings.HasPrefix(line, "state        succeeded"), line)
			}
		}
		api.Close()
	}
}
