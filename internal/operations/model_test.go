package operations

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// TestModel runs random histories against the sandbox over real HTTP: previews,
// confirmations and repeats of them through several services on one ledger,
// edits, faults before and after the effect, effects that show late, crashes,
// restarts, and time. After every step the ledger must agree with what truly
// happened, which the sandbox knows.
//
// A history takes about a tenth of a second, so a plain run tries some; ask for more
// with -rapid.checks.
func TestModel(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		testModel(t, "25", func() (string, func()) {
			folder, err := os.MkdirTemp("", "operations-model")
			require.NoError(t, err)
			return filepath.Join(folder, "ledger.db"), func() { os.RemoveAll(folder) }
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server := postgrestest.Server(t)
		testModel(t, "8", func() (string, func()) { return postgrestest.SchemaIn(t, server) })
	})
}

// testModel runs some histories, each on a ledger in a new place.
func testModel(t *testing.T, histories string, newPlace func() (place string, remove func())) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set(histories))
		defer checks.Value.Set(checks.DefValue)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, newPlace)
		defer m.end()
		t.Repeat(map[string]func(*rapid.T){
			"":                m.check,
			"previewOrder":    m.previewOrder,
			"previewEnd":      m.previewEnd,
			"confirm":         m.confirm,
			"confirmAtOnce":   m.confirmAtOnce,
			"confirmOther":    m.confirmOther,
			"confirmAndCrash": m.confirmAndCrash,
			"edit":            m.edit,
			"get":             m.get,
			"recover":         m.recover,
			"restart":         m.restart,
			"fault":           m.fault,
			"clearFaults":     func(*rapid.T) { m.sandbox.ClearFaults() },
			"speak":           m.speak,
			"wait":            m.wait,
		})
		m.settle(t)
	})
}

type model struct {
	place    string // of the ledger
	remove   func()
	clock    *testClock
	sandbox  *sandbox.Sandbox
	server   *sandbox.Server
	store    Store // the model's own eye on the ledger
	services []*Service
	previews []modelPreview
	edits    int
}

type modelPreview struct {
	order  *OrderRequest // or
	end    *TerminationRequest
	phrase string
}

func newModel(t *rapid.T, newPlace func() (string, func())) *model {
	m := &model{clock: newClock()}
	m.sandbox = sandbox.New(sandbox.Options{Now: m.clock.Now, Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 4, websoftsolus.Virtuozzo: 2}})
	var err error
	m.server, err = m.sandbox.Start("127.0.0.1:0")
	require.NoError(t, err)
	m.place, m.remove = newPlace()
	m.store, err = openAt(context.Background(), m.place)
	require.NoError(t, err)
	for range 3 {
		m.services = append(m.services, m.service(func(s Store) Store { return s }))
	}
	return m
}

func (m *model) service(wrap func(Store) Store) *Service {
	login, secret := m.sandbox.Credentials()
	return NewService(Config{
		API: &websoftsolus.Client{
			BaseURL: m.server.URL, Login: login, Secret: secret, Timeout: 150 * time.Millisecond, Now: m.clock.Now, Sleep: m.clock.Sleep,
		},
		Open: func(ctx context.Context) (Store, error) {
			store, err := openAt(ctx, m.place)
			if err != nil {
				return nil, err
			}
			return wrap(store), nil
		},
		Environment: "live", BaseURL: m.server.URL, MaxOrdersPerDay: 200, MaxTerminationsPerDay: 200,
		Now: m.clock.Now, Sleep: m.clock.Sleep, Rand: rand.Reader,
	})
}

func (m *model) end() {
	for _, s := range m.services {
		s.Close(context.Background())
	}
	m.store.Close()
	m.server.Close()
	m.remove()
}

func (m *model) any(t *rapid.T) *Service { return rapid.SampledFrom(m.services).Draw(t, "service") }

