package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

const (
	inventorySize    = 5000
	inventoryLatency = 20 * time.Millisecond
	inventoryWorkers = 32
	// inventoryIdeal is what nobody can beat: 3.125 s.
	inventoryIdeal = inventorySize * inventoryLatency / inventoryWorkers
)

// BenchmarkInventory reads the properties of 5,000 licences from a sandbox that
// waits 20 ms on every request, 32 at a time (the client's bound): the raw requests in a loop, the
// reader, list_licenses with a query through the whole server, snapshot in a
// ledger file included, and the reader with 5 % of the GETs failing. The figure
// is the ratio to the ideal.
func BenchmarkInventory(b *testing.B) {
	sides := map[string]func() time.Duration{}
	simulated := func(faults ...sandbox.Fault) (*sandbox.Sandbox, string) {
		s := sandbox.New(sandbox.Options{
			Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: inventorySize}, Latency: sandbox.For(inventoryLatency), Keep: -1, Faults: faults,
		})
		listening, err := s.Start("127.0.0.1:0")
		require.NoError(b, err)
		b.Cleanup(func() { listening.Close() })
		return s, listening.URL
	}
	s, base := simulated()
	login, secret := s.Credentials()
	client := func(base string) *websoftsolus.Client {
		return &websoftsolus.Client{BaseURL: base, Login: login, Secret: secret, MaxConcurrency: inventoryWorkers}
	}
	keys := []string{}
	for _, l := range s.Licenses(websoftsolus.Plesk) {
		keys = append(keys, l.KeyNumber)
	}
	plesk := []websoftsolus.Family{websoftsolus.Plesk}

	sides["raw"] = func() time.Duration { return rawLoop(b, base, login, secret, keys) }

	c := client(base)
	_, err := c.ListKeys(b.Context(), websoftsolus.Plesk) // so that nobody waits for a token
	require.NoError(b, err)
	sides["reader"] = func() time.Duration {
		reader := &inventory.Reader{API: c, Concurrency: inventoryWorkers * 5 / 4}
		inv, err := reader.List(b.Context(), plesk)
		require.NoError(b, err)
		begun := time.Now()
		require.NoError(b, reader.Details(b.Context(), inv, 0, len(inv.Entries), inventory.Options{}))
		took := time.Since(begun)
		require.True(b, inv.Complete())
		return took
	}

	reader := &inventory.Reader{API: c, Concurrency: inventoryWorkers * 5 / 4}
	service := operations.NewService(operations.Config{API: reader.Forgetting(c), BaseURL: base,
		Open: func(context.Context) (operations.Store, error) {
			return operations.OpenSQLite(b.TempDir() + "/ledger.db")
		}})
	b.Cleanup(func() { require.NoError(b, service.Close(context.Background())) })
	reader.Snapshots = service.Snapshots()
	server := tools.NewServer(&tools.Set{API: c, Inventory: reader, Operations: service, Environment: "sandbox"}, "bench")
	sides["tool"] = func() time.Duration {
		begun := time.Now()
		encoded, err := json.Marshal(server.HandleMessage(b.Context(), json.RawMessage(
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_licenses","arguments":{"family":"plesk","query":"example","fresh":true}}}`)))
		took := time.Since(begun)
		require.NoError(b, err)
		require.Contains(b, string(encoded), `"total":5000,"counts":{"family":{"plesk":5000}`)
		require.Contains(b, string(encoded), `"partial":false`)
		return took
	}

	_, faulty := simulated(sandbox.Fault{On: sandbox.Get, Kind: sandbox.Status, Status: 503, Probability: 0.025},
		sandbox.Fault{On: sandbox.Get, Kind: sandbox.Status, Status: 500, Probability: 0.025})
	unread := 0
	sides["faults"] = func() time.Duration {
		reader := &inventory.Reader{API: client(faulty), Concurrency: inventoryWorkers * 5 / 4}
		inv, err := reader.List(b.Context(), plesk)
		require.NoError(b, err)
		begun := time.Now()
		require.NoError(b, reader.Details(b.Context(), inv, 0, len(inv.Entries), inventory.Options{}))
		took := time.Since(begun)
		unread += len(inv.Unread)
		for _, e := range inv.Entries {
			if e.License == nil {
				require.NotEmpty(b, inv.Unread)
			}
		}
		return took
	}

	took := map[string][]time.Duration{}
	rounds := 0
	for b.Loop() {
		rounds++
		for _, side := range []string{"raw", "reader", "tool", "faults"} {
			took[side] = append(took[side], sides[side]())
		}
	}
	b.ReportMetric(float64(inventoryIdeal)/1e6, "ms-ideal")
	for side, times := range took {
		b.ReportMetric(milliseconds(times), "ms-"+side)
		b.ReportMetric(milliseconds(times)*1e6/float64(inventoryIdeal), side+"/ideal")
	}
	b.ReportMetric(float64(unread)/float64(rounds), "unread-faults")
}

// rawLoop is the same requests without any of ours.
func rawLoop(b *testing.B, base, login, secret string, keys []string) time.Duration {
	transport := &http.Transport{MaxIdleConnsPerHost: inventoryWorkers}
	defer transport.CloseIdleConnections()
	raw := &http.Client{Transport: transport}
	response, err := raw.PostForm(base+"access/token", url.Values{"login": {login}, "secret": {secret}})
	require.NoError(b, err)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(b, json.NewDecoder(response.Body).Decode(&token))
	response.Body.Close()
	require.NotEmpty(b, token.AccessToken)
	begun := time.Now()
	work := make(chan string)
	var group sync.WaitGroup
	for range inventoryWorkers {
		group.Go(func() {
			for key := range work {
				request, _ := http.NewRequest(http.MethodGet, base+"license/plesk/"+key, nil)
				request.Header.Set("Authorization", "Bearer "+token.AccessToken)
				response, err := raw.Do(request)
				if err != nil || response.StatusCode != http.StatusOK {
					b.Errorf("%s: %v", key, err)
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
	for _, key := range keys {
		work <- key
	}
	close(work)
	group.Wait()
	return time.Since(begun)
}

// BenchmarkInventoryMemory is what the cache and an inventory of 5,000 and of
// 20,000 licences hold. The cache's part stays within its bound.
func BenchmarkInventoryMemory(b *testing.B) {
	for _, size := range []int{inventorySize, 4 * inventorySize} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := sandbox.New(sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: size}, Keep: -1})
			listening, err := s.Start("127.0.0.1:0")
			require.NoError(b, err)
			defer listening.Close()
			login, secret := s.Credentials()
			client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret, MaxConcurrency: inventoryWorkers}
			_, err = client.ListKeys(b.Context(), websoftsolus.Plesk)
			require.NoError(b, err)
			heap := func() float64 {
				runtime.GC()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return float64(m.HeapAlloc) / 1e6
			}
			for b.Loop() {
				before := heap()
				reader := &inventory.Reader{API: client, Concurrency: inventoryWorkers * 5 / 4}
				inv, err := reader.Read(b.Context(), []websoftsolus.Family{websoftsolus.Plesk}, inventory.Options{})
				require.NoError(b, err)
				require.True(b, inv.Complete())
				b.ReportMetric(heap()-before, "MB-all")
				runtime.KeepAlive(inv)
				b.ReportMetric(heap()-before, "MB-cache")
				runtime.KeepAlive(reader)
			}
		})
	}
}
