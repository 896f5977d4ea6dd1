package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// clock is a clock that stands still until it is told otherwise.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// caller speaks plain HTTP to a sandbox behind a real listener.
type caller struct {
	t       testing.TB
	sandbox *sandbox.Sandbox
	url     string // with a slash at the end
	token   string
	http    *http.Client
}

type reply struct {
	status int
	header http.Header
	body   string
}

// start serves a sandbox and logs in to its live environment.
func start(t testing.TB, opts sandbox.Options) *caller {
	t.Helper()
	s := sandbox.New(opts)
	server, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(t, server.Close())
	})
	c := &caller{t: t, sandbox: s, url: server.URL, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.token = c.login()
	s.Forget()
	return c
}

// login asks for a token as the API document shows it.
func (c *caller) login() string {
	c.t.Helper()
	login, secret := c.sandbox.Credentials()
	r := c.post("access/token", "login", login, "secret", secret)
	require.Equal(c.t, 200, r.status, r.body)
	var token struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	require.NoError(c.t, json.Unmarshal([]byte(r.body), &token))
	require.Equal(c.t, "Bearer", token.TokenType)
	return token.AccessToken
}

// test is the same caller in the test environment.
func (c *caller) test() *caller {
	other := *c
	other.url += "test/"
	other.token = ""
	return &other
}

// try sends a request whatever becomes of it.
func (c *caller) try(method, path, contentType, body string) (reply, error) {
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, string(read)}, err
}

// do sends a request that must be answered; pairs are its form.
func (c *caller) do(method, path string, pairs ...string) reply {
	c.t.Helper()
	contentType := ""
	if len(pairs) > 0 {
		contentType = "application/x-www-form-urlencoded"
	}
	r, err := c.try(method, path, contentType, encode(pairs...))
	require.NoError(c.t, err)
	return r
}

func (c *caller) get(path string) reply { c.t.Helper(); return c.do("GET", path) }
func (c *caller) post(path string, pairs ...string) reply {
	c.t.Helper()
	return c.do("POST", path, pairs...)
}
func (c *caller) put(path string, pairs ...string) reply {
	c.t.Helper()
	return c.do("PUT", path, pairs...)
}
func (c *caller) delete(path string, pairs ...string) reply {
	c.t.Helper()
	return c.do("DELETE", path, pairs...)
}

// keys is the list of a family in the default dialect.
func (c *caller) keys(family string) []string {
	c.t.Helper()
	r := c.get("license/" + family)
	require.Equal(c.t, 200, r.status, r.body)
	var keys []string
	require.NoError(c.t, json.Unmarshal([]byte(r.body), &keys), r.body)
	return keys
}

func encode(pairs ...string) string {
	fields := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(fields, "&")
}

// orders holds a right order of each rule set.
var orders = map[string]struct {
	family string
	form   []string
}{
	"plesk10": {"plesk", []string{"product", "PLESK_10_AND_LATER_UNLIMITED_DOMAINS", "title", "t", "comment", "", "period", "1", "os", "LINUX",
		"WPBSites", "100", "applications", "0", "CBMClients", "UNLIMITED", "languagePack", "0", "antivirus", "0"}},
	"plesk12": {"plesk", []string{"product", "PLESK_12_WEB_HOST", "title", "t", "comment", "", "period", "12",
		"WPBSites", "10", "WPBOptions", "MLS_SUPPORT", "applications", "0", "languagePack", "UNLIMITED", "antivirus", "0"}},
	"cpanel": {"cpanel", []string{"product", "CPANEL_WHM_VPS", "title", "t", "comment", "c", "serverIP", "192.0.2.77", "period", "3",
		"addons[0]", "CLOUDLINUX", "addons[1]", "KERNELCARE"}},
	"virtuozzo": {"virtuozzo", []string{"product", "VIRTUOZZO_CONTAINERS_4", "title", "t", "comment", "", "period", "36", "os", "WINDOWS"}},
}