func (m *model) previewOrder(t *rapid.T) {
	form := []Field{
		{"product", "VIRTUOZZO_CONTAINERS_4"}, {"title", rapid.SampledFrom([]string{"shop", "mail", "café"}).Draw(t, "title")},
		{"comment", rapid.SampledFrom([]string{"", "c"}).Draw(t, "comment")}, {"period", "1"}, {"os", rapid.SampledFrom([]string{"LINUX", "WINDOWS"}).Draw(t, "os")},
	}
	r := OrderRequest{Family: websoftsolus.Virtuozzo, Product: form[0].Value, Title: form[1].Value, Comment: form[2].Value, Period: "1", Form: form}
	preview, err := m.any(t).ProposeOrder(context.Background(), r)
	var refusal *Refusal
	if errors.As(err, &refusal) && refusal.Code == CodeDuplicate && rapid.Bool().Draw(t, "acknowledge") {
		r.DuplicateOf = refusal.Operation.ID
		preview, err = m.any(t).ProposeOrder(context.Background(), r)
	}
	if err != nil {
		m.allowed(t, err, CodeDuplicate, CodeInProgress)
		return
	}
	m.previews = append(m.previews, modelPreview{order: &r, phrase: preview.Confirm})
}

// key draws the key of a licence that is there, or was.
func (m *model) key(t *rapid.T) string {
	var keys []string
	for _, e := range m.sandbox.Effects() {
		keys = append(keys, e.License.KeyNumber)
	}
	for _, l := range m.sandbox.Licenses(websoftsolus.Virtuozzo) {
		keys = append(keys, l.KeyNumber)
	}
	if len(keys) == 0 {
		return "V0000000"
	}
	return rapid.SampledFrom(keys).Draw(t, "key")
}

func (m *model) previewEnd(t *rapid.T) {
	r := TerminationRequest{Family: websoftsolus.Virtuozzo, KeyNumber: m.key(t)}
	preview, err := m.any(t).ProposeTermination(context.Background(), r)
	if err != nil {
		m.allowed(t, err, CodeInProgress, CodeDuplicate)
		return
	}
	m.previews = append(m.previews, modelPreview{end: &r, phrase: preview.Confirm})
}

func (m *model) preview(t *rapid.T) modelPreview {
	if len(m.previews) == 0 {
		t.Skip("no previews yet")
	}
	return rapid.SampledFrom(m.previews).Draw(t, "preview")
}

func (p modelPreview) confirm(s *Service) (*Result, error) {
	if p.order != nil {
		return s.ConfirmOrder(context.Background(), *p.order, p.phrase)
	}
	return s.ConfirmTermination(context.Background(), *p.end, p.phrase)
}

// confirmCodes are the refusals that a right phrase may meet.
var confirmCodes = []string{CodeConfirmExpired, CodeLicenceChanged, CodeDuplicate, CodeInProgress, CodeRejected, CodeOutcomeUnknown, CodeNotApplied, CodeNotListed}

func (m *model) confirm(t *rapid.T) {
	if _, err := m.preview(t).confirm(m.any(t)); err != nil {
		m.allowed(t, err, confirmCodes...)
	}
}

func (m *model) confirmAtOnce(t *rapid.T) {
	p := m.preview(t)
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		fresh int
	)
	for _, s := range m.services {
		for range 2 {
			group.Go(func() {
				if result, err := p.confirm(s); err == nil && !result.Replayed {
					mu.Lock()
					defer mu.Unlock()
					fresh++
				}
			})
		}
	}
	group.Wait()
	require.LessOrEqual(t, fresh, 1)
}

func (m *model) confirmOther(t *rapid.T) {
	p := m.preview(t)
	if p.order == nil {
		t.Skip("not an order")
	}
	before := m.writes()
	other := *p.order
	other.Form = append([]Field{}, other.Form...)
	other.Form[1].Value = "never asked for"
	_, err := m.any(t).ConfirmOrder(context.Background(), other, p.phrase)
	m.allowed(t, err, CodeConfirmMismatch)
	other.Form[1].Value = p.order.Form[1].Value
	made := strings.Replace(p.phrase, p.phrase[len(p.phrase)-5:], "ZZZZ]", 1)
	if made != p.phrase {
		_, err = m.any(t).ConfirmOrder(context.Background(), other, made)
		m.allowed(t, err, CodeConfirmUnknown)
	}
	require.Equal(t, before, m.writes(), "a wrong confirmation sends nothing")
}

// writes counts the requests that could change something. A service that has
// just opened the ledger may be reading in the background.
func (m *model) writes() int {
	requests := m.sandbox.Counts().Requests
	return requests[sandbox.Order] + requests[sandbox.Edit] + requests[sandbox.Terminate]
}

