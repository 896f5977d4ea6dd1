package websoftsolus_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "5355d07c0d23f24de2d1d61a2c3e32090548b0df7"

// server is an API that a test scripts: tokens work, and everything else is the
// test's handler.
type server struct {
	*httptest.Server
	tokens   atomic.Int32
	requests atomic.Int32 // other than for tokens
	token    func(w http.ResponseWriter, r *http.Request)
}

func serve(t testing.TB, handler http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/access/token" {
			n := s.tokens.Add(1)
			if s.token != nil {
				s.token(w, r)
				return
			}
			fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":3600,"token_type":"Bearer"}`, n)
			return
		}
		s.requests.Add(1)
		handler(w, r)
	}))
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// client is a client of the server whose pauses take no time and are kept.
func (s *server) client(t testing.TB) (*websoftsolus.Client, *[]time.Duration) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	var mu sync.Mutex
	var slept []time.Duration
	return &websoftsolus.Client{
		BaseURL: s.URL, Login: "user@example.com", Secret: secret, UserAgent: "test/1", Transport: transport,
		Sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			slept = append(slept, d)
			return ctx.Err()
		},
		Jitter: func(d time.Duration) time.Duration { return d },
	}, &slept
}

func failure(t testing.TB, err error) *websoftsolus.Error {
	t.Helper()
	var e *websoftsolus.Error
	require.ErrorAs(t, err, &e)
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, err.Error(), "token-")
	return e
}

// writes are the three writes, by name.
var writes = map[string]func(context.Context, *websoftsolus.Client) (*websoftsolus.Receipt, error){
	"order": func(ctx context.Context, c *websoftsolus.Client) (*websoftsolus.Receipt, error) {
		return c.Order(ctx, websoftsolus.Plesk, url.Values{"product": {"P"}})
	},
	"edit": func(ctx context.Context, c *websoftsolus.Client) (*websoftsolus.Receipt, error) {
		return c.Edit(ctx, websoftsolus.Plesk, "PLSK.02980001", "t", "")
	},
	"terminate": func(ctx context.Context, c *websoftsolus.Client) (*websoftsolus.Receipt, error) {
		return c.Terminate(ctx, websoftsolus.Plesk, "PLSK.02980001")
	},
}

func TestRequestsOnTheWire(t *testing.T) {
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseForm())
		got = append(got, fmt.Sprintf("%s %s %q %s", r.Method, r.URL.RequestURI(), r.PostForm.Encode(), r.Header.Get("Content-Type")))
		require.Equal(t, "Bearer token-1", r.Header.Get("Authorization"))
		require.Equal(t, "test/1", r.Header.Get("User-Agent"))
		fmt.Fprint(w, `[]`)
	})
	s.token = func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "POST", r.Method)
		require.Empty(t, r.URL.RawQuery, "the secret is never in a URL")
		require.NoError(t, r.ParseForm())
		require.Equal(t, url.Values{"login": {"user@example.com"}, "secret": {secret}}, r.PostForm)
		fmt.Fprint(w, `{"access_token":"token-1","expires_in":"3600","token_type":"Bearer"}`)
	}
	c, _ := s.client(t)
	_, err := c.ListKeys(t.Context(), websoftsolus.CPanel)
	require.NoError(t, err)
	_, err = c.OrderableVersions(t.Context(), websoftsolus.Virtuozzo)
	require.NoError(t, err)
	_, _ = c.GetLicense(t.Context(), websoftsolus.CPanel, "2001:db8::1")
	_, err = c.Order(t.Context(), websoftsolus.CPanel, url.Values{"comment": {""}, "addons[0]": {"CLOUDLINUX"}})
	require.NoError(t, err)
	_, err = c.Edit(t.Context(), websoftsolus.Plesk, "PLSK.02980001", "a b&c", "")
	require.NoError(t, err)
	_, err = c.Terminate(t.Context(), websoftsolus.Plesk, "PLSK.02980001")
	require.NoError(t, err)
	require.Equal(t, []string{
		`GET /license/cpanel "" `,
		`GET /license/virtuozzo/order "" `,
		`GET /license/cpanel/2001:db8::1 "" `,
		`POST /license/cpanel/order "addons%5B0%5D=CLOUDLINUX&comment=" application/x-www-form-urlencoded`,
		`PUT /license/plesk/PLSK.02980001 "comment=&title=a+b%26c" application/x-www-form-urlencoded`,
		`DELETE /license/plesk/PLSK.02980001 "" `,
	}, got)
}

