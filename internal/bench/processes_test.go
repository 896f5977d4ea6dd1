package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

// BenchmarkOrdersThroughProcesses previews and confirms orders through the built
// program on a ledger file, one after the other in each process: by one process,
// and by four on one ledger.
func BenchmarkOrdersThroughProcesses(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "ours")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/websoftsolus-mcp/websoftsolus-mcp").CombinedOutput()
	require.NoError(b, err, string(out))
	for _, processes := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d processes", processes), func(b *testing.B) {
			simulated := sandbox.New(sandbox.Options{})
			listening, err := simulated.Start("127.0.0.1:0")
			require.NoError(b, err)
			defer listening.Close()
			login, secret := simulated.Credentials()
			ledger := filepath.Join(b.TempDir(), "ledger.db")
			var servers []*orderer
			for i := range processes {
				command := exec.Command(binary, "--log-level", "error")
				command.Env = []string{"HOME=" + b.TempDir(), "WEBSOFTSOLUS_URL=" + listening.URL, "WEBSOFTSOLUS_LOGIN=" + login,
					"WEBSOFTSOLUS_SECRET=" + secret, "WEBSOFTSOLUS_JOURNAL=" + ledger, "WEBSOFTSOLUS_MAX_ORDERS_PER_DAY=100000000"}
				in, err := command.StdinPipe()
				require.NoError(b, err)
				out, err := command.StdoutPipe()
				require.NoError(b, err)
				require.NoError(b, command.Start())
				servers = append(servers, &orderer{b: b, name: i, in: in, out: bufio.NewReader(out)})
				defer func() {
					in.Close()
					_ = command.Wait()
				}()
			}
			count := 0
			begun := time.Now()
			for b.Loop() {
				var group sync.WaitGroup
				for _, s := range servers {
					group.Go(s.order)
				}
				group.Wait()
				count += processes
			}
			b.ReportMetric(float64(count)/time.Since(begun).Seconds(), "orders/s")
		})
	}
}

// orderer is one server process and its client.
type orderer struct {
	b     *testing.B
	name  int
	count int
	in    io.Writer
	out   *bufio.Reader
}

// order previews and confirms one order that nobody made before.
func (o *orderer) order() {
	o.count++
	arguments := map[string]string{"product": "VIRTUOZZO_CONTAINERS_4", "title": fmt.Sprintf("%d of %d", o.count, o.name), "period": "1", "os": "LINUX", "confirm": ""}
	arguments["confirm"] = o.call(arguments).Confirm
	if done := o.call(arguments); done.State != "succeeded" {
		o.b.Errorf("order ended %s", done.State)
	}
}

func (o *orderer) call(arguments map[string]string) (answer struct{ Confirm, State string }) {
	encoded, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
		"params": map[string]any{"name": "order_virtuozzo_license", "arguments": arguments}})
	if err == nil {
		_, err = o.in.Write(append(encoded, '\n'))
	}
	var line []byte
	if err == nil {
		line, err = o.out.ReadBytes('\n')
	}
	var message struct {
		Result struct{ StructuredContent json.RawMessage }
	}
	if err == nil {
		err = json.Unmarshal(line, &message)
	}
	if err == nil {
		err = json.Unmarshal(message.Result.StructuredContent, &answer)
	}
	if err != nil {
		o.b.Error(err)
	}
	return answer
}
