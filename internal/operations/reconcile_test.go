package operations

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// lost confirms an order whose answer is lost and whose licence cannot be looked
// for yet, and returns its operation, of unknown outcome.
func (f *fixture) lost(r OrderRequest, effect bool) *Operation {
	f.t.Helper()
	phrase := f.proposed(r).Confirm
	if effect {
		f.api.on("POST", nil, fails(errLost))
	} else {
		f.api.on("POST", fails(errLost), nil)
	}
	posted := false
	f.api.change(func() {
		before := f.api.before
		f.api.before = func(ctx contextT, call string) error {
			if posted {
				return errReads
			}
			posted = call[:4] == "POST"
			return before(ctx, call)
		}
	})
	_, err := f.ConfirmOrder(f.t.Context(), r, phrase)
	refusal := refused(f.t, err, CodeOutcomeUnknown, "it is not known whether the licence was ordered")
	f.api.on("", nil, nil)
	return refusal.Operation
}

func (f *fixture) got(id string) *Operation {
	f.t.Helper()
	o, err := f.Get(f.t.Context(), id)
	require.NoError(f.t, err)
	return o
}

// quiet lets so much time pass that nothing can show late any more.
func (f *fixture) quiet() {
	f.clock.advance(f.deadline(f.now()).Sub(f.now()) + f.quietFor + time.Second)
}

func TestOrderWithLostAnswerIsFoundInTheSameCall(t *testing.T) {
	f := newFixture(t)
	f.api.on("POST", nil, fails(errLost))
	result := f.ordered(orderOf("shop"))
	require.Equal(t, Succeeded, result.Operation.State)
	require.Equal(t, Exact, result.Operation.Certainty)
	require.Equal(t, "PLSK.02980004", result.Operation.KeyNumber)
	require.Len(t, f.api.sent("POST"), 1)
}

func TestLicenceThatShowsLateIsFound(t *testing.T) {
	f := newFixture(t)
	f.api.on("POST", fails(errLost), nil)
	lists := 0
	f.api.change(func() {
		before := f.api.before
		f.api.before = func(ctx contextT, call string) error {
			if call == "LIST plesk" {
				if lists++; lists == 5 {
					f.api.change(func() {
						f.api.add(websoftsolus.Plesk, url.Values{"title": {"shop"}, "product": {"PLESK_12_WEB_HOST"}, "period": {"12"}})
					})
				}
			}
			return before(ctx, call)
		}
	})
	require.Equal(t, "PLSK.02980004", f.ordered(orderOf("shop")).Operation.KeyNumber)
}

func TestLostOrdersAreToldApartByWhatTheyShow(t *testing.T) {
	f := newFixture(t)
	a := f.lost(orderOf("shop"), true)
	b := f.lost(orderOf("mail"), false)
	c := f.lost(orderOf("blog"), true)
	f.quiet()
	require.Equal(t, NotApplied, f.got(b.ID).State)
	require.Equal(t, "PLSK.02980005", f.got(c.ID).KeyNumber)
	require.Equal(t, "PLSK.02980004", f.got(a.ID).KeyNumber)
	require.Len(t, f.api.sent("POST"), 3)
}

func TestOrdersThatLookAlikeNeverTakeOneKey(t *testing.T) {
	f := newFixture(t)
	with := func(antivirus string) OrderRequest {
		r := orderOf("shop")
		r.Form[4].Value = antivirus // the API shows no antivirus, so the licences look the same
		return r
	}
	b, a := f.lost(with("PREMIUM_ANTIVIRUS"), false), f.lost(with("0"), true)
	f.quiet()
	for range 2 {
		for _, id := range []string{a.ID, b.ID} {
			o := f.got(id)
			require.Equal(t, Unknown, o.State)
			require.Equal(t, Ambiguous, o.Certainty)
			require.Equal(t, []string{"PLSK.02980004"}, o.Candidates)
		}
	}
	_, err := f.Resolve(t.Context(), a.ID, Resolution{State: Succeeded, KeyNumber: "PLSK.02980001"})
	refused(t, err, CodeInvalidInput, "before the order")
	_, err = f.Resolve(t.Context(), a.ID, Resolution{State: Succeeded, KeyNumber: "PLSK.02989999"})
	refused(t, err, CodeInvalidInput, "lists no")
	_, err = f.Resolve(t.Context(), a.ID, Resolution{State: Succeeded})
	refused(t, err, CodeInvalidInput)
	_, err = f.Resolve(t.Context(), a.ID, Resolution{State: Rejected})
	refused(t, err, CodeInvalidInput)
	o, err := f.Resolve(t.Context(), a.ID, Resolution{State: Succeeded, KeyNumber: "PLSK.02980004"})
	require.NoError(t, err)
	require.Equal(t, Succeeded, o.State)
	require.Empty(t, o.Candidates)
	require.Equal(t, NotApplied, f.got(b.ID).State, "its only candidate is another's")
	_, err = f.Resolve(t.Context(), b.ID, Resolution{State: NotApplied})
	refused(t, err, CodeNotOpen)
}

