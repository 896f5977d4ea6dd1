package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// client is the real client, logged in to a sandbox in a dialect. Every family
// holds seven licences, the fifth without a comment and the seventh with one
// beyond ASCII.
func client(t *testing.T, words string) (*websoftsolus.Client, *sandbox.Sandbox) {
	s := sandbox.New(sandbox.Options{
		Now: newClock().Now, Dialect: parse(t, words),
		Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 7, websoftsolus.CPanel: 7, websoftsolus.Virtuozzo: 7},
	})
	server, err := s.Start("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	login, secret := s.Credentials()
	return &websoftsolus.Client{BaseURL: server.URL, Login: login, Secret: secret}, s
}

// eachDialect runs a test in every dialect and family.
func eachDialect(t *testing.T, test func(t *testing.T, words string, family websoftsolus.Family)) {
	for _, words := range sandbox.Dialects() {
		for _, family := range websoftsolus.Families {
			t.Run(words+" "+string(family), func(t *testing.T) { test(t, words, family) })
		}
	}
}

// rightOrder is a right order of the family.
func rightOrder(family websoftsolus.Family) url.Values {
	for _, name := range []string{"plesk12", "cpanel", "virtuozzo"} {
		if order := orders[name]; order.family == string(family) {
			form := url.Values{}
			for i := 0; i < len(order.form); i += 2 {
				form.Set(order.form[i], order.form[i+1])
			}
			return form
		}
	}
	return nil
}

func TestClientListsInEveryDialect(t *testing.T) {
	eachDialect(t, func(t *testing.T, words string, family websoftsolus.Family) {
		c, s := client(t, words)
		want := []string{}
		for _, l := range s.Licenses(family) {
			want = append(want, l.KeyNumber)
		}
		keys, err := c.ListKeys(t.Context(), family)
		require.NoError(t, err)
		require.Equal(t, want, keys)
	})
}

func TestClientListsNothingInEveryDialect(t *testing.T) {
	for _, words := range sandbox.Dialects() {
		s := sandbox.New(sandbox.Options{Dialect: parse(t, words), Licenses: map[websoftsolus.Family]int{}})
		server, err := s.Start("127.0.0.1:0")
		require.NoError(t, err)
		login, secret := s.Credentials()
		c := &websoftsolus.Client{BaseURL: server.URL, Login: login, Secret: secret}
		for _, family := range websoftsolus.Families {
			keys, err := c.ListKeys(t.Context(), family)
			require.NoError(t, err, words)
			require.Empty(t, keys, words)
		}
		require.NoError(t, server.Close())
	}
}

func TestClientReadsPropertiesInEveryDialect(t *testing.T) {
	eachDialect(t, func(t *testing.T, words string, family websoftsolus.Family) {
		c, s := client(t, words)
		for _, l := range s.Licenses(family) {
			got, err := c.GetLicense(t.Context(), family, l.KeyNumber)
			require.NoError(t, err)
			want := websoftsolus.License{
				Family: family, KeyNumber: l.KeyNumber, NamedKey: l.KeyNumber,
				Title: l.Title, Comment: l.Comment, Product: l.Product, Status: l.Status,
				Period: l.Period, ServerIP: l.ServerIP,
				OrderedAt: l.OrderedAt.Format("2006-01-02 15:04:05"), ExpiresAt: l.ExpiresAt.Format("2006-01-02 15:04:05"),
				TitleShown: true, CommentShown: true,
			}
			switch words {
			case "get:long-key":
				if family == websoftsolus.Plesk {
					want.NamedKey += ".0000"
				}
			case "get:no-key":
				want.NamedKey = ""
			case "get:zero-dates":
				want.OrderedAt, want.ExpiresAt = "", ""
			case "get:no-comment":
				want.Comment, want.CommentShown = "", false
			case "get:null-comment":
				want.CommentShown = got.CommentShown // nothing says whether null shows a comment
			case "get:key-only":
				want = websoftsolus.License{Family: family, KeyNumber: l.KeyNumber, NamedKey: l.KeyNumber, Status: l.Status}
			}
			want.Properties = got.Properties
			require.Equal(t, want, *got)
			require.True(t, json.Valid(got.Properties))
			if words != "get:no-key" {
				require.Contains(t, string(got.Properties), l.KeyNumber)
			}
		}
	})
}

