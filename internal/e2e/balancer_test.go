package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

// TestReplicasBehindABalancer orders through two replicas on one PostgreSQL,
// behind HAProxy that sends any request anywhere. Every order is confirmed twice.
// Meanwhile one replica is killed, one is told to stop, and the database
// restarts. Nothing is doubled and nothing is lost, and what was in flight at the
// replica that was told to stop is answered.
//
// BALANCER is how many orders there are; 2,000 in `make balancer`, which also
// waits until every outcome is known.
func TestReplicasBehindABalancer(t *testing.T) {
	orders := 120
	whole := os.Getenv("BALANCER") != ""
	if whole {
		var err error
		orders, err = strconv.Atoi(os.Getenv("BALANCER"))
		require.NoError(t, err)
	}
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		if haproxy = "/usr/sbin/haproxy"; !exists(haproxy) {
			missing(t, "HAProxy is not installed")
		}
	}
	database := postgrestest.Start(t)
	b := &balanced{t: t, api: newAPI(t)}
	b.env = append(b.api.variables(t, database.URL), "WEBSOFTSOLUS_MAX_ORDERS_PER_DAY=1000000", "WEBSOFTSOLUS_TIMEOUT=2s", "WEBSOFTSOLUS_MAX_CONCURRENCY=32")
	for i := range b.replicas {
		b.replicas[i].address = freeAddress(t)
		b.start(i)
	}
	b.url = "http://" + balance(t, haproxy, b.replicas[0].address, b.replicas[1].address) + "/mcp"
	require.Eventually(t, func() bool { status, _ := b.try(b.url, "", `{}`); return status == http.StatusBadRequest }, 30*time.Second, 50*time.Millisecond, "nobody is behind the balancer")

	var next, confirmed atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for {
				i := int(next.Add(1))
				if i > orders {
					return
				}
				b.order(i)
				confirmed.Add(1)
			}
		})
	}
	reached := func(share int) {
		require.Eventually(t, func() bool { return int(confirmed.Load()) >= orders*share/100 }, 20*time.Minute, time.Millisecond)
	}
	reached(20)
	b.replicas[0].process.Process.Kill() // SIGKILL
	b.replicas[0].process.Wait()
	reached(35)
	b.start(0)
	reached(50)
	b.stopWithCallsInFlight(1)
	reached(65)
	b.start(1)
	reached(80)
	database.Restart()
	workers.Wait()
	b.compare(orders, whole)
}