func TestNothingNewIsNotAppliedOnlyAfterItWasQuiet(t *testing.T) {
	f := newFixture(t)
	o := f.lost(orderOf("shop"), false)
	require.Equal(t, Unknown, f.got(o.ID).State)
	f.clock.advance(o.Deadline.Sub(f.now()) + f.quietFor - time.Second)
	require.Equal(t, Unknown, f.got(o.ID).State)
	f.clock.advance(2 * time.Second)
	before := len(f.api.sent("LIST"))
	f.api.on("LIST", fails(errReads), nil)
	require.Equal(t, Unknown, f.got(o.ID).State, "a failed list decides nothing")
	f.api.on("", nil, nil)
	keep := f.api.licenses[websoftsolus.Plesk]
	f.api.change(func() { f.api.licenses[websoftsolus.Plesk] = keep[:1] })
	require.Equal(t, Unknown, f.got(o.ID).State, "a list that is cut short decides nothing")
	f.api.change(func() { f.api.licenses[websoftsolus.Plesk] = keep })
	require.Equal(t, NotApplied, f.got(o.ID).State)
	require.Equal(t, before+1+1+quietLooks, len(f.api.sent("LIST")))
}

func TestAnotherOrdersLicenceIsNoFinding(t *testing.T) {
	for name, row := range map[string]struct {
		form  url.Values
		state State
	}{
		"bought elsewhere, two fields differ": {url.Values{"title": {"mail"}, "comment": {"c"}, "product": {"PLESK_12_WEB_PRO"}, "period": {"12"}}, NotApplied},
		"one field differs":                   {url.Values{"title": {"mail"}, "product": {"PLESK_12_WEB_HOST"}, "period": {"12"}}, Unknown},
		"product shown as a label":            {url.Values{"title": {"Café"}, "product": {"Plesk 12 Web Host"}, "period": {"12"}}, Succeeded},
		"accents lost on the way":             {url.Values{"title": {"CafÃ©"}, "product": {"PLESK_12_WEB_HOST"}, "period": {"12"}}, Unknown},
		"another product":                     {url.Values{"title": {"Café"}, "product": {"VPS"}, "period": {"12"}}, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o := f.lost(orderOf("Café"), false)
			f.api.change(func() { f.api.add(websoftsolus.Plesk, row.form) })
			f.quiet()
			got := f.got(o.ID)
			require.Equal(t, row.state, got.State, got.Message)
			if row.state == Unknown {
				require.Equal(t, []string{"PLSK.02980004"}, got.Candidates)
			}
		})
	}
}

func TestOneNewLicenceThatShowsNothingIsProbable(t *testing.T) {
	f := newFixture(t)
	o := f.lost(orderOf("shop"), true)
	made := f.api.licenses[websoftsolus.Plesk][3]
	f.api.change(func() { *made = websoftsolus.License{Family: made.Family, KeyNumber: made.KeyNumber} })
	got := f.got(o.ID)
	require.Equal(t, Succeeded, got.State)
	require.Equal(t, Probable, got.Certainty)
	require.Equal(t, made.KeyNumber, got.KeyNumber)
}

func TestSeveralNewLicencesThatShowNothingAreAmbiguous(t *testing.T) {
	f := newFixture(t)
	o := f.lost(orderOf("shop"), true)
	f.api.change(func() {
		f.api.add(websoftsolus.Plesk, nil)
		for _, l := range f.api.licenses[websoftsolus.Plesk][3:] {
			*l = websoftsolus.License{Family: l.Family, KeyNumber: l.KeyNumber}
		}
	})
	f.quiet()
	got := f.got(o.ID)
	require.Equal(t, Unknown, got.State)
	require.Equal(t, Ambiguous, got.Certainty)
	require.Equal(t, []string{"PLSK.02980004", "PLSK.02980005"}, got.Candidates)
}

func TestOrderTakenWithoutAKeyIsDoneAndItsKeyFound(t *testing.T) {
	f := newFixture(t)
	f.api.silent = true
	result := f.ordered(orderOf("shop"))
	require.Equal(t, Succeeded, result.Operation.State)
	require.Equal(t, Exact, result.Operation.Certainty)
	require.Equal(t, Exact, result.Operation.KeyCertainty)
	require.Equal(t, "PLSK.02980004", result.Operation.KeyNumber)
	require.Equal(t, "shop", result.License.Title)

	f.api.on("LIST", nil, nil)
	listed := 0
	f.api.change(func() {
		f.api.before = func(_ contextT, call string) error {
			if call == "LIST plesk" {
				if listed++; listed > 1 {
					return errReads
				}
			}
			return nil
		}
	})
	result = f.ordered(orderOf("mail"))
	require.Equal(t, Succeeded, result.Operation.State, "the key is not known, the order is")
	require.Empty(t, result.Operation.KeyNumber)
	f.api.on("", nil, nil)
	require.Equal(t, "PLSK.02980005", f.got(result.Operation.ID).KeyNumber)
}

