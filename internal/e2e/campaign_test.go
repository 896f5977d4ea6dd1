package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

// The campaign: many operations through four server processes on one ledger,
// with something going wrong on three writes in ten, some phrases confirmed by
// two processes at once, and a process killed on the way. Afterwards the ledger
// is compared with what the sandbox truly did.
//
// make campaign runs 10,000 operations and waits until every outcome is known,
// which takes the quiet minutes that saying "it had no effect" needs. make test
// runs a short one, in which outcomes may still be open at the end, but none may
// be wrong.

// writeFaults are what goes wrong with a write, each as likely as the others.
var writeFaults = []sandbox.Fault{
	{Kind: sandbox.Status, Status: 500},
	{Kind: sandbox.Status, Status: 500, After: true},
	{Kind: sandbox.Status, Status: 502, Body: "html", After: true},
	{Kind: sandbox.Status, Status: 503},
	{Kind: sandbox.Status, Status: 422},
	{Kind: sandbox.Status, Status: 429, RetryAfter: time.Second},
	{Kind: sandbox.Drop},
	{Kind: sandbox.Drop, After: true},
	{Kind: sandbox.Reset},
	{Kind: sandbox.Reset, After: true},
	{Kind: sandbox.Hang},
	{Kind: sandbox.Hang, After: true},
	{Kind: sandbox.HTML},
	{Kind: sandbox.HTML, After: true},
	{Kind: sandbox.Truncated, After: true},
	{Kind: sandbox.Cut, After: true},
	{Kind: sandbox.Oversized, After: true},
	{Kind: sandbox.Garbled, After: true},
	{Kind: sandbox.Redirect, To: "/license/plesk", After: true},
	{Kind: sandbox.Late, Reads: 3},
}

// campaign is one run.
type campaign struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	env     []string
	wanted  int

	begun atomic.Int64 // operations that were confirmed or sent
	next  atomic.Int64 // of the titles

	mu      sync.RWMutex
	clients []*client
}

func TestCampaign(t *testing.T) { runCampaign(t, filepath.Join(t.TempDir(), "ledger.db")) }

func TestCampaignOnPostgres(t *testing.T) { runCampaign(t, postgrestest.Schema(t)) }

func runCampaign(t *testing.T, journal string) {
	wanted, full := 500, false
	if n, err := strconv.Atoi(os.Getenv("CAMPAIGN")); err == nil {
		wanted, full = n, true
	}
	faults := slices.Clone(writeFaults)
	for i := range faults {
		faults[i].On, faults[i].Probability = sandbox.Writes, 0.0177 // 1-(1-p)^20 = 0.3
	}
	faults = append(faults,
		sandbox.Fault{On: sandbox.Reads, Kind: sandbox.Status, Status: 503, Probability: 0.02},
		sandbox.Fault{On: sandbox.Reads, Kind: sandbox.Drop, Probability: 0.02})
	c := &campaign{t: t, wanted: wanted, sandbox: sandbox.New(sandbox.Options{Seed: uint64(wanted), Keep: 10_000_000, Faults: faults})}
	server := httptest.NewServer(c.sandbox)
	defer server.Close()
	login, secret := c.sandbox.Credentials()
	c.env = append(bareEnvironment(t), "WEBSOFTSOLUS_URL="+server.URL, "WEBSOFTSOLUS_LOGIN="+login, "WEBSOFTSOLUS_SECRET="+secret,
		"WEBSOFTSOLUS_JOURNAL="+journal, "WEBSOFTSOLUS_TIMEOUT=1s", "WEBSOFTSOLUS_LOG_LEVEL=error",
		"WEBSOFTSOLUS_MAX_ORDERS_PER_DAY=1000000", "WEBSOFTSOLUS_MAX_TERMINATIONS_PER_DAY=1000000", "WEBSOFTSOLUS_MAX_CONCURRENCY=32")
	for i := range 4 {
		c.clients = append(c.clients, connect(t, eras[i%2], c.env))
	}

	var group sync.WaitGroup
	for range 48 {
		group.Go(func() {
			for c.begun.Load() < int64(c.wanted) {
				c.live()
			}
		})
	}
	killed := false
	for !killed && c.begun.Load() < int64(c.wanted) {
		if c.begun.Load() > int64(c.wanted/2) {
			c.kill(0)
			killed = true
		}
		time.Sleep(5 * time.Millisecond) // to watch, not to wait for an outcome
	}
	group.Wait()
	for _, one := range c.clients {
		_ = one.process.Process.Signal(os.Interrupt) // nobody looks any longer
		_ = one.Close()
	}
	c.sandbox.ClearFaults()
	if full {
		c.settle()
	}
	c.compare(full)
}

