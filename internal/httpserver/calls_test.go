package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// TestNotificationsComeOnTheirOwnStreamBeforeTheAnswer: 300 calls of one session,
// eight at a time, each telling and then returning at once.
func TestNotificationsComeOnTheirOwnStreamBeforeTheAnswer(t *testing.T) {
	f := newFixture(t)
	session := f.session("2025-11-25", "{}")
	for _, modern := range []bool{false, true} {
		turns := make(chan struct{}, 8)
		var group sync.WaitGroup
		for i := range 300 {
			group.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				token := fmt.Sprint("call ", i)
				body, headers := call(i, "progress", `{"n":3,"token":"`+token+`"}`), session
				if modern {
					body, headers = modernCall(i, "progress", `{"n":3,"token":"`+token+`"}`)
				}
				got := f.post(body, headers...).messages(t)
				if len(got) != 4 || got[3].ID == nil {
					t.Errorf("%s: %d messages", token, len(got))
					return
				}
				for n, m := range got[:3] {
					if m.Params.ProgressToken != token || m.Params.Progress != float64(n) {
						t.Errorf("%s got %+v", token, m.Params)
					}
				}
			})
		}
		group.Wait()
	}
}

// TestAClientThatTakesNoEventsGetsItsAnswer, without what was said before.
func TestAClientThatTakesNoEventsGetsItsAnswer(t *testing.T) {
	f := newFixture(t)
	session := f.session("2025-11-25", `{"elicitation":{}}`)
	a := f.post(call(1, "progress", `{"n":3,"token":"x"}`), append(session, "Accept", "application/json")...)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Equal(t, "x", a.text(t))
	require.Equal(t, "false", f.post(call(1, "can", "{}"), append(session, "Accept", "application/json")...).text(t), "it cannot be asked")
	require.Contains(t, f.post(call(1, "ask", "{}"), append(session, "Accept", "application/json")...).text(t), "not asked")
}

// TestAskingAnOlderClient on the stream of the call that waits.
func TestAskingAnOlderClient(t *testing.T) {
	f := newFixture(t)
	session := f.session("2025-11-25", `{"elicitation":{}}`)
	other := f.session("2025-11-25", `{"elicitation":{}}`)
	for said, want := range map[string]string{
		`"result":{"action":"accept","content":{"typed":"yes"}}`: "accept",
		`"result":{"action":"decline"}`:                          "decline",
		`"error":{"code":-1,"message":"no person here"}`:         "no person here",
	} {
		_, stream, _ := f.open(http.MethodPost, "/mcp", call("a", "ask", "{}"), session...)
		_, question := event(t, stream)
		require.Contains(t, question, `"method":"elicitation/create"`)
		id := question[strings.Index(question, `"id":`)+5:]
		id = id[:strings.Index(id, ",")]
		answer := `{"jsonrpc":"2.0","id":` + id + `,` + said + `}`
		require.Equal(t, http.StatusAccepted, f.post(answer, other...).status, "another session's answer is nobody's")
		require.Equal(t, http.StatusAccepted, f.post(answer, session...).status)
		_, result := event(t, stream)
		require.Contains(t, result, want)
	}
	// One that never answers is waited for no longer than the handler wants.
	_, stream, _ := f.open(http.MethodPost, "/mcp", call("b", "ask", "{}"), session...)
	event(t, stream)
	_, result := event(t, stream)
	require.Contains(t, result, "deadline exceeded")
}

// TestReplicasAskNoOlderClient: its answer might reach another process.
func TestReplicasAskNoOlderClient(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Replicas = true })
	session := f.session("2025-11-25", `{"elicitation":{}}`)
	require.Equal(t, "false", f.post(call(1, "can", "{}"), session...).text(t))
	require.Contains(t, f.post(call(1, "ask", "{}"), session...).text(t), "not asked")
}