func TestNothingIsSentForWhatMustNotBeInAPath(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c, _ := s.client(t)
	for _, key := range []string{"", "order", "Order", "../x", "a/b", "a?b", "a b", "a%2e"} {
		_, err := c.Terminate(t.Context(), websoftsolus.Plesk, key)
		require.Equal(t, websoftsolus.InvalidKey, failure(t, err).Kind, key)
		_, err = c.Edit(t.Context(), websoftsolus.Plesk, key, "t", "")
		require.Equal(t, websoftsolus.InvalidKey, failure(t, err).Kind, key)
		_, err = c.GetLicense(t.Context(), websoftsolus.Plesk, key)
		require.Equal(t, websoftsolus.InvalidKey, failure(t, err).Kind, key)
	}
	_, err := c.ListKeys(t.Context(), "directadmin")
	failure(t, err)
	_, err = c.Order(t.Context(), "../access", url.Values{})
	failure(t, err)
	require.Zero(t, s.tokens.Load()+s.requests.Load())
}

func TestNotConfiguredSendsNothing(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c, _ := s.client(t)
	c.Secret = ""
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.Equal(t, websoftsolus.NotConfigured, failure(t, err).Kind)
	for name, write := range writes {
		_, err := write(t.Context(), c)
		require.Equal(t, websoftsolus.NotConfigured, failure(t, err).Kind, name)
	}
	require.Zero(t, s.tokens.Load()+s.requests.Load())
}

func TestAHundredCallersShareOneToken(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[]`) })
	c, _ := s.client(t)
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
			require.NoError(t, err)
		})
	}
	group.Wait()
	require.EqualValues(t, 1, s.tokens.Load())
}

func TestACallerWhoLeavesFreesItselfAndNotTheToken(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[]`) })
	s.token = func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		fmt.Fprint(w, `{"access_token":"token-1"}`)
	}
	c, _ := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := c.ListKeys(ctx, websoftsolus.Plesk)
		first <- err
	}()
	<-asked
	cancel()
	require.Equal(t, websoftsolus.Canceled, failure(t, <-first).Kind)
	close(release)
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.tokens.Load())
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `[]`) })
	c, _ := s.client(t)
	c.Now = func() time.Time { return now }
	list := func() {
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.NoError(t, err)
	}
	list()
	now = now.Add(3600*time.Second - 11*time.Second)
	list()
	require.EqualValues(t, 1, s.tokens.Load(), "good for a read")
	_, err := writes["edit"](t.Context(), c)
	require.NoError(t, err)
	require.EqualValues(t, 2, s.tokens.Load(), "made fresh for a write")
	now = now.Add(3600*time.Second - 9*time.Second)
	list()
	require.EqualValues(t, 3, s.tokens.Load())
}

func TestACleanUnauthorizedRenewsTheTokenOnceOnARead(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `["a"]`)
	})
	c, _ := s.client(t)
	keys, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, keys)
	require.EqualValues(t, 2, s.tokens.Load())

	s = serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	c, _ = s.client(t)
	_, err = c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.Equal(t, websoftsolus.Unauthorized, failure(t, err).Kind)
	require.EqualValues(t, 2, s.requests.Load(), "once, not for ever")
}

func TestUnauthorizedOnAWriteIsARejection(t *testing.T) {
	for name, write := range writes {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		c, _ := s.client(t)
		_, err := write(t.Context(), c)
		e := failure(t, err)
		require.Equal(t, websoftsolus.Unauthorized, e.Kind, name)
		require.Equal(t, websoftsolus.NotDone, e.Outcome, name)
		require.EqualValues(t, 1, s.requests.Load(), name)
	}
}

func TestWrongCredentialsNeverShowTheSecret(t *testing.T) {
	for _, status := range []int{400, 401, 403} {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		s.token = func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, `{"error":"no account for %s (%s)"}`, body, secret)
		}
		c, _ := s.client(t)
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		e := failure(t, err)
		require.Equal(t, websoftsolus.Unauthorized, e.Kind)
		require.NotContains(t, e.Message, secret)
		require.Zero(t, s.requests.Load())
	}
}

