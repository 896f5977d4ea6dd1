package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/httpserver"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// httpSide is a server over HTTP, in one era of the protocol.
type httpSide struct {
	name    string
	url     string
	modern  bool
	session string
}

// httpSides are ours and stock mcp-go's with the same tools and handlers, in both
// eras, over a sandbox without latency.
func httpSides(b *testing.B) []httpSide {
	simulated := sandbox.New(sandbox.Options{})
	api := httptest.NewServer(simulated)
	b.Cleanup(api.Close)
	client := &websoftsolus.Client{BaseURL: api.URL, MaxConcurrency: 64}
	client.Login, client.Secret = simulated.Credentials()
	newMCP := func() *server.MCPServer {
		return tools.NewServer(&tools.Set{API: client, Environment: "sandbox"}, "bench")
	}
	front := httptest.NewServer(httpserver.New(httpserver.Options{Answerer: &rpc.Answerer{MCP: newMCP(), Direct: true}}))
	b.Cleanup(front.Close)
	stock := httptest.NewServer(server.NewStreamableHTTPServer(newMCP()))
	b.Cleanup(stock.Close)
	sides := []httpSide{
		{name: "ours", url: front.URL + "/mcp"}, {name: "ours", url: front.URL + "/mcp", modern: true},
		{name: "stock", url: stock.URL + "/mcp"}, {name: "stock", url: stock.URL + "/mcp", modern: true},
	}
	for i := range sides {
		if sides[i].modern {
			continue
		}
		hello, _, _ := strings.Cut(initialize, "\n")
		response, err := http.DefaultClient.Do(sides[i].request(hello, ""))
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		sides[i].session = response.Header.Get("Mcp-Session-Id")
		require.NotEmpty(b, sides[i].session)
	}
	return sides
}

func (s httpSide) request(body, name string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if s.modern {
		method := "tools/list"
		if name != "" {
			method = "tools/call"
			r.Header.Set("Mcp-Name", name)
		}
		r.Header.Set("MCP-Protocol-Version", "2026-07-28")
		r.Header.Set("Mcp-Method", method)
	} else if s.session != "" {
		r.Header.Set("Mcp-Session-Id", s.session)
	}
	return r
}

// BenchmarkHTTP measures requests a second, and the median and the 99th
// percentile of their time, with 1, 16 and 64 clients at a time. The sides take
// turns in one run.
func BenchmarkHTTP(b *testing.B) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	sides := httpSides(b)
	for _, what := range []string{"tools/list", "get_license"} {
		for _, clients := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", what, clients), func(b *testing.B) {
				transport := &http.Transport{MaxIdleConnsPerHost: clients}
				defer transport.CloseIdleConnections()
				client := &http.Client{Transport: transport}
				round := func(side httpSide, requests int) (took time.Duration, each []time.Duration) {
					extra := ""
					if side.modern {
						extra = meta
					}
					rest, name := `"method":"tools/list","params":{`+extra+`}}`, ""
					if what == "get_license" {
						if extra != "" {
							extra = "," + extra
						}
						name = "get_license"
						rest = `"method":"tools/call","params":{"name":"get_license","arguments":{"family":"plesk","keyNumber":"PLSK.02980001"}` + extra + `}}`
					}
					each = make([]time.Duration, requests)
					var group sync.WaitGroup
					begun := time.Now()
					for worker := range clients {
						group.Go(func() {
							for i := worker; i < requests; i += clients {
								sent := time.Now()
								response, err := client.Do(side.request(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,%s`, i, rest), name))
								if err != nil {
									b.Error(err)
									return
								}
								_, _ = io.Copy(io.Discard, response.Body)
								response.Body.Close()
								each[i] = time.Since(sent)
								if response.StatusCode != http.StatusOK {
									b.Error(response.Status)
									return
								}
							}
						})
					}
					group.Wait()
					return time.Since(begun), each
				}
				requests := 200 * clients
				took := make([]time.Duration, len(sides))
				each := make([][]time.Duration, len(sides))
				for _, side := range sides {
					round(side, requests) // connections are there then
				}
				for b.Loop() {
					for i, side := range sides {
						t, e := round(side, requests)
						took[i] += t
						each[i] = append(each[i], e...)
					}
				}
				rate := make([]float64, len(sides))
				for i, side := range sides {
					name := side.name
					if side.modern {
						name += "-2026"
					}
					slices.Sort(each[i])
					rate[i] = float64(len(each[i])) / took[i].Seconds()
					b.ReportMetric(rate[i], name+"/s")
					b.ReportMetric(float64(each[i][len(each[i])/2].Microseconds()), name+"-p50-us")
					b.ReportMetric(float64(each[i][len(each[i])*99/100].Microseconds()), name+"-p99-us")
				}
				b.ReportMetric(rate[0]/rate[2], "ours/stock")
				b.ReportMetric(rate[1]/rate[3], "ours/stock-2026")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
