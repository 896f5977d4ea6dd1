package operations

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// crashVariable tells this test binary to be the process that dies: at which
// point, met for the how-manieth time, with which ledger and API.
const crashVariable = "OPERATIONS_TEST_CRASH"

type crashOrders struct {
	point                      crashPoint
	times                      int
	ledger, url, login, secret string
}

func (c crashOrders) encode() string {
	return strings.Join([]string{string(c.point), fmt.Sprint(c.times), c.ledger, c.url, c.login, c.secret}, "\n")
}

// dieAsOrdered orders a licence in a process that kills itself on the way.
func dieAsOrdered(orders string) {
	words := strings.Split(orders, "\n")
	c := crashOrders{point: crashPoint(words[0]), ledger: words[2], url: words[3], login: words[4], secret: words[5]}
	fmt.Sscan(words[1], &c.times)
	met := 0
	die := func(at crashPoint) {
		if at != c.point {
			return
		}
		if met++; met == c.times {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
	}
	s := crashService(c, time.Now, func(store Store) { store.(*ledger).crash = die })
	s.crash = die
	r := crashOrder()
	preview, err := s.ProposeOrder(context.Background(), r)
	if err == nil {
		_, err = s.ConfirmOrder(context.Background(), r, preview.Confirm)
	}
	fmt.Println("survived:", err)
	os.Exit(0)
}

func crashService(c crashOrders, now func() time.Time, opened func(Store)) *Service {
	return NewService(Config{
		API: &websoftsolus.Client{BaseURL: c.url, Login: c.login, Secret: c.secret},
		Open: func(ctx context.Context) (Store, error) {
			store, err := openAt(ctx, c.ledger)
			if err == nil {
				opened(store)
			}
			return store, err
		},
		Environment: "live", BaseURL: c.url, Rand: rand.Reader, Now: now,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
}

func crashOrder() OrderRequest {
	form := []Field{{"product", "VIRTUOZZO_CONTAINERS_4"}, {"title", "crash"}, {"comment", ""}, {"period", "1"}, {"os", "LINUX"}}
	return OrderRequest{Family: websoftsolus.Virtuozzo, Product: form[0].Value, Title: "crash", Period: "1", Form: form}
}

// TestProcessKilledAnywhereLeavesTheTruthToBeFound kills the process, with
// SIGKILL, at every point of the table, and has the next one find out.
func TestProcessKilledAnywhereLeavesTheTruthToBeFound(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, newPlace func(testing.TB) string) {
		answers := []string{"answered", "lost"}
		if isURL(newPlace(t)) {
			answers = answers[1:] // which meets every point; a database of its own for each costs more
		}
		for _, answer := range answers {
			for _, point := range crashPoints {
				for times := 1; times <= 4; times++ {
					died := false
					t.Run(fmt.Sprintf("%s/%s %d", answer, point, times), func(t *testing.T) {
						died = killedAt(t, newPlace(t), answer, point, times)
					})
					if !died {
						require.True(t, times > 1 || neverMet(answer, point), "%s was never met", point)
						break
					}
				}
			}
		}
	})
}

// neverMet says whether an order meets a point only when its answer is lost.
func neverMet(answer string, point crashPoint) bool {
	return answer == "answered" && (point == crashBeforeLook || point == crashAfterLook)
}

func killedAt(t *testing.T, place, answer string, point crashPoint, times int) (died bool) {
	api := sandbox.New(sandbox.Options{})
	server, err := api.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	if answer == "lost" {
		api.Inject(sandbox.Fault{On: sandbox.Order, Kind: sandbox.Drop, After: true})
	}
	c := crashOrders{point: point, times: times, ledger: place, url: server.URL}
	c.login, c.secret = api.Credentials()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashVariable+"="+c.encode(), "GORACE=atexit_sleep_ms=0") // else one that survives sleeps a second
	output, err := child.CombinedOutput()
	died = err != nil
	require.NotContains(t, string(output), "panic")

	later := func() time.Time { return time.Now().Add(time.Hour) } // nobody can be sending any more
	next := crashService(c, later, func(Store) {})
	defer next.Close(context.Background())
	require.NoError(t, next.Recover(t.Context()))
	page, err := next.List(t.Context(), Filter{})
	require.NoError(t, err)
	effects := len(api.Effects())
	require.Equal(t, effects, api.Counts().Requests[sandbox.Order])
	require.LessOrEqual(t, len(page.Operations), 1)
	if len(page.Operations) == 0 {
		require.Zero(t, effects)
		return died
	}
	o, err := next.Get(t.Context(), page.Operations[0].ID)
	require.NoError(t, err)
	switch effects {
	case 0:
		require.Contains(t, []State{Expired, NotApplied}, o.State)
	case 1:
		require.Equal(t, Succeeded, o.State, o.Message)
		require.Equal(t, api.Effects()[0].License.KeyNumber, o.KeyNumber)
	default:
		t.Fatalf("ordered %d times", effects)
	}
	v, err := next.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems)
	return died
}