func fields(t *testing.T, r reply) []string {
	t.Helper()
	var said struct {
		Errors map[string][]string `json:"errors"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &said), r.body)
	names := []string{}
	for name, messages := range said.Errors {
		require.NotEmpty(t, messages, name)
		names = append(names, name)
	}
	return names
}

func TestSameSeedSameAnswers(t *testing.T) {
	record := func(seed uint64) string {
		var said bytes.Buffer
		c := start(t, sandbox.Options{Seed: seed, Now: newClock().Now, Faults: []sandbox.Fault{{On: sandbox.Reads, Kind: sandbox.Status, Probability: 0.5}}})
		login, secret := c.sandbox.Credentials()
		said.WriteString(login + secret + c.token)
		for _, family := range websoftsolus.Families {
			for range 8 {
				said.WriteString(c.get("license/" + string(family)).body)
			}
			said.WriteString(c.get("license/" + string(family) + "/order").body)
			for _, l := range c.sandbox.Licenses(family) {
				said.WriteString(c.get("license/" + string(family) + "/" + l.KeyNumber).body)
			}
			said.WriteString(c.post("license/"+string(family)+"/order", orders["plesk12"].form...).body)
		}
		return said.String()
	}
	require.Equal(t, record(7), record(7))
	require.NotEqual(t, record(7), record(8))
}

func TestDataIsMadeUpAndSaysSo(t *testing.T) {
	c := start(t, sandbox.Options{Now: newClock().Now, Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 50, websoftsolus.CPanel: 50}})
	for _, family := range []websoftsolus.Family{websoftsolus.Plesk, websoftsolus.CPanel} {
		licenses := c.sandbox.Licenses(family)
		require.Len(t, licenses, 50)
		for _, l := range licenses {
			require.Contains(t, l.Title, "(made-up data)")
			require.Regexp(t, `^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$`, l.ServerIP)
			require.Regexp(t, map[websoftsolus.Family]string{websoftsolus.Plesk: `^PLSK\.0298\d{4}$`, websoftsolus.CPanel: `^L\d{7}$`}[family], l.KeyNumber)
			require.NotEmpty(t, l.Period)
			require.True(t, l.Status == sandbox.Expired || l.ExpiresAt.After(newClock().Now()), l)
		}
	}
	require.Empty(t, c.sandbox.Licenses(websoftsolus.Virtuozzo))
	require.Equal(t, "[]", c.get("license/virtuozzo").body)
}

func TestFiveThousandLicencesAreListed(t *testing.T) {
	c := start(t, sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 5000}})
	keys := c.keys("plesk")
	require.Len(t, keys, 5000)
	require.Equal(t, 200, c.get("license/plesk/"+keys[4999]).status)
}

func TestCPanelKeysMayBeAddresses(t *testing.T) {
	c := start(t, sandbox.Options{IPKeys: true})
	keys := c.keys("cpanel")
	require.Regexp(t, `^198\.1[89]\.\d+\.\d+$`, keys[0])
	require.Equal(t, 200, c.get("license/cpanel/"+keys[0]).status)
}

func TestBasePathComesBeforeEveryPath(t *testing.T) {
	c := start(t, sandbox.Options{BasePath: "/api/v1"})
	require.True(t, strings.HasSuffix(c.url, "/api/v1/"), c.url)
	require.NotEmpty(t, c.keys("plesk"))
	c.url = strings.TrimSuffix(c.url, "api/v1/")
	require.Equal(t, 404, c.get("license/plesk").status)
}

func TestCatalogueOfOnesOwnIsGraded(t *testing.T) {
	c := start(t, sandbox.Options{Catalogue: map[websoftsolus.Family][]sandbox.Product{
		websoftsolus.Plesk: {{Name: "PLESK_11_X"}, {Name: "ONYX"}, {Name: "PLESK_12_OLD", Generation: "plesk10"}},
	}})
	require.JSONEq(t, `["PLESK_11_X","ONYX","PLESK_12_OLD"]`, c.get("license/plesk/order").body)
	for product, rules := range map[string]string{"PLESK_11_X": "plesk10", "ONYX": "plesk12", "PLESK_12_OLD": "plesk10"} {
		form := append([]string{}, orders[rules].form...)
		form[1] = product
		r := c.post("license/plesk/order", form...)
		require.Equal(t, 200, r.status, "%s: %s", product, r.body)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	c := start(t, sandbox.Options{Latency: sandbox.Span{Min: 0, Max: time.Millisecond}})
	form := orders["virtuozzo"].form
	keys := make(chan string, 400)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				var made struct{ KeyNumber string }
				r, err := c.try("POST", "license/virtuozzo/order", "application/x-www-form-urlencoded", encode(form...))
				if err != nil || json.Unmarshal([]byte(r.body), &made) != nil {
					t.Errorf("order: %v %s", err, r.body)
					return
				}
				keys <- made.KeyNumber
				c.try("PUT", "license/virtuozzo/"+made.KeyNumber, "application/x-www-form-urlencoded", "title=x&comment=")
				c.try("GET", "license/virtuozzo", "", "")
				c.try("DELETE", "license/virtuozzo/"+made.KeyNumber, "", "")
				c.sandbox.Requests()
			}
		})
	}
	group.Wait()
	close(keys)
	distinct := map[string]bool{}
	for key := range keys {
		distinct[key] = true
	}
	require.Len(t, distinct, 200)
	counts := c.sandbox.Counts()
	require.Equal(t, map[sandbox.EffectKind]int{sandbox.Created: 200, sandbox.Edited: 200, sandbox.Ended: 200}, counts.Effects)
	require.Len(t, c.sandbox.Licenses(websoftsolus.Virtuozzo), 4)
}

func BenchmarkGetLicense(b *testing.B) {
	c := start(b, sandbox.Options{})
	key := c.keys("plesk")[0]
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r, err := c.try("GET", "license/plesk/"+key, "", ""); err != nil || r.status != 200 {
				b.Errorf("%v %v", r, err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		server, err := sandbox.New(sandbox.Options{}).Start("127.0.0.1:0")
		require.NoError(b, err)
		require.NoError(b, server.Close())
	}
}
