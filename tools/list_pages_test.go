package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// changingAPI holds licences that come and go. Its lists are in no order.
type changingAPI struct {
	tools.API
	mu   sync.Mutex
	keys map[websoftsolus.Family][]string
}

func (a *changingAPI) ListKeys(_ context.Context, family websoftsolus.Family) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.keys[family]), nil
}

func (a *changingAPI) GetLicense(_ context.Context, family websoftsolus.Family, key string) (*websoftsolus.License, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.keys[family], key) {
		return nil, &websoftsolus.Error{Op: "get", Kind: websoftsolus.NotFound, Status: 404}
	}
	return &websoftsolus.License{Family: family, KeyNumber: key, Title: "web " + key}, nil
}

// TestPagesHoldWhatExistedThroughout: whatever comes and goes between pages, and
// while one is read, no licence is shown twice and none is lost that was there
// all the time.
func TestPagesHoldWhatExistedThroughout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[A-Da-d0-9.:_-]{1,4}`)
		family := rapid.SampledFrom(websoftsolus.Families)
		api := &changingAPI{keys: map[websoftsolus.Family][]string{}}
		for _, f := range websoftsolus.Families {
			api.keys[f] = rapid.SliceOfNDistinct(key, 0, 12, rapid.ID[string]).Draw(t, string(f))
		}
		throughout := map[string]bool{}
		for f, keys := range api.keys {
			for _, k := range keys {
				throughout[string(f)+" "+k] = true
			}
		}
		mcp := tools.NewServer(&tools.Set{API: api, Environment: "sandbox", Inventory: &inventory.Reader{API: api}}, "test")
		search := rapid.SampledFrom([]string{``, `,"details":true`, `,"query":"web"`, `,"family":"plesk"`, `,"fresh":true,"details":true`}).Draw(t, "search")
		seen := map[string]int{}
		cursor := ""
		for page := 0; ; page++ {
			limit := rapid.IntRange(1, 7).Draw(t, "limit")
			arguments := fmt.Sprintf(`{"limit":%d%s`, limit, search)
			if cursor != "" {
				arguments += fmt.Sprintf(`,"cursor":%q`, cursor)
			}
			encoded, err := json.Marshal(mcp.HandleMessage(context.Background(), json.RawMessage(
				`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_licenses","arguments":`+arguments+`}}}`)))
			require.NoError(t, err)
			var answer struct {
				Result struct{ StructuredContent schemas.LicensesOutput }
			}
			require.NoError(t, json.Unmarshal(encoded, &answer))
			out := answer.Result.StructuredContent
			require.NotNil(t, out.Licenses, string(encoded))
			require.LessOrEqual(t, len(out.Licenses), limit)
			for _, l := range out.Licenses {
				seen[l.Family+" "+l.KeyNumber]++
			}
			if cursor = out.NextCursor; cursor == "" {
				break
			}
			require.Less(t, page, 200, "it ends")
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				f, k := family.Draw(t, "family"), key.Draw(t, "key")
				if i := slices.Index(api.keys[f], k); i >= 0 {
					api.keys[f] = slices.Delete(api.keys[f], i, i+1)
					delete(throughout, string(f)+" "+k)
				} else if page < 50 {
					api.keys[f] = append(api.keys[f], k)
				}
			}
		}
		for licence, times := range seen {
			require.Equal(t, 1, times, licence)
		}
		for licence := range throughout {
			if search == `,"family":"plesk"` && licence[:5] != "plesk" {
				continue
			}
			require.Contains(t, seen, licence, "it was there all the time")
		}
	})
}

func TestACursorIsItsCallers(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	call := func(who, arguments string) string {
		ctx := callers.With(t.Context(), &callers.Caller{Name: who, Scopes: callers.Scopes})
		encoded, err := json.Marshal(b.mcp.HandleMessage(ctx, json.RawMessage(
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_licenses","arguments":`+arguments+`}}`)))
		require.NoError(t, err)
		return string(encoded)
	}
	var answer struct {
		Result struct{ StructuredContent schemas.LicensesOutput }
	}
	require.NoError(t, json.Unmarshal([]byte(call("alice", `{"limit":2}`)), &answer))
	next := fmt.Sprintf(`{"cursor":%q}`, answer.Result.StructuredContent.NextCursor)
	require.Contains(t, call("bob", next), "another family, query or caller")
	require.NotContains(t, call("alice", next), "isError\":true")
}

func TestFieldsChooseColumns(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	l := b.list(`{"family":"plesk","fields":["expiresAt","period"]}`).Licenses[0]
	require.NotEmpty(t, l.ExpiresAt)
	require.NotEmpty(t, l.Period)
	require.Empty(t, l.Title+l.Product+l.Status)
	require.Nil(t, l.Properties)
	l = b.list(`{"family":"plesk","fields":["properties"]}`).Licenses[0]
	require.NotEmpty(t, l.Properties)
	require.Empty(t, l.Title)
	l = b.list(`{"query":"example","fields":["title"]}`).Licenses[0]
	require.NotEmpty(t, l.Title)
	require.Empty(t, l.Product)
}

func TestTheCacheIsForAllToolsAndFreshPassesIt(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.list(`{"family":"plesk","details":true}`)
	require.Len(t, b.requests(), 1+12)
	b.list(`{"family":"plesk","query":"server"}`)
	require.Len(t, b.requests(), 1, "the keys alone")
	b.list(`{"family":"plesk","details":true,"fresh":true}`)
	require.Len(t, b.requests(), 1+12)
	key := b.sandbox.Licenses(websoftsolus.Plesk)[0].KeyNumber
	var one schemas.LicenseOutput
	b.call("get_license", fmt.Sprintf(`{"family":"plesk","keyNumber":%q}`, key), &one)
	require.Len(t, b.requests(), 1, "one licence is always read")
}

// TestCountsSayWhatIsKnown: how many there are of each family always, and of
// each status as far as licences were read.
func TestCountsSayWhatIsKnown(t *testing.T) {
	b := newBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 150, websoftsolus.CPanel: 10}})
	families := map[string]int{"plesk": 150, "cpanel": 10, "virtuozzo": 0}
	require.Equal(t, schemas.Counts{Family: families, Status: map[string]int{}, StatusUnknown: 160}, b.list(`{}`).Counts)
	counts := b.list(`{"details":true,"limit":5}`).Counts
	require.Equal(t, families, counts.Family)
	require.Equal(t, 155, counts.StatusUnknown, "one page was read")
	expired := 0
	for _, family := range websoftsolus.Families {
		for _, l := range b.sandbox.Licenses(family) {
			if l.Status == sandbox.Expired {
				expired++
			}
		}
	}
	require.Positive(t, expired)
	require.Equal(t, schemas.Counts{Family: families, Status: map[string]int{"active": 160 - expired, "expired": expired}}, b.list(`{"details":true,"limit":200}`).Counts)
	require.Equal(t, schemas.Counts{Family: map[string]int{"plesk": 0, "cpanel": 0, "virtuozzo": 0}, Status: map[string]int{}}, b.list(`{"query":"nothing is so"}`).Counts)
}