// live takes one licence from its order to its end, as far as the faults let it.
func (c *campaign) live() {
	title := fmt.Sprintf("campaign licence %d", c.next.Add(1))
	order := with(valid("")["order_virtuozzo_license"], "title", title)
	done := c.confirmed("order_virtuozzo_license", order)
	key, _ := done["keyNumber"].(string)
	if key == "" {
		return
	}
	c.begun.Add(1)
	done = c.call("edit_license", object{"family": "virtuozzo", "keyNumber": key, "comment": "edit of " + title})
	if done["outcome"] != "done" {
		return
	}
	c.confirmed("terminate_license", object{"family": "virtuozzo", "keyNumber": key, "confirm": ""})
}

// confirmed previews and confirms, now and then from two processes at once.
func (c *campaign) confirmed(tool string, args object) object {
	preview := c.call(tool, args)
	if preview["confirm"] == nil {
		return nil
	}
	c.begun.Add(1)
	args = with(args, "confirm", preview["confirm"])
	if rand.IntN(5) > 0 {
		return c.call(tool, args)
	}
	var group sync.WaitGroup
	group.Go(func() { c.call(tool, args) })
	done := c.call(tool, args)
	group.Wait()
	return done
}

// call calls a tool of any of the processes and returns its result; nil where it
// was killed, or took longer than a host waits.
func (c *campaign) call(tool string, args object) object {
	c.mu.RLock()
	one := c.clients[rand.IntN(len(c.clients))]
	c.mu.RUnlock()
	ctx, cancel := context.WithTimeout(c.t.Context(), 4*time.Second)
	defer cancel()
	answer, err := one.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return nil
	}
	var result object
	if err := json.Unmarshal([]byte(answer.Content[0].(*mcp.TextContent).Text), &result); err != nil {
		c.t.Errorf("%s: %v", tool, err)
	}
	return result
}

// kill ends a process as a crash does, and puts another in its place.
func (c *campaign) kill(i int) {
	fresh := connect(c.t, eras[0], c.env)
	c.mu.Lock()
	old := c.clients[i]
	c.clients[i] = fresh
	c.mu.Unlock()
	_ = old.process.Process.Kill()
}

// settle looks again until no outcome is open.
func (c *campaign) settle() {
	for begun := time.Now(); time.Since(begun) < 15*time.Minute; time.Sleep(15 * time.Second) {
		stdout, stderr, status := run(c.t, c.env, "", "operations", "reconcile")
		require.Equal(c.t, 0, status, stderr)
		if strings.Contains(stdout, "every operation has a known outcome") {
			return
		}
	}
}

// tally is a line of the table.
type tally struct {
	writes, effects, succeeded, rejected, notApplied, open, doubled, lost, wrong int
}

