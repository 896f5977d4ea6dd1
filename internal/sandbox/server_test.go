package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
)

func TestCloseEndsWhatWaitsWithoutEffect(t *testing.T) {
	s := sandbox.New(sandbox.Options{Faults: faults(t, "order delay=1h; list hang; get slow=1h")})
	server, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	c := &caller{t: t, sandbox: s, url: server.URL, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	c.token = c.login()
	var waiting sync.WaitGroup
	for _, r := range []struct{ method, path string }{{"POST", "virtuozzo/order?" + encode(orders["virtuozzo"].form...)}, {"GET", "plesk"}, {"GET", "plesk/PLSK.02980001"}} {
		waiting.Go(func() {
			if _, err := c.try(r.method, "license/"+r.path, "", ""); err == nil {
				t.Errorf("%s %s was answered whole", r.method, r.path)
			}
		})
	}
	require.Eventually(t, func() bool { return len(s.Requests()) == 4 }, 5*time.Second, time.Millisecond)
	require.NoError(t, server.Close())
	waiting.Wait()
	require.Empty(t, s.Effects())
	require.NoError(t, server.Close(), "a second time")
}

func TestAddressInUseIsAnError(t *testing.T) {
	c := start(t, sandbox.Options{})
	addr := strings.TrimSuffix(strings.TrimPrefix(c.url, "http://"), "/")
	_, err := c.sandbox.Start(addr)
	require.Error(t, err)
	require.ErrorContains(t, sandbox.Run(t.Context(), io.Discard, addr, sandbox.Options{}), "start the sandbox")
}

func TestSandboxIsAHandlerToo(t *testing.T) {
	s := sandbox.New(sandbox.Options{Faults: faults(t, "list drop")})
	server := httptest.NewServer(s)
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	answer, err := server.Client().Get(server.URL + "/license/plesk/order")
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, 401, answer.StatusCode)
	_, err = server.Client().Get(server.URL + "/license/plesk")
	require.Error(t, err)

	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/license/plesk", nil))
	}, "without a connection to drop")
}

// lockedBuffer takes writes from another goroutine.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRunPrintsHowToReachItAndServesUntilDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out lockedBuffer
	ended := make(chan error)
	go func() { ended <- sandbox.Run(ctx, &out, "127.0.0.1:0", sandbox.Options{Seed: 3}) }()
	ready := regexp.MustCompile(`(?m)^WEBSOFTSOLUS_URL=(\S+) WEBSOFTSOLUS_LOGIN=(\S+) WEBSOFTSOLUS_SECRET=(\S+) websoftsolus-mcp$`)
	require.Eventually(t, func() bool { return ready.MatchString(out.String()) }, 5*time.Second, time.Millisecond)
	said := ready.FindStringSubmatch(out.String())
	require.Contains(t, out.String(), "Test URL: "+said[1]+"test/\n")

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, base := range []string{said[1], said[1] + "test/"} {
		answer, err := client.Post(base+"access/token", "application/x-www-form-urlencoded", strings.NewReader(encode("login", said[2], "secret", said[3])))
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, 200, answer.StatusCode)
	}
	cancel()
	require.NoError(t, <-ended)
}

func TestControlIsOffUnlessAskedFor(t *testing.T) {
	c := start(t, sandbox.Options{})
	require.Equal(t, 404, c.get("_sandbox/requests").status)
}

func TestControlFromAnotherProcess(t *testing.T) {
	c := start(t, sandbox.Options{Control: true, Now: newClock().Now})
	control := func(method, path, body string, into any) int {
		t.Helper()
		r, err := c.try(method, "_sandbox/"+path, "application/json", body)
		require.NoError(t, err)
		require.Equal(t, "application/json", r.header.Get("Content-Type"), r.body)
		require.NoError(t, json.Unmarshal([]byte(r.body), into), r.body)
		return r.status
	}
	type states []struct {
		Fault  string
		Struck int
	}

	var inForce states
	require.Equal(t, 200, control("POST", "faults", `{"faults":"order drop after times=1; any delay=1ms"}`, &inForce))
	require.Len(t, inForce, 2)
	_, err := c.try("POST", "license/virtuozzo/order", "application/x-www-form-urlencoded", encode(orders["virtuozzo"].form...))
	require.Error(t, err)
	inForce = nil
	control("GET", "faults", "", &inForce)
	require.Equal(t, states{{"order drop after times=1", 1}, {"any delay=1ms", 1}}, inForce)
	require.Equal(t, 200, control("DELETE", "faults", "", &inForce))
	require.Empty(t, inForce)

	var requests []sandbox.Request
	control("GET", "requests", "", &requests)
	require.Len(t, requests, 1, "its own requests are not in the journal")
	require.Equal(t, c.sandbox.Requests(), requests)
	var effects []sandbox.Effect
	control("GET", "effects", "", &effects)
	require.Equal(t, sandbox.Created, effects[0].Kind)
	require.Equal(t, requests[0].Number, effects[0].Request.Number)
	var counts sandbox.Counts
	control("GET", "counts", "", &counts)
	require.Equal(t, c.sandbox.Counts(), counts)
	var licenses []sandbox.License
	control("GET", "licenses?family=virtuozzo", "", &licenses)
	require.Len(t, licenses, 5)
	licenses = nil
	control("GET", "licenses?family=virtuozzo&environment=test", "", &licenses)
	require.Len(t, licenses, 4)

	var dialect struct{ Dialect string }
	control("PUT", "dialect", `{"dialect":"list:data"}`, &dialect)
	control("GET", "dialect", "", &dialect)
	require.Equal(t, "list:data", dialect.Dialect)
	require.Contains(t, c.get("license/plesk").body, `{"data":[`)

	control("DELETE", "tokens", "", new(struct{}))
	require.Equal(t, 401, c.get("license/plesk").status)
	control("DELETE", "journal", "", &counts)
	require.Empty(t, c.sandbox.Requests())

	var failure struct{ Error string }
	for _, row := range []struct{ method, path, body, part string }{
		{"POST", "faults", `{"faults":"order explode"}`, "explode"},
		{"POST", "faults", `{"fault":"order drop"}`, "unknown field"},
		{"POST", "faults", "order drop", "invalid character"},
		{"PUT", "dialect", `{"dialect":"x"}`, "no set of that name"},
		{"GET", "licenses", "", "family"},
		{"GET", "licenses?family=plesk&environment=prod", "", "environment"},
	} {
		require.Equal(t, 400, control(row.method, row.path, row.body, &failure), row)
		require.Contains(t, failure.Error, row.part)
	}
}