// confirmAndCrash confirms in a process that dies, to the ledger, right after
// its claim.
func (m *model) confirmAndCrash(t *rapid.T) {
	p := m.preview(t)
	dying := &brokenStore{}
	dying.broken.Store(true)
	s := m.service(func(s Store) Store { dying.Store = s; return dying })
	p.confirm(s)
	s.Close(context.Background())
}

func (m *model) edit(t *rapid.T) {
	m.edits++
	title := fmt.Sprintf("edited %d", m.edits)
	r := EditRequest{Family: websoftsolus.Virtuozzo, KeyNumber: m.key(t), Title: &title}
	if _, err := m.any(t).Edit(context.Background(), r); err != nil {
		m.allowed(t, err, CodeInProgress, CodeRejected, CodeOutcomeUnknown, CodeNotApplied, CodeCommentAndTitleNeeded)
	}
}

func (m *model) get(t *rapid.T) {
	all := m.operations(t)
	if len(all) == 0 {
		t.Skip("no operations yet")
	}
	_, err := m.any(t).Get(context.Background(), rapid.SampledFrom(all).Draw(t, "operation").ID)
	require.NoError(t, err)
}

func (m *model) recover(t *rapid.T) { require.NoError(t, m.any(t).Recover(context.Background())) }

func (m *model) restart(t *rapid.T) {
	i := rapid.IntRange(0, len(m.services)-1).Draw(t, "which")
	require.NoError(t, m.services[i].Close(context.Background()))
	m.services[i] = m.service(func(s Store) Store { return s })
}

func (m *model) fault(t *rapid.T) {
	f := sandbox.Fault{
		On: rapid.SampledFrom([]sandbox.Endpoint{sandbox.Writes, sandbox.Writes, sandbox.Writes, sandbox.Reads, sandbox.AnyEndpoint}).Draw(t, "on"),
		Kind: rapid.SampledFrom([]sandbox.FaultKind{
			sandbox.Status, sandbox.HTML, sandbox.Redirect, sandbox.Drop, sandbox.Reset, sandbox.Hang,
			sandbox.Truncated, sandbox.Cut, sandbox.Garbled, sandbox.ExpireTokens, sandbox.Late, sandbox.Late,
		}).Draw(t, "kind"),
		After: rapid.Bool().Draw(t, "after"),
		Times: rapid.IntRange(1, 3).Draw(t, "times"),
	}
	switch f.Kind {
	case sandbox.Hang:
		f.Times = 1
	case sandbox.Late:
		f.On, f.Delay = sandbox.Writes, sandbox.For(time.Duration(rapid.IntRange(1, 120).Draw(t, "seconds"))*time.Second)
		f.In = rapid.SampledFrom([]string{"", "list", "get"}).Draw(t, "in")
	case sandbox.Status:
		f.Status = rapid.SampledFrom([]int{500, 502, 503, 504, 429}).Draw(t, "status")
		if f.Status == 429 {
			f.After = false // who says that, has done nothing
		}
	}
	m.sandbox.Inject(f)
}

func (m *model) speak(t *rapid.T) {
	d, err := sandbox.ParseDialect(rapid.SampledFrom([]string{"document", "php", "wrapped", "rest", "groups", "terse", "latin-1"}).Draw(t, "dialect"))
	require.NoError(t, err)
	m.sandbox.SetDialect(d)
}

func (m *model) wait(t *rapid.T) {
	m.clock.advance(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 4 * time.Minute, 11 * time.Minute, 25 * time.Hour}).Draw(t, "for"))
}

// allowed checks that an error is one that the situation may bring: a refusal
// with one of the codes, or a read of the API that failed.
func (m *model) allowed(t *rapid.T, err error, codes ...string) {
	t.Helper()
	var (
		refusal *Refusal
		api     *websoftsolus.Error
	)
	switch {
	case errors.As(err, &refusal):
		require.Contains(t, codes, refusal.Code, refusal.Message)
	case errors.As(err, &api):
		require.Equal(t, websoftsolus.NotDone, api.Outcome)
	default:
		require.NoError(t, err)
		t.Fatal("not refused")
	}
}

