package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkHTTPMemory is what a process holds over HTTP: after its first client,
// and with 200 sessions that each have a stream open, beside a stock mcp-go
// server with one tool. Pages of the program's file are shared and given back
// under pressure; own is what is left without them.
func BenchmarkHTTPMemory(b *testing.B) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		b.Skip("the memory of a process is read from /proc")
	}
	dir := b.TempDir()
	for name, side := range map[string]struct {
		pkg  string
		args []string
	}{
		"ours":  {"github.com/websoftsolus-mcp/websoftsolus-mcp", []string{"http", "--addr", "127.0.0.1:0", "--log-format", "json"}},
		"stock": {"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/bench/stock", []string{"http"}},
	} {
		path := filepath.Join(dir, name)
		out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, side.pkg).CombinedOutput()
		require.NoError(b, err, string(out))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				command := exec.Command(path, side.args...)
				command.Env = []string{"HOME=" + dir}
				read, write := io.Pipe()
				command.Stdout, command.Stderr = write, write // ours logs where it serves, stock prints it
				require.NoError(b, command.Start())
				url := make(chan string, 1)
				go func() {
					for lines := bufio.NewScanner(read); lines.Scan(); {
						var line struct{ URL string }
						if json.Unmarshal(lines.Bytes(), &line) == nil && line.URL != "" {
							url <- line.URL
						}
					}
				}()
				idle, full := sessionMemory(b, <-url, command.Process.Pid)
				b.ReportMetric(idle.all, "MB-idle")
				b.ReportMetric(idle.own, "MB-idle-own")
				b.ReportMetric(full.all, "MB-200-sessions")
				b.ReportMetric(full.own, "MB-200-sessions-own")
				require.NoError(b, command.Process.Kill())
				_ = command.Wait() // it was killed
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// memory is what a process holds, in MB.
type memory struct{ all, own float64 }

// sessionMemory opens one session and then 200 more, each with a stream.
func sessionMemory(b *testing.B, url string, pid int) (idle, full memory) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ask := func(method, body, session string) *http.Response {
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		require.NoError(b, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		if method == http.MethodGet {
			r.Header.Set("Accept", "text/event-stream")
		}
		if session != "" {
			r.Header.Set("Mcp-Session-Id", session)
		}
		response, err := client.Do(r)
		require.NoError(b, err)
		require.Equal(b, http.StatusOK, response.StatusCode)
		return response
	}
	hello, _, _ := strings.Cut(initialize, "\n")
	open := func() {
		greeted := ask(http.MethodPost, hello, "")
		_, _ = io.Copy(io.Discard, greeted.Body)
		greeted.Body.Close()
		session := greeted.Header.Get("Mcp-Session-Id")
		listed := ask(http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, session)
		_, _ = io.Copy(io.Discard, listed.Body)
		listed.Body.Close()
		ask(http.MethodGet, "", session) // stays open until ctx ends
	}
	resident := func() (m memory) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		require.NoError(b, err)
		for line := range strings.SplitSeq(string(status), "\n") {
			_, _ = fmt.Sscanf(line, "VmRSS: %f kB", &m.all)   // another line
			_, _ = fmt.Sscanf(line, "RssAnon: %f kB", &m.own) // another line
		}
		require.NotZero(b, m.own)
		return memory{m.all * 1024 / 1e6, m.own * 1024 / 1e6}
	}
	open()
	idle = resident()
	for range 200 {
		open()
	}
	return idle, resident()
}