// TestFiftyLicencesAreTwelveKilobytes: what a model is given of them, and no
// more than a few thousand bytes more than their texts.
func TestFiftyLicencesAreTwelveKilobytes(t *testing.T) {
	for _, family := range websoftsolus.Families {
		b := newBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{family: 60}})
		for _, arguments := range []string{`{"details":true}`, fmt.Sprintf(`{"details":true,"family":%q}`, family), `{"query":"server"}`} {
			var raw json.RawMessage
			require.False(t, b.call("list_licenses", arguments, &raw))
			var out schemas.LicensesOutput
			require.NoError(t, json.Unmarshal(raw, &out))
			require.Len(t, out.Licenses, 50)
			for _, l := range out.Licenses {
				require.NotEmpty(t, l.Title)
				require.NotEmpty(t, l.Status)
				require.Nil(t, l.Properties)
			}
			require.LessOrEqual(t, len(raw), 12_000, "%s %s", family, arguments)
			t.Logf("%s %s: %d bytes", family, arguments, len(raw))
		}
	}
	b := newBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 60}})
	var raw json.RawMessage
	require.False(t, b.call("list_licenses", `{}`, &raw))
	require.LessOrEqual(t, len(raw), 3_000, "without details")
}

// TestThousandsOfUnreadLicencesAreOneReason: what is common to them is said once.
func TestThousandsOfUnreadLicencesAreOneReason(t *testing.T) {
	b := newBench(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 3000}})
	b.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Kind: sandbox.Status, Status: 403})
	var raw json.RawMessage
	require.False(t, b.call("list_licenses", `{"query":"plsk"}`, &raw))
	var out schemas.LicensesOutput
	require.NoError(t, json.Unmarshal(raw, &out))
	require.True(t, out.Partial)
	require.Less(t, len(raw), 12_000)
	keys := 0
	for _, u := range out.Unread {
		require.Contains(t, u.Message, "403")
		keys += len(u.KeyNumbers) + u.More
		if u.KeyNumber != "" {
			keys++
		}
	}
	require.Equal(t, 3000, keys)
	require.Less(t, len(b.requests()), 50, "a refused login is not sent 3,000 times")
}

// TestOutOfTimeTheAnswerIsWhatWasRead: an API that hangs half way leaves a
// partial answer that names what is unread, and a next call goes on from there.
func TestOutOfTimeTheAnswerIsWhatWasRead(t *testing.T) {
	s := sandbox.New(sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 40},
		Faults: []sandbox.Fault{{On: sandbox.Get, Kind: sandbox.Hang, Skip: 20}}})
	listening, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer listening.Close()
	login, secret := s.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	over, never := make(chan time.Time), make(chan time.Time)
	ends := []<-chan time.Time{over, never}
	reader := &inventory.Reader{API: client, Concurrency: 4, After: func(d time.Duration) <-chan time.Time {
		require.Equal(t, 45*time.Second, d)
		end := ends[0]
		ends = ends[1:]
		return end
	}}
	b := &bench{t, s, tools.NewServer(&tools.Set{API: client, Inventory: reader, Environment: "sandbox"}, "test")}
	answered := make(chan schemas.LicensesOutput)
	go func() { answered <- b.list(`{"query":"example"}`) }()
	require.Eventually(t, func() bool { return s.Counts().Requests[sandbox.Get] == 24 }, time.Minute, time.Millisecond)
	close(over)
	out := <-answered
	require.True(t, out.Partial)
	require.Equal(t, 20, out.Total, "those that were read and found")
	require.Len(t, out.Unread, 1)
	require.Len(t, out.Unread[0].KeyNumbers, 20)
	require.Contains(t, out.Unread[0].Message, "no time left")

	s.ClearFaults()
	s.Forget()
	out = b.list(`{"query":"example"}`)
	require.False(t, out.Partial)
	require.Equal(t, 40, out.Total)
	require.Equal(t, 20, s.Counts().Requests[sandbox.Get], "what was read is kept")
}