func (m *model) operations(t *rapid.T) []Operation {
	var all []Operation
	for cursor := ""; ; {
		page, err := m.store.List(context.Background(), m.server.URL, Filter{Limit: 100, Cursor: cursor})
		require.NoError(t, err)
		all = append(all, page.Operations...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

// asked names what an operation asks for, and happened what an effect did, in
// the same words.
func asked(o Operation) string {
	words := []string{}
	for _, f := range o.Request {
		words = append(words, f.Name+"="+f.Value)
	}
	key := o.KeyNumber
	if o.Kind == Order {
		key = ""
	}
	return inWords(string(o.Kind), key, words)
}

func happened(e sandbox.Effect) string {
	words := []string{}
	for _, f := range e.Request.Form {
		words = append(words, f.Name+"="+f.Value)
	}
	switch e.Kind {
	case sandbox.Created:
		return inWords("order", "", words)
	case sandbox.Edited:
		return inWords("edit", e.License.KeyNumber, words)
	default:
		return inWords("terminate", e.License.KeyNumber, nil)
	}
}

func inWords(kind, key string, fields []string) string {
	slices.Sort(fields)
	return strings.TrimSpace(strings.Join(append([]string{kind, key}, fields...), " "))
}

// check holds the ledger against what truly happened.
func (m *model) check(t *rapid.T) {
	effects, succeeded, open, sent := map[string]int{}, map[string]int{}, map[string]int{}, map[sandbox.Endpoint]int{}
	created := map[string]string{} // key number → what was ordered
	for _, e := range m.sandbox.Effects() {
		effects[happened(e)]++
		if e.Kind == sandbox.Created {
			created[e.License.KeyNumber] = happened(e)
		}
	}
	given := map[string]string{}
	for _, o := range m.operations(t) {
		switch {
		case o.State == Succeeded:
			succeeded[asked(o)]++
		case o.State.Open():
			open[asked(o)]++
		}
		if !o.ClaimedAt.IsZero() {
			sent[map[Kind]sandbox.Endpoint{Order: sandbox.Order, Edit: sandbox.Edit, Terminate: sandbox.Terminate}[o.Kind]]++
		}
		if o.Kind == Order && o.KeyNumber != "" {
			require.Equal(t, Succeeded, o.State)
			require.Equal(t, asked(o), created[o.KeyNumber], "%s was given %s", o.ID, o.KeyNumber)
			require.Empty(t, given[o.KeyNumber], "%s was given to two orders", o.KeyNumber)
			given[o.KeyNumber] = o.ID
		}
	}
	for what, times := range succeeded {
		require.LessOrEqual(t, times, effects[what], "succeeded, and did not happen: %s\n%s", what, m.story(t))
	}
	for what, times := range effects {
		require.LessOrEqual(t, times, succeeded[what]+open[what], "happened, and is neither succeeded nor open: %s\n%s", what, m.story(t))
	}
	requests := m.sandbox.Counts().Requests
	for endpoint, claims := range sent {
		require.LessOrEqual(t, requests[endpoint], claims, "more requests than claims: %s", endpoint)
	}
}

// story tells what the ledger and the sandbox each hold, for a failure.
func (m *model) story(t *rapid.T) string {
	var b strings.Builder
	for _, o := range slices.Backward(m.operations(t)) {
		fmt.Fprintf(&b, "%s %s: claimed %s, settled %s, key %q %s, candidates %v, status %d: %s\n", o.State, asked(o),
			o.ClaimedAt.Format(time.TimeOnly), o.SettledAt.Format(time.TimeOnly), o.KeyNumber, o.Certainty, o.Candidates, o.Status, o.Message)
	}
	for _, e := range m.sandbox.Effects() {
		fmt.Fprintf(&b, "%s %s %s: %s %v\n", e.Time.Format(time.TimeOnly), e.Kind, e.License.KeyNumber, happened(e), e.Request.Faults)
	}
	return b.String()
}

// settle lets everything come to its end, and holds that nothing stays open that
// can be told, and that the history is whole.
func (m *model) settle(t *rapid.T) {
	m.sandbox.ClearFaults()
	m.sandbox.SetDialect(sandbox.Dialect{})
	m.clock.advance(time.Hour)
	for range 2 { // what one look settles may make another clear
		m.recover(t)
		m.check(t)
	}
	for _, o := range m.operations(t) {
		if o.State.Open() {
			require.Equal(t, Ambiguous, o.Certainty, "%s %s is %s: %s\n%s", o.Kind, o.ID, o.State, o.Message, m.story(t))
		}
	}
	v, err := m.store.Verify(context.Background())
	require.NoError(t, err)
	require.Empty(t, v.Problems)
}