func TestClientReadsVersionsInEveryDialect(t *testing.T) {
	eachDialect(t, func(t *testing.T, words string, family websoftsolus.Family) {
		c, s := client(t, words)
		got, err := c.OrderableVersions(t.Context(), family)
		require.NoError(t, err)
		require.Equal(t, family, got.Family)
		require.True(t, got.Unambiguous)
		var names []string
		labelled := slices.Contains([]string{"versions:objects-product", "versions:objects-id-title", "versions:map-label", "versions:map-object", "rest", "terse"}, words)
		for _, v := range got.Versions {
			names = append(names, v.Product)
			require.Equal(t, labelled, v.Label != "" && v.Label != v.Product, "%+v", v)
		}
		var want []string
		for _, p := range s.Products(family) {
			want = append(want, p.Name)
		}
		require.Equal(t, want, names)
	})
}

func TestClientUnderstandsAnOrderInEveryDialect(t *testing.T) {
	eachDialect(t, func(t *testing.T, words string, family websoftsolus.Family) {
		c, s := client(t, words)
		got, err := c.Order(t.Context(), family, rightOrder(family))
		require.NoError(t, err)
		licenses := s.Licenses(family)
		require.Len(t, licenses, 8, "one order, one licence")
		l := licenses[7]
		key, id, pending := l.KeyNumber, "", false
		switch words {
		case "order:id-only", "order:order-id", "groups":
			key, id = "", l.OrderID
		case "order:pending", "latin-1":
			key, id, pending = "", l.OrderID, true
		case "order:pending-key":
			pending = true
		case "order:incomplete":
			key, pending = "", true
		case "order:success", "order:one", "order:empty", "order:created", "order:no-content", "php", "terse":
			key = ""
		}
		require.Equal(t, key, got.KeyNumber)
		if words != "order:license" { // it shows both
			require.Equal(t, id, got.OrderID)
		}
		require.Equal(t, pending, got.Pending)
		require.Equal(t, 1, s.Counts().Requests[sandbox.Order])
	})
}

func TestClientUnderstandsEditAndTerminateInEveryDialect(t *testing.T) {
	eachDialect(t, func(t *testing.T, words string, family websoftsolus.Family) {
		c, s := client(t, words)
		key := s.Licenses(family)[1].KeyNumber
		_, err := c.Edit(t.Context(), family, key, "Käse & Co", "a=b\nc")
		require.NoError(t, err)
		l := s.Licenses(family)[1]
		require.Equal(t, []string{"Käse & Co", "a=b\nc"}, []string{l.Title, l.Comment})
		_, err = c.Terminate(t.Context(), family, key)
		require.NoError(t, err)
		require.Len(t, s.Licenses(family), 6)
		counts := s.Counts()
		require.Equal(t, []int{1, 1}, []int{counts.Requests[sandbox.Edit], counts.Requests[sandbox.Terminate]})
		require.Len(t, s.Effects(), 2)
	})
}

func TestClientUnderstandsRefusalsInEveryDialect(t *testing.T) {
	eachDialect(t, func(t *testing.T, words string, family websoftsolus.Family) {
		c, s := client(t, words)
		inside200 := slices.Contains([]string{"errors:error-in-200", "errors:success-false", "errors:result-error", "errors:status-error", "errors:faultstring", "php", "latin-1"}, words)
		refused := func(err error, kind websoftsolus.ErrorKind, status int, message string) *websoftsolus.Error {
			t.Helper()
			var e *websoftsolus.Error
			require.True(t, errors.As(err, &e), "%v", err)
			require.Equal(t, websoftsolus.NotDone, e.Outcome, "%v", e)
			if inside200 {
				status = 200
				if kind == websoftsolus.NotFound {
					kind = websoftsolus.Rejected
				}
			}
			require.Equal(t, kind, e.Kind, "%v", e)
			require.Equal(t, status, e.Status)
			switch words {
			case "errors:empty":
				require.Empty(t, e.Message)
			case "errors:html": // which words of a page count is the client's choice
				require.NotEmpty(t, e.Message)
			default:
				require.Contains(t, e.Message, message)
			}
			if strings.HasPrefix(words, "errors:latin-1") {
				require.Contains(t, e.Message, "requête refusée")
			}
			return e
		}
		_, err := c.GetLicense(t.Context(), family, "X0000001")
		refused(err, websoftsolus.NotFound, 404, "no licence with this key number")
		_, err = c.Edit(t.Context(), family, "X0000001", "x", "")
		refused(err, websoftsolus.NotFound, 404, "no licence with this key number")
		_, err = c.Terminate(t.Context(), family, "X0000001")
		refused(err, websoftsolus.NotFound, 404, "no licence with this key number")
		form := rightOrder(family)
		form.Set("product", "NONE_SUCH")
		_, err = c.Order(t.Context(), family, form)
		e := refused(err, websoftsolus.Rejected, 422, "")
		if words == "document" || words == "errors:fields" {
			require.Equal(t, map[string][]string{"product": {"is not an orderable product"}}, e.Fields)
		}
		require.Empty(t, s.Effects())
		require.Equal(t, []int{1, 1, 1}, []int{s.Counts().Requests[sandbox.Edit], s.Counts().Requests[sandbox.Terminate], s.Counts().Requests[sandbox.Order]})

		c.Secret = "wrong"
		s.ExpireTokens()
		_, err = c.ListKeys(t.Context(), family)
		inside200 = false
		refused(err, websoftsolus.Unauthorized, 401, "")
	})
}

