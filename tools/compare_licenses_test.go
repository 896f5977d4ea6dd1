package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// newSnapshotBench is a bench that keeps snapshots in a ledger, as the assembled
// server does.
func newSnapshotBench(t *testing.T, options sandbox.Options) (*bench, *websoftsolus.Client) {
	s := sandbox.New(options)
	listening, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	login, secret := s.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	reader := &inventory.Reader{API: client}
	service := operations.NewService(operations.Config{
		API: reader.Forgetting(client), Environment: "sandbox", BaseURL: listening.URL,
		Open: func(context.Context) (operations.Store, error) { return operations.OpenSQLite(":memory:") },
	})
	reader.Snapshots = service.Snapshots()
	t.Cleanup(func() {
		require.NoError(t, service.Close(context.Background()))
		require.NoError(t, listening.Close())
	})
	return &bench{t, s, tools.NewServer(&tools.Set{API: client, Operations: service, Inventory: reader, Environment: "sandbox"}, "test")}, client
}

func (b *bench) compare(arguments any) schemas.ComparisonOutput {
	b.t.Helper()
	encoded, err := json.Marshal(arguments)
	require.NoError(b.t, err)
	var out schemas.ComparisonOutput
	require.False(b.t, b.call("compare_licenses", string(encoded), &out), string(encoded))
	return out
}

func TestCompareFindsWhatIsOverAndWhatIsMissing(t *testing.T) {
	b := newBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 3, websoftsolus.CPanel: 1}})
	plesk := b.sandbox.Licenses(websoftsolus.Plesk)
	out := b.compare(map[string]any{
		"servers": []any{
			map[string]any{"name": "first", "ip": plesk[0].ServerIP},
			map[string]any{"name": "SRV2.example.com"},
		},
		"csv": "hostname;ip\nempty;2001:db8::99\n",
	})
	require.Equal(t, 4, out.Total)
	require.Equal(t, schemas.ServersCounts{Servers: 3, Matched: 2, Without: 1, Unmatched: 2}, out.Servers.Counts)
	require.Equal(t, []schemas.ServerMatches{
		{Name: "first", IP: plesk[0].ServerIP, Licenses: []schemas.MatchedKey{{Family: "plesk", KeyNumber: plesk[0].KeyNumber, Certainty: "certain", By: "serverIP"}}},
		{Name: "SRV2.example.com", Licenses: []schemas.MatchedKey{{Family: "plesk", KeyNumber: plesk[1].KeyNumber, Certainty: "probable", By: "comment"}}},
	}, out.Servers.Matched)
	require.Equal(t, []schemas.Server{{Name: "empty", IP: "2001:db8::99"}}, out.Servers.Without)
	require.Equal(t, plesk[2].KeyNumber, out.Servers.Unmatched[0].KeyNumber)
	require.Equal(t, plesk[2].Title, out.Servers.Unmatched[0].Title, "enough to decide by")
	require.Nil(t, out.Changes)

	// The same address twice, and a list cut to its limit.
	out = b.compare(map[string]any{"csv": "a," + plesk[0].ServerIP + "\nb," + plesk[0].ServerIP, "limit": 1, "family": "plesk"})
	require.Equal(t, 1, out.Servers.Counts.Shared)
	require.Len(t, out.Servers.Shared[0].Servers, 1)
	require.Equal(t, 2, out.Servers.Counts.Unmatched)
	require.Len(t, out.Servers.Unmatched, 1)
}

func TestCompareCallsNothingMissingOfAPartialInventory(t *testing.T) {
	b, client := newSnapshotBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 4}})
	plesk := b.sandbox.Licenses(websoftsolus.Plesk)
	b.list(`{"query":"example"}`) // a complete inventory: the first snapshot
	_, err := client.Terminate(t.Context(), websoftsolus.Plesk, plesk[0].KeyNumber)
	require.NoError(t, err)
	b.sandbox.Inject(sandbox.Fault{On: sandbox.List, Family: websoftsolus.CPanel, Kind: sandbox.Status, Status: 500, Times: 1})
	partial := b.compare(map[string]any{"servers": []any{map[string]any{"name": "nowhere"}}, "since": "last"})
	require.True(t, partial.Partial)
	require.Equal(t, "cpanel", partial.Unread[0].Family)
	require.Empty(t, partial.Servers.Without)
	require.Equal(t, "nowhere", partial.Servers.Undecided[0].Name)
	require.Empty(t, partial.Changes.Gone)
	require.Equal(t, plesk[0].KeyNumber, partial.Changes.NotShown[0].KeyNumber)

	whole := b.compare(map[string]any{"servers": []any{map[string]any{"name": "nowhere"}}, "since": "last"})
	require.False(t, whole.Partial)
	require.Equal(t, "nowhere", whole.Servers.Without[0].Name)
	require.Equal(t, plesk[0].KeyNumber, whole.Changes.Gone[0].KeyNumber)
	require.Equal(t, plesk[0].Title, whole.Changes.Gone[0].Title, "as it was")
	require.Equal(t, partial.Changes.Since.SnapshotID, whole.Changes.Since.SnapshotID, "a partial inventory is no snapshot")
}