// TestAnotherReplicaTakesTheSession with the same key, and knows less.
func TestAnotherReplicaTakesTheSession(t *testing.T) {
	key := func(context.Context) ([]byte, error) { return []byte("0123456789abcdef0123456789abcdef"), nil }
	one := newFixture(t, func(o *Options) { o.Key = key })
	two := newFixture(t, func(o *Options) { o.Key = key })
	session := one.session("2025-11-25", `{"elicitation":{}}`)
	require.Equal(t, "true", one.post(call(1, "can", "{}"), session...).text(t))
	require.Equal(t, "false", two.post(call(1, "can", "{}"), session...).text(t))
	stranger := newFixture(t)
	require.Equal(t, http.StatusNotFound, stranger.post(ping, session...).status)

	// An end at one is told to the other.
	var mu sync.Mutex
	ended := map[string]time.Time{}
	share := func(o *Options) {
		o.Key = key
		o.EndSession = func(_ context.Context, id string, until time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			ended[operations.SessionDigest(id)] = until
			return nil
		}
		o.EndedSessions = func(context.Context) (map[string]time.Time, error) {
			mu.Lock()
			defer mu.Unlock()
			copied := map[string]time.Time{}
			for d, until := range ended {
				copied[d] = until
			}
			return copied, nil
		}
	}
	one, two = newFixture(t, share), newFixture(t, share)
	session = one.session("2025-11-25", "{}")
	require.Equal(t, http.StatusOK, two.post(ping, session...).status)
	require.Equal(t, http.StatusNoContent, one.do(http.MethodDelete, "/mcp", "", session...).status)
	require.Equal(t, http.StatusNotFound, one.post(ping, session...).status)
	two.tidy()
	require.Equal(t, http.StatusNotFound, two.post(ping, session...).status)
}

// TestAKeyThatCannotBeHadLeavesIDsOfThisProcess, and is asked for again.
func TestAKeyThatCannotBeHadLeavesIDsOfThisProcess(t *testing.T) {
	asked, broken := 0, true
	f := newFixture(t, func(o *Options) {
		o.Key = func(context.Context) ([]byte, error) {
			if asked++; broken {
				return nil, errors.New("no ledger")
			}
			return []byte("0123456789abcdef0123456789abcdef"), nil
		}
	})
	session := f.session("2025-11-25", "{}")
	require.Equal(t, http.StatusOK, f.post(ping, session...).status)
	require.Equal(t, 1, asked, "not with every request")
	broken = false
	f.clock.move(time.Minute)
	require.Equal(t, http.StatusOK, f.post(ping, session...).status, "an id from before stays good")
	require.Equal(t, 2, asked)
}

// TestCancelling ends the context of the call that is named, and of no other.
func TestCancelling(t *testing.T) {
	f := newFixture(t)
	session, other := f.session("2025-11-25", "{}"), f.session("2025-11-25", "{}")
	answered := make(chan answer, 1)
	go func() { answered <- f.post(call("x", "hold", "{}"), session...) }()
	<-f.began
	cancelled := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}`
	require.Equal(t, http.StatusAccepted, f.post(cancelled, other...).status)
	require.Equal(t, http.StatusAccepted, f.post(strings.Replace(cancelled, `"x"`, `"y"`, 1), session...).status)
	select {
	case <-f.ended:
		t.Fatal("somebody else's cancelling ended it")
	default:
	}
	require.Equal(t, http.StatusAccepted, f.post(cancelled, session...).status)
	require.ErrorIs(t, <-f.ended, context.Canceled)
	<-answered
}

// TestAClientThatGoesEndsItsCalls over /mcp of both eras, and over SSE.
func TestAClientThatGoesEndsItsCalls(t *testing.T) {
	f := newFixture(t)
	session := f.session("2025-11-25", "{}")
	modern, headers := modernCall(1, "hold", "{}")
	for _, try := range []struct {
		body    string
		headers []string
	}{{call(1, "hold", "{}"), session}, {modern, headers}} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			response, err := http.DefaultClient.Do(f.request(ctx, http.MethodPost, "/mcp", try.body, try.headers...))
			if err == nil {
				response.Body.Close()
			}
		}()
		<-f.began
		cancel()
		require.ErrorIs(t, <-f.ended, context.Canceled)
	}
	_, stream, stop := f.open(http.MethodGet, "/sse", "")
	_, where := event(t, stream)
	require.Equal(t, http.StatusAccepted, f.do(http.MethodPost, where, hello("2024-11-05", "{}")).status)
	_, greeted := event(t, stream)
	require.Contains(t, greeted, "2024-11-05")
	require.Equal(t, http.StatusAccepted, f.do(http.MethodPost, where, call(2, "hold", "{}")).status)
	<-f.began
	stop()
	require.ErrorIs(t, <-f.ended, context.Canceled)
	require.Eventually(t, func() bool { return f.do(http.MethodPost, where, ping).status == http.StatusNotFound }, 5*time.Second, time.Millisecond)
}

// TestStopping: what runs is answered, streams end, and nothing begins.
func TestStopping(t *testing.T) {
	f := newUnserved(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.url = "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- f.Serve(ctx, listener, 10*time.Second) }()

	session := f.session("2025-11-25", "{}")
	_, events, _ := f.open(http.MethodGet, "/mcp", "", session...)
	_, older, _ := f.open(http.MethodGet, "/sse", "")
	_, where := event(t, older)
	listen := `{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + modernMeta + `}}`
	_, listening, _ := f.open(http.MethodPost, "/mcp", listen, modernHeaders("subscriptions/listen")...)
	_, acknowledged := event(t, listening)
	require.Contains(t, acknowledged, "acknowledged")
	require.Contains(t, acknowledged, `"io.modelcontextprotocol/subscriptionId":7`)

	answered := make(chan answer, 2)
	go func() { answered <- f.post(call(1, "hold", "{}"), session...) }()
	modern, headers := modernCall(1, "hold", "{}")
	go func() { answered <- f.post(modern, headers...) }()
	f.do(http.MethodPost, where, hello("2024-11-05", "{}"))
	event(t, older)
	f.do(http.MethodPost, where, call(2, "hold", "{}"))
	for range 3 {
		<-f.began
	}
	stop()
	require.Eventually(t, f.stopping.Load, 5*time.Second, time.Millisecond)
	_, err = events.ReadString('!')
	require.Error(t, err, "the stream ends")
	_, result := event(t, listening)
	require.Contains(t, result, `"id":7`, "a listen stream ends with its result")
	_, err = http.Post(f.url+"/mcp", "application/json", strings.NewReader(ping))
	require.Error(t, err, "nobody listens any more")
	for range 3 {
		f.proceed <- struct{}{}
	}
	for range 2 {
		require.Equal(t, "held", (<-answered).text(t))
	}
	_, last := event(t, older)
	require.Contains(t, last, "held")
	require.NoError(t, <-served)
	require.Zero(t, f.Sessions())
}

