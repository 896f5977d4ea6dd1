package httpserver

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
)

// TestSessionLifecycle: a session is needed, can be used, and is gone for good
// when it was ended, with its streams.
func TestSessionLifecycle(t *testing.T) {
	f := newFixture(t)
	require.Equal(t, http.StatusBadRequest, f.post(ping).status, "no session")
	session := f.session("2025-11-25", "{}")
	require.Equal(t, http.StatusAccepted, f.post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`, session...).status)
	require.Equal(t, `{"a":1}`, f.post(call(1, "echo", `{"a":1}`), session...).text(t))
	require.Equal(t, 1, f.Sessions())
	response, stream, _ := f.open(http.MethodGet, "/mcp", "", session...)
	require.Equal(t, http.StatusOK, response.StatusCode)

	require.Equal(t, http.StatusNoContent, f.do(http.MethodDelete, "/mcp", "", session...).status)
	_, err := io.ReadAll(stream)
	require.NoError(t, err, "the stream ends well")
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		a := f.do(method, "/mcp", ping, session...)
		require.Equal(t, http.StatusNotFound, a.status, "%s: %s", method, a.body)
	}
	require.Equal(t, 0, f.Sessions())
	require.Equal(t, http.StatusOK, f.post(hello("2025-11-25", "{}"), session...).status, "a new one can be had")
	require.Equal(t, http.StatusBadRequest, f.post(ping, append(session, mcp.HeaderProtocolVersion, "2024-01-01")...).status, "a version that there is not")
}

// TestForeignSessionIDs: an id that was not given out to the caller is none,
// whatever is wrong with it.
func TestForeignSessionIDs(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.Authenticate = func(_ http.ResponseWriter, r *http.Request) (*callers.Caller, bool) {
			return &callers.Caller{Name: r.Header.Get("X-Caller")}, true
		}
	})
	other := newFixture(t)
	session := f.session("2025-11-25", "{}", "X-Caller", "ann")
	id := session[1]
	require.Equal(t, http.StatusOK, f.post(ping, session...).status)
	wrong := map[string]string{
		"made up": "made-up", "shorter": id[:len(id)-1], "longer": id + "A", "padded": id + "==",
		"of another server": other.session("2025-11-25", "{}")[1], "spaces": " " + strings.Repeat("A", 60),
		"another alphabet": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 60))), "long": strings.Repeat("A", 10_000),
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range len(id) {
		next := alphabet[(strings.IndexByte(alphabet, id[i])+17)%len(alphabet)] // 17: no bit pattern survives in the last character's unused bits
		wrong[fmt.Sprintf("character %d altered", i)] = id[:i] + string(next) + id[i+1:]
	}
	for name, id := range wrong {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			a := f.do(method, "/mcp", ping, sessionHeader, id, "X-Caller", "ann")
			require.Equal(t, http.StatusNotFound, a.status, "%s %s: %s", name, method, a.body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		require.Equal(t, http.StatusNotFound, f.do(method, "/mcp", ping, sessionHeader, id, "X-Caller", "bob").status, "another caller")
	}
	require.Equal(t, http.StatusOK, f.post(ping, session...).status, "nothing of that did it harm")
	require.Equal(t, 1, f.Sessions(), "what is not ours leaves nothing behind")
}

// TestForeignStreams: the message endpoint of a stream of HTTP+SSE takes what its
// own caller sends, and nobody else's, whoever knows its address.
func TestForeignStreams(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.Authenticate = func(_ http.ResponseWriter, r *http.Request) (*callers.Caller, bool) {
			return &callers.Caller{Name: r.Header.Get("X-Caller")}, true
		}
	})
	_, stream, _ := f.open(http.MethodGet, "/sse", "", "X-Caller", "ann")
	_, where := event(t, stream)
	require.Equal(t, http.StatusNotFound, f.do(http.MethodPost, where, call(1, "hold", "{}"), "X-Caller", "bob").status)
	require.Equal(t, http.StatusNotFound, f.do(http.MethodPost, where[:len(where)-1], ping, "X-Caller", "ann").status)
	require.Equal(t, http.StatusAccepted, f.do(http.MethodPost, where, hello("2024-11-05", "{}"), "X-Caller", "ann").status)
	_, answered := event(t, stream)
	require.Contains(t, answered, `"id":0`, "the first that is answered is the caller's own")
}

// TestSessionsAreForgottenAndTheirIDsStayGood: what is kept of an idle session
// goes, and comes back when the id is used. After a week the id is none any more,
// and neither is it remembered that it was ended.
func TestSessionsAreForgottenAndTheirIDsStayGood(t *testing.T) {
	f := newFixture(t)
	idle, busy := f.session("2025-11-25", `{"elicitation":{}}`), f.session("2025-11-25", `{"elicitation":{}}`)
	response, _, stop := f.open(http.MethodGet, "/mcp", "", busy...)
	require.Equal(t, http.StatusOK, response.StatusCode)
	for range 1000 {
		f.session("2025-11-25", "{}")
	}
	require.Equal(t, 1002, f.Sessions())
	f.clock.move(defaultSessionIdle + time.Second)
	f.tidy()
	require.Equal(t, 1, f.Sessions(), "the one with a stream")
	stop()
	require.Eventually(t, func() bool {
		f.sessions.mu.Lock()
		defer f.sessions.mu.Unlock()
		kept := f.sessions.byID[busy[1]]
		kept.mu.Lock()
		defer kept.mu.Unlock()
		return kept.under == 0
	}, 5*time.Second, time.Millisecond)
	f.tidy()
	require.Equal(t, 1, f.Sessions(), "it was used until just now")
	require.Equal(t, "true", f.post(call(1, "can", "{}"), busy...).text(t))

	require.Equal(t, "false", f.post(call(1, "can", "{}"), idle...).text(t), "what the client can do is forgotten")
	require.Equal(t, 2, f.Sessions())

	for range 100 {
		session := f.session("2025-11-25", "{}")
		require.Equal(t, http.StatusNoContent, f.do(http.MethodDelete, "/mcp", "", session...).status)
	}
	require.Len(t, f.sessions.dead, 100)
	f.clock.move(sessionLife - time.Second)
	f.tidy()
	require.Len(t, f.sessions.dead, 100)
	f.clock.move(2 * time.Second)
	f.tidy()
	require.Empty(t, f.sessions.dead)
	require.Equal(t, http.StatusNotFound, f.post(ping, idle...).status)
	require.Zero(t, f.Sessions())
}

// TestEndedSessionsAreBounded: a caller can have only so many remembered, and
// that costs no other caller anything.
func TestEndedSessionsAreBounded(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.Authenticate = func(_ http.ResponseWriter, r *http.Request) (*callers.Caller, bool) {
			return &callers.Caller{Name: r.Header.Get("X-Caller")}, true
		}
	})
	for i := range maxEnded {
		require.True(t, f.sessions.end(fmt.Sprint(i), "ann", f.clock.Now().Add(sessionLife)))
	}
	anns, bobs := f.session("2025-11-25", "{}", "X-Caller", "ann"), f.session("2025-11-25", "{}", "X-Caller", "bob")
	refused := f.do(http.MethodDelete, "/mcp", "", anns...)
	require.Equal(t, http.StatusTooManyRequests, refused.status, refused.body)
	require.Equal(t, http.StatusOK, f.post(ping, anns...).status, "it lives on")
	require.Equal(t, http.StatusNoContent, f.do(http.MethodDelete, "/mcp", "", bobs...).status)
	f.clock.move(sessionLife + time.Second)
	f.tidy()
	require.Empty(t, f.sessions.dead)
	require.Empty(t, f.sessions.endedBy)
}

// TestACallersSessionsAreBounded: of too many, the one that its caller has not
// used for longest is forgotten, never one in use and never another caller's.
func TestACallersSessionsAreBounded(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.SessionsPerCaller = 3
		o.Authenticate = func(_ http.ResponseWriter, r *http.Request) (*callers.Caller, bool) {
			return &callers.Caller{Name: r.Header.Get("X-Caller")}, true
		}
	})
	kept := func(session []string) bool {
		f.sessions.mu.Lock()
		defer f.sessions.mu.Unlock()
		return f.sessions.byID[session[1]] != nil
	}
	begin := func(caller string) []string { return f.session("2025-11-25", `{"elicitation":{}}`, "X-Caller", caller) }
	bobs := begin("bob")
	held, first, second := begin("ann"), begin("ann"), begin("ann")
	response, _, _ := f.open(http.MethodGet, "/mcp", "", held...)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, http.StatusOK, f.post(ping, first...).status)
	third := begin("ann")
	for name, c := range map[string]struct {
		session []string
		kept    bool
	}{"another caller's": {bobs, true}, "in use": {held, true}, "used since": {first, true}, "unused for longest": {second, false}, "new": {third, true}} {
		require.Equal(t, c.kept, kept(c.session), name)
	}
	require.Equal(t, 4, f.Sessions())
	require.Equal(t, "false", f.post(call(1, "can", "{}"), second...).text(t), "its id stays good")
	require.Equal(t, 4, f.Sessions())
	for _, session := range [][]string{bobs, held, second, third} {
		require.Equal(t, http.StatusNoContent, f.do(http.MethodDelete, "/mcp", "", session...).status)
	}
	require.Zero(t, f.Sessions())
	require.Empty(t, f.sessions.byCaller)
}

// TestWhatIsKeptOfASessionIsBounded, whatever a client says of itself.
func TestWhatIsKeptOfASessionIsBounded(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("ä", 10_000)
	a := f.post(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"` + long + `","title":"` + long + `","version":"` + long + `"},` +
		`"capabilities":{"elicitation":{},"experimental":{"x":"` + long + `"},"extensions":{"y":"` + long + `"}}}}`)
	require.Equal(t, http.StatusOK, a.status)
	id := a.header.Get(sessionHeader)
	require.Less(t, len(id), 300)
	kept := f.sessions.byID[id]
	require.Equal(t, strings.Repeat("ä", maxNamed/2), kept.GetClientInfo().Name)
	require.Equal(t, strings.Repeat("ä", maxNamed/2), kept.GetClientInfo().Version)
	require.Empty(t, kept.GetClientInfo().Title)
	require.NotNil(t, kept.capabilities.Elicitation)
	require.Nil(t, kept.capabilities.Experimental)
	require.Nil(t, kept.capabilities.Extensions)
	who, err := f.readSessionID(t.Context(), "", id)
	require.NoError(t, err)
	require.Equal(t, kept.identity, who, "another replica knows the same")
}