func TestReadsAreRepeatedOnWhatMayPass(t *testing.T) {
	for status, attempts := range map[int]int32{429: 4, 502: 4, 503: 4, 504: 4, 500: 1, 501: 1, 400: 1, 403: 1, 422: 1} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		c, slept := s.client(t)
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.Equal(t, websoftsolus.NotDone, failure(t, err).Outcome, status)
		require.Equal(t, attempts, s.requests.Load(), status)
		require.Len(t, *slept, int(attempts)-1, status)
		for i := 1; i < len(*slept); i++ {
			require.Greater(t, (*slept)[i], (*slept)[i-1], "pauses grow")
		}
	}
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `["a"`)
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, `["a"]`)
		}
	})
	c, _ := s.client(t)
	keys, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, keys)
}

func TestRetryAfterIsHonoured(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second,
		now.Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second,
	} {
		var n atomic.Int32
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) == 1 {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			fmt.Fprint(w, `[]`)
		})
		c, slept := s.client(t)
		c.Now = func() time.Time { return now }
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{want}, *slept)
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	c, slept := s.client(t)
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	e := failure(t, err)
	require.Equal(t, websoftsolus.RateLimited, e.Kind)
	require.Equal(t, time.Hour, e.RetryAfter, "a long wait is the caller's")
	require.Empty(t, *slept)
}

// TestWritesAreSentOnceWhateverHappens holds every way in which a write can go
// wrong to one request, and to the right outcome.
func TestWritesAreSentOnceWhateverHappens(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	abort := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}
	reset := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}
	redirect := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/license/plesk")
			w.WriteHeader(code)
		}
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		kind    websoftsolus.ErrorKind
		outcome websoftsolus.Outcome
	}{
		"400":               {status(400), websoftsolus.Rejected, websoftsolus.NotDone},
		"403":               {status(403), websoftsolus.Unauthorized, websoftsolus.NotDone},
		"404":               {status(404), websoftsolus.NotFound, websoftsolus.NotDone},
		"405":               {status(405), websoftsolus.Rejected, websoftsolus.NotDone},
		"409":               {status(409), websoftsolus.Rejected, websoftsolus.NotDone},
		"422":               {status(422), websoftsolus.Rejected, websoftsolus.NotDone},
		"429":               {status(429), websoftsolus.RateLimited, websoftsolus.NotDone},
		"408":               {status(408), websoftsolus.Rejected, websoftsolus.Unknown},
		"499":               {status(499), websoftsolus.Rejected, websoftsolus.Unknown},
		"500":               {status(500), websoftsolus.Unavailable, websoftsolus.Unknown},
		"502":               {status(502), websoftsolus.Unavailable, websoftsolus.Unknown},
		"503":               {status(503), websoftsolus.Unavailable, websoftsolus.Unknown},
		"504":               {status(504), websoftsolus.Unavailable, websoftsolus.Unknown},
		"301":               {redirect(301), websoftsolus.Redirected, websoftsolus.Unknown},
		"302":               {redirect(302), websoftsolus.Redirected, websoftsolus.Unknown},
		"303":               {redirect(303), websoftsolus.Redirected, websoftsolus.Unknown},
		"307":               {redirect(307), websoftsolus.Redirected, websoftsolus.Unknown},
		"308":               {redirect(308), websoftsolus.Redirected, websoftsolus.Unknown},
		"closed unanswered": {abort, websoftsolus.Network, websoftsolus.Unknown},
		"reset":             {reset, websoftsolus.Network, websoftsolus.Unknown},
		"broken body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"succ`)
		}, websoftsolus.Network, websoftsolus.Unknown},
		"half a body": {body(`{"succ`), websoftsolus.Unreadable, websoftsolus.Unknown},
		"HTML":        {body(`<html><title>Login</title></html>`), websoftsolus.Unreadable, websoftsolus.Unknown},
		"oversized":   {body(`{"success":true}` + strings.Repeat(" ", 9<<20)), websoftsolus.Unreadable, websoftsolus.Unknown},
		"too deep":    {body(strings.Repeat("[", 100) + strings.Repeat("]", 100)), websoftsolus.Unreadable, websoftsolus.Unknown},
		"an error":    {body(`{"success":false,"message":"no"}`), websoftsolus.Rejected, websoftsolus.NotDone},
	} {
		for writeName, write := range writes {
			s := serve(t, row.handler)
			c, slept := s.client(t)
			// a connection that was used before is the one net/http would send on again
			_, _ = c.ListKeys(t.Context(), websoftsolus.Plesk)
			s.requests.Store(0)
			*slept = nil
			_, err := write(t.Context(), c)
			e := failure(t, err)
			require.Equal(t, row.outcome, e.Outcome, "%s %s: %v", writeName, name, err)
			require.Equal(t, row.kind, e.Kind, "%s %s: %v", writeName, name, err)
			require.EqualValues(t, 1, s.requests.Load(), "%s %s", writeName, name)
			require.Empty(t, *slept)
		}
	}
}