// TestSubscriptions to a resource, in both eras: only to what can be watched.
func TestSubscriptions(t *testing.T) {
	var mu sync.Mutex
	watched := map[string]func(){}
	f := newFixture(t, func(o *Options) {
		o.Watch = func(_ context.Context, uri string, changed func()) (func(), error) {
			if uri != "test://thing" {
				return nil, errors.New("cannot be watched")
			}
			mu.Lock()
			defer mu.Unlock()
			watched[fmt.Sprint(len(watched))] = changed
			return func() {}, nil
		}
	})
	tell := func(n int) {
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(watched) > n }, 5*time.Second, time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		watched[fmt.Sprint(n)]()
	}
	session := f.session("2025-11-25", "{}")
	_, stream, _ := f.open(http.MethodGet, "/mcp", "", session...)
	require.NotContains(t, f.post(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://thing"}}`, session...).body, "error")
	require.Contains(t, f.post(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://other"}}`, session...).body, "-32002")
	tell(0)
	_, updated := event(t, stream)
	require.JSONEq(t, `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://thing"}}`, updated)

	listen := `{"jsonrpc":"2.0","id":"s","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://thing"]},` + modernMeta + `}}`
	_, listening, _ := f.open(http.MethodPost, "/mcp", listen, modernHeaders("subscriptions/listen")...)
	event(t, listening)
	tell(1)
	_, updated = event(t, listening)
	require.Contains(t, updated, `"uri":"test://thing"`)
	require.Contains(t, updated, `"io.modelcontextprotocol/subscriptionId":"s"`)
}

// TestBodies: too long, cut off, no JSON, and headers too many.
func TestBodies(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.MaxBody = 1000 })
	session := f.session("2025-11-25", "{}")
	require.Equal(t, http.StatusRequestEntityTooLarge, f.post(call(1, "echo", `{"a":"`+strings.Repeat("x", 1000)+`"}`), session...).status)
	for body, code := range map[string]int{"": mcp.PARSE_ERROR, "{": mcp.PARSE_ERROR, "[]": mcp.INVALID_REQUEST, "1": mcp.INVALID_REQUEST, `{"jsonrpc":"1.0","id":1,"method":"ping"}`: mcp.INVALID_REQUEST} {
		a := f.post(body, session...)
		require.Equal(t, http.StatusBadRequest, a.status, body)
		require.Equal(t, code, a.messages(t)[0].Error.Code, body)
	}
	require.Equal(t, http.StatusOK, f.post(ping, session...).status)
}

// TestEraMismatch: a header of an older version on a message of 2026-07-28, as
// one connector sends it.
func TestEraMismatch(t *testing.T) {
	body, headers := modernCall(1, "echo", `{"a":1}`)
	for _, older := range []string{"2025-11-25", ""} {
		mixed := append([]string{}, headers...)
		mixed[1] = older
		f := newFixture(t)
		a := f.post(body, mixed...)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, mcp.HEADER_MISMATCH, a.messages(t)[0].Error.Code)
		f = newFixture(t, func(o *Options) { o.RepairProtocolHeader = true })
		require.Equal(t, `{"a":1}`, f.post(body, mixed...).text(t))
		require.Equal(t, `{"a":1}`, f.post(body, mcp.HeaderProtocolVersion, older).text(t), "without the headers of its version too")
	}
}

