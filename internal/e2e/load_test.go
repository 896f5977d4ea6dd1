package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// load is how long the load lasts: LOAD, or some seconds.
func load(t *testing.T) time.Duration {
	if os.Getenv("LOAD") == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(os.Getenv("LOAD"))
	require.NoError(t, err)
	return d
}

// resident is the memory that a process holds, in bytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	for line := range strings.SplitSeq(string(content), "\n") {
		var kilobytes int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Fatal("the process says nothing of its memory")
	return 0
}

// keepAlive posts over connections that are kept, as clients do.
var keepAlive = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

// message posts one message of 2026-07-28.
func modernPost(url, method, name, params string) (status int, answer []byte, err error) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`, method, params)
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for key, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, "Mcp-Name": name,
	} {
		if value != "" {
			request.Header.Set(key, value)
		}
	}
	response, err := keepAlive.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// TestLoad: 64 clients with a mix of reads and previews, of both eras; every
// call is answered right.
func TestLoad(t *testing.T) {
	api := newAPI(t)
	s := serve(t, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")))
	until := time.Now().Add(load(t))
	var calls, previews atomic.Int64
	var group sync.WaitGroup
	for worker := range 64 {
		group.Go(func() {
			for i := 0; time.Now().Before(until); i++ {
				var status int
				var answer []byte
				var err error
				want := `"environment":"live"`
				switch i % 4 {
				case 0:
					status, answer, err = modernPost(s.url, "tools/list", "", "")
					want = "terminate_license"
				case 1, 2:
					status, answer, err = modernPost(s.url, "tools/call", "get_license", `"name":"get_license","arguments":{"family":"plesk","keyNumber":"PLSK.02980001"},`)
				case 3:
					status, answer, err = modernPost(s.url, "tools/call", "order_virtuozzo_license", fmt.Sprintf(
						`"name":"order_virtuozzo_license","arguments":{"product":"VIRTUOZZO_CONTAINERS_4","title":"load %d %d","period":"1","os":"LINUX","confirm":""},`, worker, i))
					want = `"state":"proposed"`
					previews.Add(1)
				}
				if err != nil || status != http.StatusOK || !bytes.Contains(answer, []byte(want)) {
					t.Errorf("%d %v %.300s", status, err, answer)
					return
				}
				calls.Add(1)
			}
		})
	}
	group.Wait()
	t.Logf("%d calls in %s, %d of them previews: %.0f a second", calls.Load(), load(t), previews.Load(), float64(calls.Load())/load(t).Seconds())
	for _, r := range api.take() {
		require.True(t, r.Method == "GET" || r.Path == "/access/token", "a preview sent %v", r)
	}
	s.stop(t)
}

// TestDroppedSessionsGiveTheirMemoryBack: 1,000 sessions that are opened, used
// and dropped without an end.
func TestDroppedSessionsGiveTheirMemoryBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		missing(t, "the memory of a process is read from /proc")
	}
	api := newAPI(t)
	s := serve(t, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "--session-idle", "1s")
	open := func(n int) {
		var group sync.WaitGroup
		turns := make(chan struct{}, 16)
		for range n {
			group.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				status, _, header := post(t, s.url, initialize)
				if status != http.StatusOK {
					t.Error(status)
					return
				}
				status, _, _ = post(t, s.url, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, "Mcp-Session-Id", header.Get("Mcp-Session-Id"))
				if status != http.StatusOK {
					t.Error(status)
				}
			})
		}
		group.Wait()
	}
	open(50) // what every call needs is there now
	idle := resident(t, s.process.Process.Pid)
	open(1000)
	full := resident(t, s.process.Process.Pid)
	after := full
	require.Eventually(t, func() bool {
		after = resident(t, s.process.Process.Pid)
		return float64(after) <= 1.2*float64(idle)
	}, 2*time.Minute, 100*time.Millisecond, "%d bytes idle, %d now", idle, after)
	t.Logf("idle %.1f MB, after 1,000 sessions %.1f MB, then %.1f MB", float64(idle)/1e6, float64(full)/1e6, float64(after)/1e6)
	s.stop(t)
}

// TestHostileClientsHurtNobodyElse: streams that are never read, headers that
// never end, bodies and headers far too large; meanwhile others are answered.
func TestHostileClientsHurtNobodyElse(t *testing.T) {
	api := newAPI(t)
	s := serve(t, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")))
	address := strings.TrimPrefix(strings.TrimSuffix(s.url, "/mcp"), "http://")
	_, _, header := post(t, s.url, initialize)
	session := header.Get("Mcp-Session-Id")
	dial := func() net.Conn {
		connection, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { connection.Close() })
		return connection
	}
	for range 50 {
		fmt.Fprintf(dial(), "POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Ty", address)                                                      // headers that never end
		fmt.Fprintf(dial(), "POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", address) // a body that never ends
		fmt.Fprintf(dial(), "GET /mcp HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nMcp-Session-Id: %s\r\n\r\n", address, session) // a stream that nobody reads
		fmt.Fprintf(dial(), "GET /sse HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", address)                                // likewise
		reads := dial()                                                                                                                   // answers that nobody reads
		call := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		for range 200 {
			_ = reads.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			if _, err := fmt.Fprintf(reads, "POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\nContent-Length: %d\r\n\r\n%s", address, session, len(call), call); err != nil {
				break // its buffers are full
			}
		}
	}
	// 100 MB: refused at the limit, whether its length is said or not.
	for _, length := range []int64{100 << 20, -1} {
		request, err := http.NewRequest(http.MethodPost, s.url, io.LimitReader(endless{}, 100<<20))
		require.NoError(t, err)
		request.ContentLength = length
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Mcp-Session-Id", session)
		response, err := webClient.Do(request)
		if err == nil {
			response.Body.Close()
			require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
		} else { // it was cut off while it was still sending
			require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "broken"), "%v", err)
		}
	}
	request, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader("{}"))
	require.NoError(t, err)
	for i := range 10_000 {
		request.Header.Set(fmt.Sprintf("X-Header-%d", i), "value")
	}
	response, err := webClient.Do(request)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				status, answer, err := modernPost(s.url, "tools/call", "get_license", `"name":"get_license","arguments":{"family":"plesk","keyNumber":"PLSK.02980001"},`)
				if err != nil || status != http.StatusOK || !json.Valid(answer) {
					t.Errorf("%d %v %.200s", status, err, answer)
				}
			}
		})
	}
	group.Wait()
	s.process.Process.Signal(syscall.SIGTERM)
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