func TestAWriteThatNeverLeftIsNotDone(t *testing.T) {
	for name, write := range writes {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[]`) })
		c, _ := s.client(t)
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.NoError(t, err)
		s.Close()
		c.Transport.(*http.Transport).CloseIdleConnections()
		_, err = write(t.Context(), c)
		e := failure(t, err)
		require.Equal(t, websoftsolus.Network, e.Kind, name)
		require.Equal(t, websoftsolus.NotDone, e.Outcome, "no connection: %s", name)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = write(ctx, c)
		require.Equal(t, websoftsolus.NotDone, failure(t, err).Outcome, "left before it began: %s", name)
	}
}

func TestATimeoutOfAWriteIsUnknown(t *testing.T) {
	for name, write := range writes {
		release := make(chan struct{})
		s := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
		c, _ := s.client(t)
		c.Timeout = 50 * time.Millisecond
		_, err := write(t.Context(), c)
		e := failure(t, err)
		require.Equal(t, websoftsolus.Unknown, e.Outcome, name)
		require.Equal(t, websoftsolus.Network, e.Kind, name)
		require.EqualValues(t, 1, s.requests.Load(), name)

		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		c, _ = s.client(t)
		_, err = write(ctx, c)
		cancel()
		require.Equal(t, websoftsolus.Unknown, failure(t, err).Outcome, name)
		close(release)
	}
}

func TestRedirectsOfAReadStayOnTheServer(t *testing.T) {
	var elsewhere atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		fmt.Fprint(w, `["stolen"]`)
	}))
	defer stranger.Close()
	to := ""
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/license/plesk" && to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		require.Equal(t, "Bearer token-1", r.Header.Get("Authorization"))
		fmt.Fprint(w, `["a"]`)
	})
	c, _ := s.client(t)
	to = "/license/moved"
	keys, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, keys)
	for _, to = range []string{stranger.URL + "/license/plesk", strings.Replace(s.URL, "http://", "https://", 1) + "/x", strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/x", "/license/plesk"} {
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.Equal(t, websoftsolus.Redirected, failure(t, err).Kind, to)
	}
	require.Zero(t, elsewhere.Load())
}

func TestConcurrencyIsBounded(t *testing.T) {
	var now, most atomic.Int32
	entered, release := make(chan struct{}, 100), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer now.Add(-1)
		n := now.Add(1)
		for before := most.Load(); n > before && !most.CompareAndSwap(before, n); before = most.Load() {
		}
		entered <- struct{}{}
		<-release
		fmt.Fprint(w, `[]`)
	})
	c, _ := s.client(t)
	c.MaxConcurrency = 3
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
			require.NoError(t, err)
		})
	}
	for range 3 {
		<-entered
	}
	close(release)
	group.Wait()
	require.EqualValues(t, 3, most.Load())
}

func TestConnectionsAreReused(t *testing.T) {
	var connections atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[]`) })
	c, _ := s.client(t)
	transport := c.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		return dial(ctx, network, address)
	}
	for range 50 {
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, connections.Load())
}

func TestHTTP2WhereItIsOffered(t *testing.T) {
	var protocols sync.Map
	tls := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols.Store(r.Proto, true)
		if r.URL.Path == "/access/token" {
			fmt.Fprint(w, `{"access_token":"t"}`)
			return
		}
		fmt.Fprint(w, `["a"]`)
	}))
	tls.EnableHTTP2 = true
	tls.StartTLS()
	defer tls.Close()
	c := &websoftsolus.Client{BaseURL: tls.URL, Login: "l", Secret: secret, Transport: tls.Client().Transport}
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.NoError(t, err)
	_, h2 := protocols.Load("HTTP/2.0")
	_, h1 := protocols.Load("HTTP/1.1")
	require.True(t, h2)
	require.False(t, h1)

	own := &websoftsolus.Client{BaseURL: tls.URL, Login: "l", Secret: secret, Sleep: func(context.Context, time.Duration) error { return nil }}
	_, err = own.ListKeys(t.Context(), websoftsolus.Plesk)
	require.ErrorContains(t, err, "certificate", "TLS is always verified")
}

