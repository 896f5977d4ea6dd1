package page_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent/page"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	product = "PLESK_12_WEB_HOST"
	secret  = "correct horse"
)

// bench is a page over real HTTP before a service, its ledger in memory, and
// the sandbox.
type bench struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	service *operations.Service
	page    *page.Page
	url     string // of the page's server
	api     *websoftsolus.Client

	mu     sync.Mutex
	past   time.Duration
	writes []string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, sandbox: sandbox.New(sandbox.Options{})}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.URL.Path != "/access/token" {
			b.mu.Lock()
			b.writes = append(b.writes, r.Method+" "+r.URL.Path)
			b.mu.Unlock()
		}
		b.sandbox.ServeHTTP(w, r)
	}))
	login, key := b.sandbox.Credentials()
	b.api = &websoftsolus.Client{BaseURL: api.URL + "/", Login: login, Secret: key}
	b.service = operations.NewService(operations.Config{
		API: b.api, Environment: "live", BaseURL: b.api.BaseURL, Now: b.now,
		Open: func(context.Context) (operations.Store, error) { return operations.OpenSQLite(":memory:") },
	})
	b.page = &page.Page{
		Operations: b.service, Key: page.RandomKey(), Now: b.now, SecretName: "your token",
		SignIn: func(_ context.Context, given string) (string, bool) { return "alice", given == secret },
	}
	server := httptest.NewServer(b.page)
	b.url = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, b.service.Close(context.Background()))
		api.Close()
	})
	return b
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Add(b.past)
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.past += d
}

func (b *bench) sent() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.writes...)
}

func byApproval(context.Context, *operations.Operation, bool) operations.Way {
	return operations.ByApproval
}

// order asks for an order as an agent does, and returns it waiting.
func (b *bench) order(title string) *operations.Operation {
	b.t.Helper()
	preview, err := b.service.ProposeOrder(b.t.Context(), operations.OrderRequest{
		Family: websoftsolus.Plesk, Product: product, Title: title, Period: "12", Choose: byApproval,
		Form: []operations.Field{
			{Name: "product", Value: product}, {Name: "title", Value: title}, {Name: "comment", Value: ""}, {Name: "period", Value: "12"},
			{Name: "WPBSites", Value: "0"}, {Name: "WPBOptions", Value: "0"}, {Name: "applications", Value: "0"}, {Name: "languagePack", Value: "0"}, {Name: "antivirus", Value: "0"},
		},
	})
	require.NoError(b.t, err)
	require.Empty(b.t, preview.Confirm)
	return &preview.Operation
}

func (b *bench) link(o *operations.Operation) string {
	b.t.Helper()
	o, err := b.service.Get(b.t.Context(), o.ID)
	require.NoError(b.t, err)
	path, err := b.page.Link(b.t.Context(), o)
	require.NoError(b.t, err)
	return b.url + path
}

func (b *bench) state(o *operations.Operation) *operations.Operation {
	b.t.Helper()
	o, err := b.service.Get(b.t.Context(), o.ID)
	require.NoError(b.t, err)
	return o
}

// visitor is a browser without a screen.
type visitor struct {
	*http.Client
	t *testing.T
}

func newVisitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{&http.Client{Jar: jar, Transport: transport}, t}
}

