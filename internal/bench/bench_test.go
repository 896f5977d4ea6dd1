// Package bench holds the benchmarks that cross packages or processes. Each
// comparison is made in one run, its sides in turn, so that both meet the same
// machine; the figure is the ratio.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/stdio"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}` + "\n" +
	`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n"

// BenchmarkStart times a whole process from its start to its answer to
// initialize, beside a stock mcp-go server with one tool.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	build := func(name, pkg string) string {
		path := filepath.Join(dir, name)
		out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg).CombinedOutput()
		require.NoError(b, err, string(out))
		return path
	}
	ours := build("ours", "github.com/websoftsolus-mcp/websoftsolus-mcp")
	stock := build("stock", "github.com/websoftsolus-mcp/websoftsolus-mcp/internal/bench/stock")

	start := func(path string, args ...string) time.Duration {
		command := exec.Command(path, args...)
		command.Env = []string{"HOME=" + dir}
		in, err := command.StdinPipe()
		require.NoError(b, err)
		out, err := command.StdoutPipe()
		require.NoError(b, err)
		begun := time.Now()
		require.NoError(b, command.Start())
		_, err = io.WriteString(in, initialize)
		require.NoError(b, err)
		line, err := bufio.NewReader(out).ReadBytes('\n')
		took := time.Since(begun)
		require.NoError(b, err)
		require.Contains(b, string(line), `"protocolVersion"`)
		require.NoError(b, in.Close())
		_, _ = io.Copy(io.Discard, out)
		require.NoError(b, command.Wait())
		return took
	}
	var live, simulated, library []time.Duration
	for b.Loop() {
		live = append(live, start(ours))
		library = append(library, start(stock))
		simulated = append(simulated, start(ours, "--env", "sandbox"))
	}
	b.ReportMetric(milliseconds(live), "ms-ours")
	b.ReportMetric(milliseconds(simulated), "ms-ours-sandbox")
	b.ReportMetric(milliseconds(library), "ms-stock")
	b.ReportMetric(milliseconds(live)/milliseconds(library), "ours/stock")
}

// fixedAPI answers from memory, so that what is left is the transport.
type fixedAPI struct{ tools.API }

func (fixedAPI) GetLicense(context.Context, websoftsolus.Family, string) (*websoftsolus.License, error) {
	return &websoftsolus.License{
		Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001", Title: "web server 1", Product: "PLESK_12_WEB_HOST", Status: "active",
		Period: "12", ServerIP: "192.0.2.1", OrderedAt: "2026-01-01 00:00:00",
		Properties: json.RawMessage(`{"keyNumber":"PLSK.02980001","title":"web server 1","product":"PLESK_12_WEB_HOST","status":"active","period":"12"}`),
	}, nil
}

// serve runs one of the two stdio transports over pipes of the operating system.
type serve func(ctx context.Context, s *server.MCPServer, in io.Reader, out io.Writer) error

var transports = map[string]serve{
	"ours": func(ctx context.Context, s *server.MCPServer, in io.Reader, out io.Writer) error {
		return (&stdio.Server{Answerer: &rpc.Answerer{MCP: s, Direct: true}}).Serve(ctx, in, out)
	},
	"stock": func(ctx context.Context, s *server.MCPServer, in io.Reader, out io.Writer) error {
		return server.NewStdioServer(s).Listen(ctx, in, out)
	},
}

// connection is a transport at work and the client's ends of its pipes.
type connection struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func open(b *testing.B, transport serve, api tools.API) *connection {
	serverIn, in, err := os.Pipe()
	require.NoError(b, err)
	out, serverOut, err := os.Pipe()
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = transport(ctx, tools.NewServer(&tools.Set{API: api, Environment: "sandbox"}, "bench"), serverIn, serverOut)
	}()
	b.Cleanup(func() {
		in.Close()
		out.Close()
		cancel()
		<-done
	})
	c := &connection{in: in, out: bufio.NewReaderSize(out, 1<<20)}
	c.send(b, initialize)
	c.receive(b)
	return c
}

func (c *connection) send(b *testing.B, message string) {
	_, err := io.WriteString(c.in, message)
	require.NoError(b, err)
}

func (c *connection) receive(b *testing.B) []byte {
	line, err := c.out.ReadBytes('\n')
	require.NoError(b, err)
	return line
}

func getLicense(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_license","arguments":{"family":"plesk","keyNumber":"PLSK.02980001"}}}`+"\n", id)
}