// TestClientSendsAWriteOnceWhateverGoesWrong has each fault strike each write,
// before and after its effect. An answer that cannot be trusted is unknown, and
// nothing is sent a second time.
func TestClientSendsAWriteOnceWhateverGoesWrong(t *testing.T) {
	const key = "PLSK.02980001"
	writes := map[sandbox.Endpoint]func(context.Context, *websoftsolus.Client) error{
		sandbox.Order: func(ctx context.Context, c *websoftsolus.Client) error {
			_, err := c.Order(ctx, websoftsolus.Plesk, rightOrder(websoftsolus.Plesk))
			return err
		},
		sandbox.Edit: func(ctx context.Context, c *websoftsolus.Client) error {
			_, err := c.Edit(ctx, websoftsolus.Plesk, key, "x", "")
			return err
		},
		sandbox.Terminate: func(ctx context.Context, c *websoftsolus.Client) error {
			_, err := c.Terminate(ctx, websoftsolus.Plesk, key)
			return err
		},
	}
	for fault, row := range map[string]struct {
		kind    websoftsolus.ErrorKind
		outcome websoftsolus.Outcome
	}{
		"drop":                        {websoftsolus.Network, websoftsolus.Unknown},
		"reset":                       {websoftsolus.Network, websoftsolus.Unknown},
		"garbled":                     {websoftsolus.Network, websoftsolus.Unknown},
		"hang":                        {"", websoftsolus.Unknown},
		"truncated":                   {"", websoftsolus.Unknown},
		"cut":                         {websoftsolus.Unreadable, websoftsolus.Unknown},
		"oversized":                   {websoftsolus.Unreadable, websoftsolus.Unknown},
		"deep":                        {websoftsolus.Unreadable, websoftsolus.Unknown},
		"html":                        {websoftsolus.Unreadable, websoftsolus.Unknown},
		"redirect":                    {websoftsolus.Redirected, websoftsolus.Unknown},
		"status=500":                  {websoftsolus.Unavailable, websoftsolus.Unknown},
		"status=502 body=html":        {websoftsolus.Unavailable, websoftsolus.Unknown},
		"status=503 retry-after=1s":   {websoftsolus.Unavailable, websoftsolus.Unknown},
		"status=504 body=empty":       {websoftsolus.Unavailable, websoftsolus.Unknown},
		"status=400":                  {websoftsolus.Rejected, websoftsolus.NotDone},
		"status=403":                  {websoftsolus.Unauthorized, websoftsolus.NotDone},
		"status=401":                  {websoftsolus.Unauthorized, websoftsolus.NotDone},
		"status=429 retry-after=1s":   {websoftsolus.RateLimited, websoftsolus.NotDone},
		"status=200 body=faultstring": {websoftsolus.Rejected, websoftsolus.NotDone},
	} {
		for _, when := range []string{"before", "after"} {
			for endpoint, write := range writes {
				t.Run(string(endpoint)+" "+fault+" "+when, func(t *testing.T) {
					t.Parallel()
					c, s := client(t, "")
					_, err := c.ListKeys(t.Context(), websoftsolus.CPanel) // logged in, on a connection that is used again
					require.NoError(t, err)
					s.Inject(faults(t, "write "+fault+" "+when)...)
					ctx := t.Context()
					if fault == "hang" {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
						defer cancel()
					}
					err = write(ctx, c)
					var e *websoftsolus.Error
					require.True(t, errors.As(err, &e), "%v", err)
					require.Equal(t, row.outcome, e.Outcome, "%v", e)
					if row.kind != "" {
						require.Equal(t, row.kind, e.Kind, "%v", e)
					}
					require.Equal(t, 1, s.Counts().Requests[endpoint], "%v", s.Requests())
					require.Equal(t, when == "after", len(s.Effects()) == 1)
				})
			}
		}
	}
}