func TestCompareSaysWhatChangedSinceASnapshot(t *testing.T) {
	b, client := newSnapshotBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 4}})
	var failure schemas.Failure
	require.True(t, b.call("compare_licenses", `{"since":"last"}`, &failure))
	require.Equal(t, "since", failure.Error.Problems[0].Field)
	require.Contains(t, failure.Error.Message, "none of plesk,cpanel,virtuozzo was kept yet")

	same := b.compare(map[string]any{"since": "last"})
	require.Zero(t, same.Changes.Counts, "what was read for the refusal was kept")
	first := same.Changes.Since.SnapshotID

	plesk := b.sandbox.Licenses(websoftsolus.Plesk)
	_, err := client.Edit(t.Context(), websoftsolus.Plesk, plesk[1].KeyNumber, "new name", plesk[1].Comment)
	require.NoError(t, err)
	_, err = client.Terminate(t.Context(), websoftsolus.Plesk, plesk[2].KeyNumber)
	require.NoError(t, err)
	_, err = client.Order(t.Context(), websoftsolus.Virtuozzo, map[string][]string{
		"product": {"VIRTUOZZO_CONTAINERS_4"}, "title": {"ordered"}, "comment": {""}, "period": {"1"}, "os": {"LINUX"}})
	require.NoError(t, err)
	b.list(`{"query":"x","fresh":true}`) // the edit was made elsewhere, so the cache does not know it

	out := b.compare(map[string]any{"since": first})
	require.Equal(t, first, out.Changes.Since.SnapshotID)
	require.Equal(t, schemas.ChangeCounts{New: 1, Gone: 1, Relabelled: 1}, out.Changes.Counts)
	require.Equal(t, "ordered", out.Changes.New[0].Title)
	require.Equal(t, plesk[2].KeyNumber, out.Changes.Gone[0].KeyNumber)
	require.Equal(t, []schemas.ChangedKey{{Family: "plesk", KeyNumber: plesk[1].KeyNumber,
		Changes: []schemas.PropertyChange{{Property: "title", Before: plesk[1].Title, After: "new name"}}}}, out.Changes.Relabelled)
	require.Nil(t, out.Servers)
	require.Zero(t, b.compare(map[string]any{"since": "last"}).Changes.Counts)
	require.True(t, b.call("compare_licenses", `{"since":"2020-01-01T00:00:00Z"}`, &failure))
	require.Contains(t, failure.Error.Message, "the oldest", "it says what there is")
}

func TestCompareRefusesWhatItCannotRead(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	for arguments, field := range map[string]string{
		`{}`:                               "servers",
		`{"csv":"name,ip\na,192.0.2.300"}`: "csv",
		`{"csv":"name,ip\n"}`:              "csv",
		`{"servers":[{"ip":"x"}]}`:         "servers[0].ip",
		`{"since":"yesterday"}`:            "since",
	} {
		var failure schemas.Failure
		require.True(t, b.call("compare_licenses", arguments, &failure), arguments)
		require.Equal(t, "invalid_input", failure.Error.Code)
		require.Equal(t, field, failure.Error.Problems[0].Field, arguments)
	}
	require.Empty(t, b.requests(), "nothing was read for it")
}

// TestALedgerThatCannotBeWrittenFailsNoReading: snapshots are beside the point.
func TestALedgerThatCannotBeWrittenFailsNoReading(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	listening, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer listening.Close()
	login, secret := s.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	service := operations.NewService(operations.Config{API: client, BaseURL: listening.URL,
		Open: func(context.Context) (operations.Store, error) { return nil, fmt.Errorf("the disk is gone") }})
	reader := &inventory.Reader{API: client, Snapshots: service.Snapshots()}
	b := &bench{t, s, tools.NewServer(&tools.Set{API: client, Operations: service, Inventory: reader, Environment: "sandbox"}, "test")}
	require.False(t, b.list(`{"query":"example"}`).Partial)
	var failure schemas.Failure
	require.True(t, b.call("compare_licenses", `{"since":"last"}`, &failure))
	require.Equal(t, "ledger_unavailable", failure.Error.Code)
	require.Contains(t, failure.Error.Message, "the disk is gone")
}