// inTurn measures what two sides take for the same work, alternating, and
// reports both and their ratio.
func inTurn(b *testing.B, unit string, sides map[string]func() time.Duration) {
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, name := range []string{"ours", "stock"} {
			took[name] = append(took[name], sides[name]())
		}
	}
	ours, stock := milliseconds(took["ours"]), milliseconds(took["stock"])
	b.ReportMetric(ours, "ms-ours/"+unit)
	b.ReportMetric(stock, "ms-stock/"+unit)
	b.ReportMetric(stock/ours, "stock/ours")
}

// BenchmarkPipelinedCalls sends calls with 64 in flight through both
// transports: the same tools, the same handlers. The client writes 32 calls at a
// time and only counts the lines of the answers, so that what is measured is the
// server.
func BenchmarkPipelinedCalls(b *testing.B) {
	const calls, window, atATime = 6400, 64, 32
	var chunks [calls / atATime]string
	for i := range chunks {
		var chunk strings.Builder
		for j := range atATime {
			chunk.WriteString(getLicense(i*atATime + j + 1))
		}
		chunks[i] = chunk.String()
	}
	sides := map[string]func() time.Duration{}
	for name, transport := range transports {
		c := open(b, transport, fixedAPI{})
		sides[name] = func() time.Duration {
			begun := time.Now()
			slots := make(chan struct{}, window/atATime)
			go func() {
				for i := range chunks {
					slots <- struct{}{}
					_, _ = io.WriteString(c.in, chunks[i])
				}
			}()
			for answered := range calls {
				line, err := c.out.ReadSlice('\n')
				if err != nil || !bytes.Contains(line, []byte("structuredContent")) {
					b.Errorf("%s: %v", line, err)
					return 0
				}
				if answered%atATime == atATime-1 {
					<-slots
				}
			}
			return time.Since(begun)
		}
	}
	inTurn(b, "6400calls", sides)
}

// BenchmarkToolsList asks both transports for the tools, one request at a time.
func BenchmarkToolsList(b *testing.B) {
	const requests = 200
	sides := map[string]func() time.Duration{}
	for name, transport := range transports {
		c := open(b, transport, fixedAPI{})
		sides[name] = func() time.Duration {
			begun := time.Now()
			for i := range requests {
				c.send(b, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`+"\n", i+1))
				c.receive(b)
			}
			return time.Since(begun)
		}
	}
	inTurn(b, "200requests", sides)
}

// BenchmarkGetLicense reads one licence through stdio, the tool and the client,
// beside the raw HTTP request that it wraps.
func BenchmarkGetLicense(b *testing.B) {
	simulated := sandbox.New(sandbox.Options{})
	listening, err := simulated.Start("127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { _ = listening.Close() })
	login, secret := simulated.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	keys, err := client.ListKeys(b.Context(), websoftsolus.Plesk)
	require.NoError(b, err)

	c := open(b, transports["ours"], client)
	token := bearer(b, listening.URL, login, secret)
	raw := &http.Client{Transport: &http.Transport{}}
	b.Cleanup(raw.CloseIdleConnections)
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, listening.URL+"license/plesk/"+keys[0], nil)
	require.NoError(b, err)
	request.Header.Set("Authorization", "Bearer "+token)

	call := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_license","arguments":{"family":"plesk","keyNumber":%q}}}`+"\n", keys[0])
	var through, direct []time.Duration
	for b.Loop() {
		begun := time.Now()
		c.send(b, call)
		c.receive(b)
		through = append(through, time.Since(begun))

		begun = time.Now()
		response, err := raw.Do(request)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(b, err)
		response.Body.Close()
		direct = append(direct, time.Since(begun))
	}
	b.ReportMetric(1000*milliseconds(through), "µs-stdio")
	b.ReportMetric(1000*milliseconds(direct), "µs-raw")
	b.ReportMetric(milliseconds(through)/milliseconds(direct), "stdio/raw")
}

func bearer(b *testing.B, base, login, secret string) string {
	response, err := http.PostForm(base+"access/token", map[string][]string{"login": {login}, "secret": {secret}})
	require.NoError(b, err)
	defer response.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(b, json.NewDecoder(response.Body).Decode(&token))
	return token.AccessToken
}

// milliseconds is the median.
func milliseconds(all []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return float64(sorted[len(sorted)/2]) / float64(time.Millisecond)
}
