//go:build unix

package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

// TestPowerLossLosesNothing copies the ledger's files at random moments, with
// the servers frozen as by a power cut, and opens the copy: it is sound, and
// every order that was on the wire is claimed in it.
func TestPowerLossLosesNothing(t *testing.T) {
	api := newAPI(t)
	journal := filepath.Join(t.TempDir(), "ledger.db")
	env := append(api.variables(t, journal), "WEBSOFTSOLUS_MAX_ORDERS_PER_DAY=1000000")
	clients := []*client{connect(t, eras[0], env), connect(t, eras[1], env)}
	freeze := func(signal syscall.Signal) {
		for _, c := range clients {
			require.NoError(t, c.process.Process.Signal(signal))
		}
	}

	stop := make(chan struct{})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				order := with(valid("")["order_virtuozzo_license"], "title", fmt.Sprintf("order %d of %d", i, worker))
				preview := clients[worker%2].ok(t, "order_virtuozzo_license", order)
				clients[(worker+i)%2].ok(t, "order_virtuozzo_license", with(order, "confirm", preview["confirm"]))
			}
		})
	}
	require.Eventually(t, func() bool { return api.sandbox.Counts().Requests[sandbox.Order] > 0 }, 30*time.Second, time.Millisecond, "the ledger was never made")
	for moment := range 15 {
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond) // the moment is the point, not an outcome
		freeze(syscall.SIGSTOP)
		var sent []string
		for _, r := range api.sandbox.Requests() {
			if r.Endpoint == sandbox.Order {
				sent = append(sent, formField(r.Form, "title"))
			}
		}
		copied := filepath.Join(t.TempDir(), fmt.Sprintf("ledger-%d.db", moment))
		for _, suffix := range []string{"", "-wal"} {
			duplicate(t, journal+suffix, copied+suffix)
		}
		freeze(syscall.SIGCONT)

		after := append(env, "WEBSOFTSOLUS_JOURNAL="+copied)
		stdout, stderr, status := run(t, after, "", "operations", "verify")
		require.Equal(t, 0, status, "%s%s", stdout, stderr)
		exported, stderr, status := run(t, after, "", "operations", "export", "--format", "csv")
		require.Equal(t, 0, status, stderr)
		for _, title := range sent {
			found := false
			for _, row := range strings.Split(exported, "\n") {
				if strings.Contains(row, ","+title+",") {
					found = true
					require.NotContains(t, row, ",proposed,", "sent before it was claimed")
				}
			}
			require.True(t, found, "%q was sent and is not in the ledger", title)
		}
	}
	close(stop)
	group.Wait()
}

// duplicate copies a file that may not be there.
func duplicate(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	defer source.Close()
	target, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(target, source)
	require.NoError(t, err)
	require.NoError(t, target.Close())
}