// compare holds the ledger against what the sandbox did, and prints the table by
// fault.
func (c *campaign) compare(full bool) {
	stdout, stderr, status := run(c.t, c.env, "", "operations", "verify")
	require.Equal(c.t, 0, status, stdout+stderr)
	stdout, stderr, status = run(c.t, c.env, "", "operations", "export")
	require.Equal(c.t, 0, status, stderr)

	writes := map[string][]sandbox.Request{}
	for _, r := range c.sandbox.Requests() {
		if id := c.identity(r); id != "" {
			writes[id] = append(writes[id], r)
		}
	}
	effects := map[string][]sandbox.Effect{}
	for _, e := range c.sandbox.Effects() {
		effects[c.identity(e.Request)] = append(effects[c.identity(e.Request)], e)
	}
	table := map[string]*tally{}
	count := 0
	decoder := json.NewDecoder(strings.NewReader(stdout))
	for decoder.More() {
		var o operations.Operation
		require.NoError(c.t, decoder.Decode(&o))
		id := string(o.Kind) + " " + o.KeyNumber
		switch o.Kind {
		case operations.Order:
			id = "order " + requested(o, "title")
		case operations.Edit:
			id = "edit " + requested(o, "comment")
		}
		sent, happened := writes[id], len(effects[id])
		delete(writes, id)
		if o.ClaimedAt.IsZero() {
			require.Empty(c.t, sent, "%s was sent and never claimed", o.ID)
			continue
		}
		count++
		fault := "none"
		if len(sent) == 0 {
			fault = "(never sent)"
		} else if len(sent[0].Faults) > 0 {
			fault = strings.TrimPrefix(sent[0].Faults[0], "write ")
			fault, _, _ = strings.Cut(fault, " p=")
		}
		line := table[fault]
		if line == nil {
			line = &tally{}
			table[fault] = line
		}
		line.writes += len(sent)
		line.effects += happened
		if len(sent) > 1 || happened > 1 {
			line.doubled++
		}
		switch o.State {
		case operations.Succeeded:
			line.succeeded++
			if happened != 1 || o.Kind == operations.Order && o.KeyNumber != "" && o.KeyNumber != effects[id][0].License.KeyNumber {
				line.wrong++
			}
		case operations.Rejected:
			line.rejected++
			line.wrong += min(happened, 1)
		case operations.NotApplied:
			line.notApplied++
			line.wrong += min(happened, 1)
		default:
			line.open++
		}
	}
	for id, sent := range writes { // on the wire, and not in the ledger
		c.t.Errorf("%s was sent and is not in the ledger: %v", id, sent)
		table["none"].lost += len(sent)
	}

	var printed bytes.Buffer
	out := tabwriter.NewWriter(&printed, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "fault\twrites\teffects\tsucceeded\trejected\tnot applied\topen\tdoubled\tlost\twrong\t")
	names := make([]string, 0, len(table))
	sum := &tally{}
	for name, line := range table {
		names = append(names, name)
		sum.writes += line.writes
		sum.effects += line.effects
		sum.succeeded += line.succeeded
		sum.rejected += line.rejected
		sum.notApplied += line.notApplied
		sum.open += line.open
		sum.doubled += line.doubled
		sum.lost += line.lost
		sum.wrong += line.wrong
	}
	slices.Sort(names)
	table["all"] = sum
	for _, name := range append(names, "all") {
		l := table[name]
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, l.writes, l.effects, l.succeeded, l.rejected, l.notApplied, l.open, l.doubled, l.lost, l.wrong)
	}
	require.NoError(c.t, out.Flush())
	c.t.Logf("%d operations\n%s", count, &printed)
	require.GreaterOrEqual(c.t, count, c.wanted*9/10)
	require.Zero(c.t, sum.doubled, "nothing is done twice")
	require.Zero(c.t, sum.lost, "nothing is lost")
	require.Zero(c.t, sum.wrong, "nothing is falsely settled")
	if full {
		require.Zero(c.t, sum.open, "every outcome is known in the end")
	}
}

// identity tells which operation a write belongs to: titles, comments and, for
// a termination, key numbers are each used once. Empty for a read.
func (c *campaign) identity(r sandbox.Request) string {
	switch r.Endpoint {
	case sandbox.Order:
		return "order " + formField(r.Form, "title")
	case sandbox.Edit:
		return "edit " + formField(r.Form, "comment")
	case sandbox.Terminate:
		return "terminate " + r.KeyNumber
	}
	return ""
}

func formField(form sandbox.Form, name string) string {
	for _, f := range form {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func requested(o operations.Operation, name string) string {
	for _, f := range o.Request {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}