// TestDuplicateRequestIDs: of two requests under one id at a time, the second is
// refused and not begun. Ids of other sessions, and other spellings, are others.
func TestDuplicateRequestIDs(t *testing.T) {
	f := newFixture(t)
	session, other := f.session("2025-11-25", "{}"), f.session("2025-11-25", "{}")
	answers := make(chan answer, 3)
	hold := func(id any, session []string) { answers <- f.post(call(id, "hold", `{}`), session...) }
	go hold(7, session)
	<-f.began
	again := f.post(call(7, "hold", `{}`), session...)
	require.Equal(t, -32600, again.messages(t)[0].Error.Code, again.body)
	require.Contains(t, again.body, "a request with this id is under way; nothing was done")
	go hold(7, other)
	go hold("7", session)
	<-f.began
	<-f.began
	require.Empty(t, f.began)
	for range 3 {
		f.proceed <- struct{}{}
		require.Equal(t, "held", (<-answers).text(t))
	}
	require.Equal(t, "{}", f.post(call(7, "echo", `{}`), session...).text(t), "an id that is free again")
}

// TestBatches belong to one version alone.
func TestBatches(t *testing.T) {
	f := newFixture(t)
	batch := "\n[" + call(1, "echo", `{"n":1}`) + `,{"jsonrpc":"2.0","method":"notifications/initialized"},` + call("b", "echo", `{"n":2}`) +
		`,7,` + hello("2025-03-26", "{}") + `,{"jsonrpc":"2.0","id":9,"method":"none/such"}]`
	old := f.session("2025-03-26", "{}")
	a := f.post(batch, old...)
	require.Equal(t, http.StatusOK, a.status)
	all := a.messages(t)
	require.Len(t, all, 5, a.body)
	require.Equal(t, `{"n":1}`, all[0].Result.Content[0].Text)
	require.Equal(t, `{"n":2}`, all[1].Result.Content[0].Text)
	require.Equal(t, "b", all[1].ID)
	require.Equal(t, []int{-32600, -32600, -32601}, []int{all[2].Error.Code, all[3].Error.Code, all[4].Error.Code}, a.body)
	require.Equal(t, http.StatusAccepted, f.post(`[{"jsonrpc":"2.0","method":"notifications/initialized"}]`, old...).status)
	require.Equal(t, http.StatusBadRequest, f.post(`[]`, old...).status)
	require.Equal(t, http.StatusBadRequest, f.post(`[1,`, old...).status)
	require.Equal(t, http.StatusBadRequest, f.post(batch).status, "no session")

	many := func(n int) string { return "[" + strings.Repeat(ping+",", n-1) + ping + "]" }
	require.Equal(t, http.StatusOK, f.post(many(maxBatch), old...).status)
	a = f.post(many(maxBatch+1), old...)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Contains(t, a.body, "nothing was done")

	progress := f.post(`[`+call(1, "progress", `{"n":3,"token":"x"}`)+`,`+call(2, "progress", `{"n":3,"token":"y"}`)+`]`, old...)
	require.Len(t, progress.messages(t), 8, progress.body)

	for _, version := range []string{"2025-06-18", "2025-11-25"} {
		a := f.post(batch, f.session(version, "{}")...)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Contains(t, a.body, "send one message at a time")
	}
	a = f.post(batch, modernHeaders("tools/call", "Mcp-Name", "echo")...)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Empty(t, f.began)
}
