package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

// connectWatching is connect with a client that is told of progress.
func connectWatching(t *testing.T, version string, env []string, told func(*mcp.ProgressNotificationParams)) *mcp.ClientSession {
	t.Helper()
	process := exec.Command(binary)
	process.Env = env
	sdk := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { told(r.Params) },
	})
	session, err := sdk.Connect(t.Context(), &mcp.CommandTransport{Command: process}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	require.NoError(t, err)
	t.Cleanup(func() { session.Close() })
	return session
}

// TestProgressIsToldToWhoAsks, in both eras: growing, under the token that was
// sent, not too often, and to the end.
func TestProgressIsToldToWhoAsks(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			api := newScaledAPI(t, 300)
			api.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Kind: sandbox.Delay, Delay: sandbox.For(10 * time.Millisecond)})
			var (
				mu   sync.Mutex
				seen []*mcp.ProgressNotificationParams
			)
			session := connectWatching(t, era, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), func(p *mcp.ProgressNotificationParams) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, p)
			})
			call := func(tool, token string, args object) {
				params := &mcp.CallToolParams{Name: tool, Arguments: args}
				if token != "" {
					params.SetProgressToken(token)
				}
				result, err := session.CallTool(t.Context(), params)
				require.NoError(t, err)
				require.False(t, result.IsError)
			}
			begun := time.Now()
			call("list_licenses", "list", object{"query": "example"})
			took := time.Since(begun)
			require.Eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(seen) > 0 && seen[len(seen)-1].Progress == 300
			}, 10*time.Second, time.Millisecond, "the last one always comes")
			before := 0.0
			for _, p := range seen {
				require.Equal(t, "list", p.ProgressToken)
				require.Equal(t, 300.0, p.Total)
				require.Greater(t, p.Progress, before)
				before = p.Progress
			}
			require.LessOrEqual(t, len(seen), 2+int(took/(100*time.Millisecond)), "at most ten a second, and the last")
			t.Logf("%d notifications in %v", len(seen), took)

			mu.Lock()
			seen = nil
			mu.Unlock()
			call("list_licenses", "", object{"query": "example", "fresh": true})
			call("compare_licenses", "compare", object{"csv": "srv1.example.com"})
			require.Eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(seen) > 0 && seen[len(seen)-1].Progress == 300
			}, 10*time.Second, time.Millisecond)
			for _, p := range seen {
				require.Equal(t, "compare", p.ProgressToken, "nothing for who did not ask")
			}
		})
	}
}

// TestACancelledListStopsItsRequests: once the client has cancelled, those on
// their way are the last.
func TestACancelledListStopsItsRequests(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			api := newScaledAPI(t, 5000)
			api.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Kind: sandbox.Delay, Delay: sandbox.For(10 * time.Millisecond)})
			c := connect(t, era, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")))
			gets := func() int { return api.sandbox.Counts().Requests[sandbox.Get] }
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := c.CallTool(ctx, &mcp.CallToolParams{Name: "list_licenses", Arguments: object{"query": "example"}})
				done <- err
			}()
			require.Eventually(t, func() bool { return gets() >= 200 }, time.Minute, time.Millisecond)
			cancel()
			require.Error(t, <-done)
			// A call answered after the cancellation shows that the server has taken it.
			_, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "list_licenses", Arguments: object{"family": "cpanel"}})
			require.NoError(t, err)
			arrived := gets()
			for range 20 { // as long as it would take for hundreds more
				_, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_license", Arguments: object{"family": "plesk", "keyNumber": "PLSK.02980001"}})
				require.NoError(t, err)
			}
			require.LessOrEqual(t, gets()-arrived-20, 8, "at most those that were on their way")
			require.Less(t, gets(), 1000)
		})
	}
}

// TestCompareAcrossProcesses: one process reads everything, another says what
// changed since, and which licences are on none of the person's servers.
func TestCompareAcrossProcesses(t *testing.T) {
	api := newAPI(t)
	env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	first := connect(t, eras[0], env)
	first.ok(t, "list_licenses", object{"query": "example", "limit": 1})
	require.NoError(t, first.Close())

	api.orderElsewhere(t)
	kept := api.sandbox.Licenses("plesk")[0]
	second := connect(t, eras[1], env)
	edited := second.ok(t, "edit_license", object{"family": "plesk", "keyNumber": kept.KeyNumber, "title": "renamed"})
	require.Equal(t, "done", edited["outcome"])
	out := second.ok(t, "compare_licenses", object{
		"since": "last", "servers": []any{object{"name": "kept", "ip": kept.ServerIP}, object{"name": "no-licence.example.com"}}, "limit": 1000})
	changes := out["changes"].(object)
	require.Equal(t, object{"new": 1.0, "gone": 0.0, "notShown": 0.0, "relabelled": 1.0, "changed": 0.0}, changes["counts"])
	require.Equal(t, "elsewhere", changes["new"].([]any)[0].(object)["title"])
	require.Contains(t, changes["since"].(object)["snapshotId"], "snap_")
	servers := out["servers"].(object)
	require.Len(t, servers["matched"], 1)
	require.Equal(t, []any{object{"name": "no-licence.example.com"}}, servers["without"])
	require.Len(t, servers["unmatched"], 22)

	// A server that may only read compares too.
	reader := connect(t, eras[0], env, "--read-only")
	require.Zero(t, reader.ok(t, "compare_licenses", object{"since": "last"})["changes"].(object)["counts"].(object)["new"])
}