func TestAnswersAreLimited(t *testing.T) {
	bomb := func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(`["a",`))
		_, _ = z.Write(bytes.Repeat([]byte(" "), 64<<20))
		_ = z.Close()
		return b.Bytes()
	}()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Contains(t, r.Header.Get("Accept-Encoding"), "gzip")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
	c, _ := s.client(t)
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.Equal(t, websoftsolus.Unreadable, failure(t, err).Kind)
	require.ErrorContains(t, err, "larger than 8 MiB")
	require.EqualValues(t, 1, s.requests.Load())
}

func TestAnEmptyListMayBeA404AndAWrongURLIsNot(t *testing.T) {
	body := ""
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, body)
	})
	c, _ := s.client(t)
	for _, body = range []string{"", `{"error":"no licences"}`, "none"} {
		keys, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.NoError(t, err, body)
		require.Empty(t, keys)
	}
	body = "<html><title>404 Not Found</title></html>"
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.Equal(t, websoftsolus.NotFound, failure(t, err).Kind)
}

func TestTheLongFormOfAPleskKeyFindsItsLicence(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/license/plesk/PLSK.02980001" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"keyNumber":"PLSK.02980001.0000","title":"t"}`)
	})
	c, _ := s.client(t)
	l, err := c.GetLicense(t.Context(), websoftsolus.Plesk, "PLSK.02980001.0000")
	require.NoError(t, err)
	require.Equal(t, "PLSK.02980001", l.KeyNumber)
	require.Equal(t, "PLSK.02980001.0000", l.NamedKey)
	require.EqualValues(t, 2, s.requests.Load())
	for _, key := range []string{"PLSK.02980002.0000", "PLSK.02980002"} {
		_, err = c.GetLicense(t.Context(), websoftsolus.Plesk, key)
		require.Equal(t, websoftsolus.NotFound, failure(t, err).Kind)
		require.ErrorContains(t, err, key)
	}
}

func TestAttemptsAreObservedWithoutTheirValues(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"keyNumber":"PLSK.02980001"}`)
	})
	c, _ := s.client(t)
	var seen []string
	c.Observe = func(_ context.Context, a websoftsolus.Attempt) {
		seen = append(seen, fmt.Sprintf("%s %s %d %d %s", a.Method, a.Endpoint, a.Number, a.Status, a.Kind))
		require.Positive(t, a.Took)
	}
	_, err := c.GetLicense(t.Context(), websoftsolus.Plesk, "PLSK.02980001")
	require.NoError(t, err)
	require.Equal(t, []string{
		"POST /access/token 1 200 ",
		"GET /license/{family}/{keyNumber} 1 503 unavailable",
		"GET /license/{family}/{keyNumber} 2 200 ",
	}, seen)
}

func TestACallerWhoLeavesEndsTheRetries(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	c, _ := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.Sleep = func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}
	_, err := c.ListKeys(ctx, websoftsolus.Plesk)
	require.Equal(t, websoftsolus.Canceled, failure(t, err).Kind)
	require.True(t, errors.Is(err, context.Canceled))
	require.EqualValues(t, 1, s.requests.Load())
}

func BenchmarkGetLicense(b *testing.B) {
	s := serve(b, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"keyNumber":"PLSK.02980001","title":"web 1","comment":"","product":"PLESK_12_WEB_HOST","status":"active","period":"12"}`)
	})
	c, _ := s.client(b)
	b.Run("client", func(b *testing.B) {
		for b.Loop() {
			_, err := c.GetLicense(b.Context(), websoftsolus.Plesk, "PLSK.02980001")
			require.NoError(b, err)
		}
	})
	b.Run("raw", func(b *testing.B) {
		raw := &http.Client{Transport: c.Transport}
		for b.Loop() {
			response, err := raw.Get(s.URL + "/license/plesk/PLSK.02980001")
			require.NoError(b, err)
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	})
}