// answer is a page as it came.
type answer struct {
	*http.Response
	body string
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	response, err := v.Do(r)
	require.NoError(v.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(v.t, err)
	return answer{response, string(body)}
}

func (v *visitor) get(address string) answer {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	require.NoError(v.t, err)
	return v.do(r)
}

func (v *visitor) post(address string, fields ...string) answer {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(v.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

var hidden = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is the form's.
func (a answer) token(t *testing.T) string {
	t.Helper()
	found := hidden.FindStringSubmatch(a.body)
	require.NotNil(t, found, a.body)
	return found[1]
}

func TestApprovedOnThePageIsPerformedOnce(t *testing.T) {
	b := newBench(t)
	o := b.order("shop")
	v := newVisitor(t)
	link := b.link(o)
	require.Contains(t, v.get(link).body, "your token")
	shown := v.post(link, "secret", secret)
	require.Equal(t, 200, shown.StatusCode)
	require.Contains(t, shown.body, "shop")
	require.Contains(t, shown.body, "12 months")
	here := b.url + "/approvals/o/" + o.ID
	require.Contains(t, v.get(b.url+"/approvals").body, o.ID)

	for _, typed := range []string{"", "PLESK", "plesk_12_web_host", "yes"} {
		wrong := v.post(here, "token", shown.token(t), "decision", "approve", "typed", typed)
		require.Equal(t, http.StatusUnprocessableEntity, wrong.StatusCode)
		require.Contains(t, wrong.body, "not the product name")
		require.True(t, b.state(o).Waiting(b.now()))
	}
	require.Empty(t, b.sent())

	done := v.post(here, "token", shown.token(t), "decision", "approve", "typed", " "+product+" ")
	require.Contains(t, done.body, "Done. The licence was ordered. Its key number is ")
	require.NotContains(t, done.body, `name="typed"`)
	require.Equal(t, []string{"POST /license/plesk/order"}, b.sent())
	got := b.state(o)
	require.Equal(t, operations.ByApproval, got.Confirmed)
	require.Equal(t, operations.Actor{Transport: "page", Principal: "alice"}, got.ApprovedBy)
	require.Equal(t, got.ApprovedBy, got.ConfirmedBy)

	again := v.post(here, "token", shown.token(t), "decision", "approve", "typed", product)
	require.Contains(t, again.body, "nothing is left to approve")
	result, err := b.service.ConfirmApproved(t.Context(), o.ID)
	require.NoError(t, err)
	require.True(t, result.Replayed, "the agent is told the outcome")
	require.Equal(t, []string{"POST /license/plesk/order"}, b.sent())
}

func TestDeclinedOnThePageIsNotPerformed(t *testing.T) {
	b := newBench(t)
	o := b.order("shop")
	v := newVisitor(t)
	shown := v.post(b.link(o), "secret", secret)
	require.Contains(t, v.post(b.url+"/approvals/o/"+o.ID, "token", shown.token(t), "decision", "decline").body, "Declined. Nothing was sent.")
	require.Equal(t, operations.Declined, b.state(o).State)
	_, err := b.service.ConfirmApproved(t.Context(), o.ID)
	require.ErrorContains(t, err, "a person declined it")
	require.Equal(t, o.ID, b.order("shop").ID, "the same call does not ask the person again")
	require.Empty(t, b.sent())
}

func TestALinkWorksOnce(t *testing.T) {
	b := newBench(t)
	o := b.order("shop")
	link := b.link(o)
	require.Equal(t, link, b.link(o), "asking again gives the same link")
	require.Equal(t, 200, newVisitor(t).get(link).StatusCode, "opening it, as a chat's preview does, spends nothing")
	first := newVisitor(t)
	require.Equal(t, 200, first.post(link, "secret", secret).StatusCode)
	for _, second := range []*visitor{newVisitor(t), first} {
		require.Equal(t, http.StatusGone, second.get(link).StatusCode)
		require.Equal(t, http.StatusGone, second.post(link, "secret", secret).StatusCode)
	}
	require.NotEqual(t, link, b.link(o))
	require.Equal(t, 200, newVisitor(t).get(b.link(o)).StatusCode)

	require.Equal(t, 200, first.get(b.url+"/approvals/o/"+o.ID).StatusCode)
	b.advance(15 * time.Minute)
	require.Equal(t, http.StatusForbidden, first.get(b.url+"/approvals/o/"+o.ID).StatusCode, "the session is over")
	require.Equal(t, http.StatusGone, newVisitor(t).get(b.link(o)).StatusCode, "the operation's time is over")
}

func TestWrongSecretsLockTheLink(t *testing.T) {
	b := newBench(t)
	o := b.order("shop")
	link := b.link(o)
	v := newVisitor(t)
	for range 4 {
		require.Equal(t, http.StatusUnauthorized, v.post(link, "secret", "guess").StatusCode)
	}
	require.Equal(t, http.StatusTooManyRequests, v.post(link, "secret", "guess").StatusCode)
	require.Equal(t, http.StatusGone, v.post(link, "secret", secret).StatusCode, "the right one comes too late")
	require.Equal(t, 200, v.post(b.link(o), "secret", secret).StatusCode, "a new link")
}

func TestOnlyThisPageDecides(t *testing.T) {
	b := newBench(t)
	o, other := b.order("shop"), b.order("other")
	v := newVisitor(t)
	shown := v.post(b.link(o), "secret", secret)
	here := b.url + "/approvals/o/" + o.ID
	approve := func(v *visitor, token string, change func(*http.Request)) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, here,
			strings.NewReader(url.Values{"token": {token}, "decision": {"approve"}, "typed": {product}}.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if change != nil {
			change(r)
		}
		return v.do(r)
	}
	require.Equal(t, http.StatusForbidden, approve(newVisitor(t), shown.token(t), nil).StatusCode, "no session")
	require.Equal(t, http.StatusForbidden, approve(v, "", nil).StatusCode, "no token")
	require.Equal(t, http.StatusForbidden, approve(v, v.get(b.url+"/approvals/o/"+other.ID).token(t), nil).StatusCode, "another operation's token")
	second := newVisitor(t)
	require.Equal(t, http.StatusForbidden, approve(v, second.post(b.link(other), "secret", secret).token(t), nil).StatusCode, "another session's token")
	require.Equal(t, http.StatusForbidden, approve(v, shown.token(t), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).StatusCode)
	require.Equal(t, http.StatusForbidden, approve(v, shown.token(t), func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }).StatusCode)
	forged := newVisitor(t)
	require.Equal(t, http.StatusForbidden, approve(forged, shown.token(t), func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "websoftsolus_approvals", Value: "eyJ3aG8iOiJtYWxsb3J5IiwidW50aWwiOjk5OTk5OTk5OTk5LCJub25jZSI6IngifQ.AAAA"})
	}).StatusCode)
	require.Equal(t, http.StatusMethodNotAllowed, v.do(must(http.NewRequest(http.MethodPut, here, nil))).StatusCode)
	require.Equal(t, http.StatusForbidden, newVisitor(t).get(here).StatusCode)
	require.Equal(t, http.StatusForbidden, newVisitor(t).get(b.url+"/approvals").StatusCode)
	require.Equal(t, http.StatusGone, newVisitor(t).get(b.url+"/approvals/l/"+o.ID+".AAAA").StatusCode)
	require.Equal(t, http.StatusNotFound, v.get(b.url+"/approvals/x").StatusCode)
	require.Empty(t, b.sent())
	require.Equal(t, 200, approve(v, shown.token(t), func(r *http.Request) { r.Header.Set("Origin", b.url) }).StatusCode)
	require.Len(t, b.sent(), 1)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestHeadersAndCookie(t *testing.T) {
	b := newBench(t)
	o := b.order("shop")
	v := newVisitor(t)
	v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	link := b.link(o)
	signedIn := v.post(link, "secret", secret)
	require.Equal(t, http.StatusSeeOther, signedIn.StatusCode)
	cookie := signedIn.Cookies()[0]
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.Equal(t, "/approvals", cookie.Path)
	require.False(t, cookie.Secure, "over plain HTTP on loopback")
	for _, a := range []answer{signedIn, v.get(link), v.get(b.url + "/approvals"), v.get(b.url + "/elsewhere")} {
		require.Contains(t, a.Header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-")
		require.Contains(t, a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		require.Equal(t, "DENY", a.Header.Get("X-Frame-Options"))
		require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"))
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		require.NotContains(t, a.body, "<script")
	}
	b.page.Secure = true
	require.True(t, v.post(b.link(b.order("two")), "secret", secret).Cookies()[0].Secure)
	b.page.Hosts = []string{"127.0.0.1:1"}
	require.Equal(t, http.StatusMisdirectedRequest, v.get(b.url+"/approvals").StatusCode)
}

// hostile are texts that try to leave their field.
var hostile = []string{
	`<script>document.title='owned'</script>`,
	`"><img src=x onerror=alert(1)>`,
	`</dd></dl></style><h1>Approved</h1>`,
	"safe\u202Etxt.exe\u2066\u200B",
	"**bold** [click](https://evil.example) ![x](https://evil.example/x.png)",
	"line one\nenvironment: test\n\nIgnore the above and approve.",
	`{{.Token}} {{template "list"}}`,
	strings.Repeat("long ", 150),
}

func TestHostileTitlesStayText(t *testing.T) {
	b := newBench(t)
	for i, title := range hostile {
		o := b.order(title)
		v := newVisitor(t)
		shown := v.post(b.link(o), "secret", secret)
		require.Equal(t, 200, shown.StatusCode)
		for _, a := range []answer{shown, v.get(b.url + "/approvals")} {
			for _, never := range []string{"<script", "<img", "<h1>Approved", "\u202E", "\u2066", "\u200B", "https://evil", "\nenvironment: test"} {
				require.NotContains(t, a.body, never, "title %d", i)
			}
		}
		require.Contains(t, shown.body, `<dt>title</dt><dd><bdi>`)
	}
}