// balanced is two replicas and what is behind them.
type balanced struct {
	t        *testing.T
	api      *api
	env      []string
	url      string // of the balancer
	replicas [2]struct {
		address string
		process *exec.Cmd
		stderr  *lockedBuffer
	}

	mu      sync.Mutex
	retried int
	open    []string // operations whose outcome was not known when they were confirmed
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func (b *balanced) start(i int) {
	r := &b.replicas[i]
	r.process, r.stderr = exec.Command(binary, "http", "--addr", r.address, "--log-level", "warn"), &lockedBuffer{}
	r.process.Env, r.process.Stderr = b.env, r.stderr
	require.NoError(b.t, r.process.Start())
	process := r.process
	b.t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	require.Eventually(b.t, func() bool {
		response, err := webClient.Get("http://" + r.address + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond, "replica %d: %s", i, r.stderr)
}

// balance starts HAProxy with the configuration of the documentation (round
// robin, no stickiness), at other addresses and with quicker checks.
func balance(t *testing.T, haproxy string, replicas ...string) string {
	address := freeAddress(t)
	documented, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy", "haproxy.cfg"))
	require.NoError(t, err)
	config := string(documented)
	for from, to := range map[string]string{
		"bind :443 ssl crt /run/secrets/tls": "bind " + address,
		" replica1:8080":                     " " + replicas[0],
		" replica2:8080":                     " " + replicas[1],
		"check inter 2s":                     "check inter 200",
		"maxconn 10000":                      "maxconn 500", // what a small machine has files for
	} {
		require.Equal(t, 1, strings.Count(config, from), from)
		config = strings.Replace(config, from, to, 1)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	process := exec.Command(haproxy, "-f", file)
	output := &lockedBuffer{}
	process.Stderr, process.Stdout = output, output
	require.NoError(t, process.Start())
	t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	return address
}

// try sends one message, over a connection of its own, so that the balancer
// chooses anew. The status is 0 where there was no answer.
func (b *balanced) try(url, session, body string) (status int, answer string) {
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	request.Close = true
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	if session != "" {
		request.Header.Set("Mcp-Session-Id", session)
	} else if strings.Contains(body, "2026-07-28") {
		request.Header.Set("MCP-Protocol-Version", "2026-07-28")
		request.Header.Set("Mcp-Method", "tools/call")
		request.Header.Set("Mcp-Name", "order_virtuozzo_license")
	}
	response, err := webClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	if id := response.Header.Get("Mcp-Session-Id"); id != "" {
		return response.StatusCode, id
	}
	return response.StatusCode, string(read)
}

// again sends a message until somebody answers it: a replica that is gone, or
// stops, answers nothing, and the same call is safe.
func (b *balanced) again(url, session, body string) string {
	for begun := time.Now(); ; {
		status, answer := b.try(url, session, body)
		if status == http.StatusOK {
			return answer
		}
		if status != 0 && status < 500 || time.Since(begun) > 2*time.Minute {
			b.t.Errorf("%d: %s", status, answer)
			return "{}"
		}
		b.mu.Lock()
		b.retried++
		b.mu.Unlock()
		time.Sleep(20 * time.Millisecond) // as a client waits before it tries again
	}
}

// call is one order as a message: of 2026-07-28, or of the session's version.
func orderMessage(session, title, confirm string) string {
	params := object{"name": "order_virtuozzo_license", "arguments": object{
		"product": "VIRTUOZZO_CONTAINERS_4", "title": title, "period": "1", "os": "LINUX", "confirm": confirm,
	}}
	if session == "" {
		params["_meta"] = object{"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": object{}}
	}
	encoded, _ := json.Marshal(object{"jsonrpc": "2.0", "id": rand.Int32(), "method": "tools/call", "params": params}) // texts always marshal
	return string(encoded)
}

// structured is the structured content of an answer.
func structured(answer string) (content object) {
	var response struct {
		Result struct{ StructuredContent object }
	}
	if json.NewDecoder(bytes.NewReader([]byte(answer))).Decode(&response) != nil {
		return object{}
	}
	return response.Result.StructuredContent
}

// preview asks until there is one: while the database restarts the ledger cannot
// be written, and the answer says so.
func (b *balanced) preview(session, title string) object {
	for range 200 {
		content := structured(b.again(b.url, session, orderMessage(session, title, "")))
		if content["confirm"] != nil {
			return content
		}
		if failure, _ := content["error"].(object); failure == nil || failure["code"] != "ledger_unavailable" {
			b.t.Errorf("%s: no preview: %v", title, content)
			return object{}
		}
		time.Sleep(50 * time.Millisecond) // as a client waits before it tries again
	}
	b.t.Errorf("%s: no preview", title)
	return object{}
}

// order previews one order and confirms it twice, each through any replica.
func (b *balanced) order(i int) {
	session := ""
	if i%2 == 0 { // an older client, whose session any replica takes
		session = b.again(b.url, "", initialize)
	}
	title := fmt.Sprintf("order %d", i)
	preview := b.preview(session, title)
	phrase, _ := preview["confirm"].(string)
	var keys [2]any
	var twice sync.WaitGroup
	for n := range keys {
		twice.Go(func() {
			for range 200 {
				content := structured(b.again(b.url, session, orderMessage(session, title, phrase)))
				failure, _ := content["error"].(object)
				switch {
				case failure == nil && content["outcome"] == "done":
					keys[n] = content["keyNumber"]
					return
				case failure != nil && failure["outcome"] == "unknown", failure != nil && failure["code"] == "not_applied":
					b.mu.Lock()
					b.open = append(b.open, preview["operationId"].(string))
					b.mu.Unlock()
					return
				case failure != nil && failure["retry"] == "safe", failure != nil && failure["code"] == "ledger_unavailable":
					time.Sleep(50 * time.Millisecond) // as a client waits before it tries again
				default:
					b.t.Errorf("%s: %v", title, content)
					return
				}
			}
			b.t.Errorf("%s was never confirmed", title)
		})
	}
	twice.Wait()
	if keys[0] != nil && keys[1] != nil {
		if keys[0] != keys[1] {
			b.t.Errorf("%s: two confirmations, two keys: %v", title, keys)
		}
	}
}

// stopWithCallsInFlight tells a replica to stop while calls are under way there:
// each is answered.
func (b *balanced) stopWithCallsInFlight(i int) {
	r := &b.replicas[i]
	url := "http://" + r.address + "/mcp"
	arrived, release := b.api.holdForms("title=in+flight")
	answers := make(chan string, 8)
	for n := range cap(answers) {
		title := fmt.Sprintf("in flight %d", n)
		phrase, _ := b.preview("", title)["confirm"].(string)
		go func() {
			status, answer := b.try(url, "", orderMessage("", title, phrase))
			answers <- fmt.Sprint(status, structured(answer)["state"])
		}()
	}
	for range cap(answers) {
		<-arrived // it is on its way to the API
	}
	require.NoError(b.t, r.process.Process.Signal(syscall.SIGTERM))
	require.Eventually(b.t, func() bool { // it listens no more
		connection, err := net.Dial("tcp", r.address)
		if err == nil {
			connection.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond)
	close(release)
	for range cap(answers) {
		require.Equal(b.t, "200succeeded", <-answers, "a call that was in flight was not answered")
	}
	require.NoError(b.t, r.process.Wait(), r.stderr)
}

// compare holds what the sandbox made to what the ledger says.
func (b *balanced) compare(orders int, whole bool) {
	t := b.t
	export := func() (all []object) {
		stdout, stderr, status := run(t, b.env, "", "operations", "export")
		require.Equal(t, 0, status, stderr)
		for line := range strings.SplitSeq(strings.TrimSpace(stdout), "\n") {
			var o object
			require.NoError(t, json.Unmarshal([]byte(line), &o), line)
			all = append(all, o)
		}
		return all
	}
	open := func(all []object) (n int) {
		for _, o := range all {
			if o["state"] == "sending" || o["state"] == "unknown" {
				n++
			}
		}
		return n
	}
	all := export()
	for begun := time.Now(); whole && open(all) > 0 && time.Since(begun) < 15*time.Minute; all = export() {
		time.Sleep(5 * time.Second) // the replicas look by themselves
	}
	made := map[string]int{}
	for _, e := range b.api.sandbox.Effects() {
		if e.Request.Endpoint == sandbox.Order {
			made[formField(e.Request.Form, "title")]++
		}
	}
	doubled, lost, wrong, succeeded := 0, 0, 0, 0
	seen := map[string]bool{}
	for _, o := range all {
		name := ""
		for _, f := range o["request"].([]any) {
			if field := f.(object); field["name"] == "title" {
				name = field["value"].(string)
			}
		}
		seen[name] = seen[name] || o["state"] != "proposed" && o["state"] != "expired"
		switch state := o["state"]; {
		case state == "succeeded":
			succeeded++
			if made[name] == 0 {
				wrong++
			}
		case (state == "rejected" || state == "not_applied" || state == "expired") && made[name] > 0:
			wrong++
		}
	}
	for name, n := range made {
		if n > 1 {
			doubled++
		}
		if !seen[name] {
			lost++
		}
	}
	left := open(all)
	t.Logf("%d orders, %d operations: %d succeeded, %d open, doubled %d, lost %d, wrong %d; %d requests were made again", orders, len(all), succeeded, left, doubled, lost, wrong, b.retried)
	require.Zero(t, doubled, "doubled")
	require.Zero(t, lost, "lost")
	require.Zero(t, wrong, "wrongly settled")
	require.GreaterOrEqual(t, succeeded+left, orders*95/100)
	if whole {
		require.Zero(t, left, "outcomes that are not known")
	}
	stdout, stderr, status := run(t, b.env, "", "operations", "verify")
	require.Equal(t, 0, status, stdout+stderr)
}