// TestLimits of one caller on requests under way and streams.
func TestLimits(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.CallsInFlight, o.StreamsPerCaller = 2, 1 })
	session := f.session("2025-11-25", "{}")
	answered := make(chan answer, 2)
	for i := range 2 {
		go func() { answered <- f.post(call(i, "hold", "{}"), session...) }()
		<-f.began
	}
	a := f.post(ping, session...)
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	for range 2 {
		f.proceed <- struct{}{}
		require.Equal(t, "held", (<-answered).text(t))
	}
	require.Equal(t, http.StatusOK, f.post(ping, session...).status)

	// A call over HTTP+SSE is one of them, and what is refused leaves nothing.
	_, stream, stop := f.open(http.MethodGet, "/sse", "")
	_, where := event(t, stream)
	say := func(message string) {
		require.Equal(t, http.StatusAccepted, f.do(http.MethodPost, where, message).status)
	}
	say(hello("2024-11-05", "{}"))
	event(t, stream)
	go func() { answered <- f.post(call(1, "hold", "{}"), session...) }()
	<-f.began
	say(call(2, "hold", "{}"))
	<-f.began
	say(call(3, "hold", "{}"))
	_, refused := event(t, stream)
	require.Contains(t, refused, "too many requests are under way; nothing was done")
	for range 2 {
		f.proceed <- struct{}{}
	}
	<-answered
	_, held := event(t, stream)
	require.Contains(t, held, `"id":2`)
	say(call(4, "echo", "{}"))
	_, last := event(t, stream)
	require.Contains(t, last, `"id":4`)
	stop()

	require.Eventually(t, func() bool { return f.Sessions() == 1 }, 5*time.Second, time.Millisecond)
	f.open(http.MethodGet, "/mcp", "", session...)
	require.Equal(t, http.StatusTooManyRequests, f.do(http.MethodGet, "/sse", "").status)

	var l limits
	now := f.clock.Now()
	for range 20 {
		_, ok := l.take("ann", 10, now)
		require.True(t, ok, "a burst of twice the rate")
	}
	wait, ok := l.take("ann", 10, now)
	require.False(t, ok)
	require.Positive(t, wait)
	_, ok = l.take("bob", 10, now)
	require.True(t, ok, "another caller has a rate of its own")
	_, ok = l.take("ann", 10, now.Add(wait))
	require.True(t, ok)
}

// FuzzMessages sends anything to every endpoint: the server answers, and lives.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{ping, hello("2025-11-25", "{}"), call(1, "echo", "{}"), "[" + ping + "]", "[1]", `{"jsonrpc":"2.0","id":null}`, `{"jsonrpc":"2.0","id":"server-1","result":{}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`} {
		f.Add(seed, "2025-11-25", "application/json")
		f.Add(seed, "2026-07-28", "application/json, text/event-stream")
		f.Add(seed, "", "*/*")
	}
	f.Fuzz(func(t *testing.T, body, version, accept string) {
		if strings.ContainsAny(version+accept, "\r\n\x00") || strings.Contains(body, "subscriptions/listen") || strings.Contains(body, `"hold"`) {
			t.Skip()
		}
		fixture := newFixture(t)
		session := fixture.session("2025-03-26", "{}")
		_, stream, stop := fixture.open(http.MethodGet, "/sse", "")
		defer stop()
		_, where := event(t, stream)
		go func() { _, _ = io.Copy(io.Discard, stream) }() // ends with the stream
		for _, headers := range [][]string{{sessionHeader, session[1]}, {sessionHeader, ""}} {
			for _, path := range []string{"/mcp", where, "/message?sessionId=x", "/sse"} {
				r := fixture.request(t.Context(), http.MethodPost, path, body, headers...)
				r.Header["Mcp-Protocol-Version"] = []string{version}
				r.Header["Accept"] = []string{accept}
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					if strings.Contains(err.Error(), "invalid header") {
						t.Skip()
					}
					t.Fatal(err)
				}
				response.Body.Close()
				require.Less(t, response.StatusCode, 500)
			}
		}
		require.Equal(t, http.StatusOK, fixture.post(ping, session...).status)
	})
}