func TestTerminationWithLostAnswerIsFoundByReading(t *testing.T) {
	rows := map[string]struct {
		effect func(f *fixture, l *websoftsolus.License)
		state  State
	}{
		"gone": {func(f *fixture, l *websoftsolus.License) {
			f.api.licenses[websoftsolus.Plesk] = f.api.licenses[websoftsolus.Plesk][1:]
		}, Succeeded},
		"status says so":         {func(_ *fixture, l *websoftsolus.License) { l.Status = "Terminated" }, Succeeded},
		"status says other":      {func(_ *fixture, l *websoftsolus.License) { l.Status = "locked" }, Unknown},
		"as it was":              {func(*fixture, *websoftsolus.License) {}, NotApplied},
		"API finds nothing":      {func(f *fixture, l *websoftsolus.License) { clear(f.api.licenses) }, Unknown},
		"as it was, field aside": {func(_ *fixture, l *websoftsolus.License) { l.ExpiresAt = "2030-01-01" }, NotApplied},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			preview, err := f.ProposeTermination(t.Context(), termination(1))
			require.NoError(t, err)
			f.api.on("DELETE", func(contextT) error {
				f.api.change(func() { row.effect(f, f.api.licenses[websoftsolus.Plesk][0]) })
				return errLost
			}, nil)
			result, err := f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
			if row.state == Succeeded {
				require.NoError(t, err)
				require.Equal(t, Succeeded, result.Operation.State)
				return
			}
			refused(t, err, CodeOutcomeUnknown, "whether the licence was terminated")
			f.quiet()
			require.Equal(t, row.state, f.got(preview.Operation.ID).State)
			require.Len(t, f.api.sent("DELETE"), 1)
			if row.state == NotApplied {
				_, err = f.ConfirmTermination(t.Context(), termination(1), preview.Confirm)
				refused(t, err, CodeNotApplied, "the licence was not terminated")
			}
		})
	}
}

func TestWhoeverOpensTheLedgerNextLooks(t *testing.T) {
	f := newFixture(t)
	preview := f.proposed(orderOf("shop"))
	stale := f.proposed(orderOf("stale"))
	store, err := f.Service.ledger(t.Context())
	require.NoError(t, err)
	at := f.now()
	_, err = store.Claim(t.Context(), Claim{ID: preview.Operation.ID, At: at, Deadline: f.deadline(at), Baseline: []string{"PLSK.02980001", "PLSK.02980002", "PLSK.02980003"}, Limits: f.limits})
	require.NoError(t, err)
	f.api.change(func() { f.api.add(websoftsolus.Plesk, formEncoding(orderOf("shop").Form)) })
	require.NoError(t, f.Close(t.Context())) // dead between the claim and the outcome

	early := f.service()
	require.NoError(t, early.Recover(t.Context()))
	o, err := early.Get(t.Context(), preview.Operation.ID)
	require.NoError(t, err)
	require.Equal(t, Sending, o.State, "before its deadline another process may be sending it")
	_, err = early.ProposeOrder(t.Context(), orderOf("shop"))
	refused(t, err, CodeInProgress)

	f.clock.advance(10 * time.Minute)
	later := f.service()
	require.NoError(t, later.Recover(t.Context()))
	page, err := later.List(t.Context(), Filter{})
	require.NoError(t, err)
	require.Equal(t, stale.Operation.ID, page.Operations[0].ID)
	require.Equal(t, Expired, page.Operations[0].State)
	require.Equal(t, Succeeded, page.Operations[1].State)
	require.Equal(t, "PLSK.02980004", page.Operations[1].KeyNumber)
	require.Empty(t, f.api.sent("POST"))
}

func TestWhatStandsInTheWayIsLookedAtFirst(t *testing.T) {
	f := newFixture(t)
	o := f.lost(orderOf("shop"), false)
	f.quiet()
	f.ordered(orderOf("shop"))
	require.Equal(t, NotApplied, f.state(o.ID))
}

func TestOperationOfAnotherEnvironmentIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	o := f.lost(orderOf("shop"), false)
	proposed := f.proposed(orderOf("other"))
	f.quiet()
	elsewhere := f.service(func(c *Config) { c.BaseURL, c.Environment = "https://api.example.com/test/", "test" })
	require.NoError(t, elsewhere.Recover(t.Context()))
	_, err := elsewhere.Get(t.Context(), o.ID)
	refused(t, err, CodeOperationNotFound)
	_, err = elsewhere.ConfirmOrder(t.Context(), orderOf("other"), proposed.Confirm)
	refused(t, err, CodeConfirmUnknown, "nothing was ordered")
	page, err := elsewhere.List(t.Context(), Filter{})
	require.NoError(t, err)
	require.Empty(t, page.Operations)
	require.Equal(t, Unknown, f.state(o.ID))
}
