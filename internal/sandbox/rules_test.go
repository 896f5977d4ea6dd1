package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestTokenAnswerIsTheDocuments(t *testing.T) {
	c := start(t, sandbox.Options{})
	login, secret := c.sandbox.Credentials()
	r := c.post("access/token", "login", login, "secret", secret)
	require.Equal(t, 200, r.status)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Regexp(t, `^\{"access_token":"[0-9a-f]{40}","expires_in":3600,"token_type":"Bearer"\}$`, r.body)
}

func TestTokenIsGivenForTheRightLoginAlone(t *testing.T) {
	c := start(t, sandbox.Options{Login: "user@example.com", Secret: "made-up secret"})
	for name, row := range map[string]struct {
		form   []string
		status int
		fields []string
	}{
		"right":            {[]string{"login", "user@example.com", "secret", "made-up secret"}, 200, nil},
		"wrong secret":     {[]string{"login", "user@example.com", "secret", "made-up"}, 401, nil},
		"wrong login":      {[]string{"login", "User@example.com", "secret", "made-up secret"}, 401, nil},
		"no secret":        {[]string{"login", "user@example.com"}, 422, []string{"secret"}},
		"empty secret":     {[]string{"login", "user@example.com", "secret", ""}, 422, []string{"secret"}},
		"another field":    {[]string{"login", "user@example.com", "secret", "made-up secret", "grant_type", "x"}, 422, []string{"grant_type"}},
		"secret twice":     {[]string{"login", "user@example.com", "secret", "made-up secret", "secret", "made-up secret"}, 422, []string{"secret"}},
		"nothing at all":   {nil, 422, []string{"login", "secret"}},
		"capitals in name": {[]string{"Login", "user@example.com", "secret", "made-up secret"}, 422, []string{"login", "Login"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.post("access/token", row.form...)
			require.Equal(t, row.status, r.status, r.body)
			if row.fields != nil {
				require.ElementsMatch(t, row.fields, fields(t, r))
			}
			if r.status != 200 {
				require.NotContains(t, r.body, "access_token")
			}
		})
	}
	r := c.post("access/token?secret=made-up%20secret", "login", "user@example.com")
	require.Equal(t, 400, r.status, "a secret in the URL")
	for _, kept := range c.sandbox.Requests() {
		encoded, err := json.Marshal(kept)
		require.NoError(t, err)
		require.NotContains(t, string(encoded), "made-up")
	}
}

func TestPathsAndMethods(t *testing.T) {
	c := start(t, sandbox.Options{})
	key := c.keys("plesk")[0]
	for _, row := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "license/plesk", 200, ""},
		{"GET", "license/plesk/order", 200, ""},
		{"GET", "license/plesk/" + key, 200, ""},
		{"GET", "license/plesk/PLSK%2E" + key[5:], 200, ""},
		{"GET", "", 404, ""},
		{"GET", "test/", 404, ""},
		{"GET", "license", 404, ""},
		{"GET", "license/", 404, ""},
		{"GET", "license/plesk/", 404, ""},
		{"GET", "license//plesk", 404, ""},
		{"GET", "license/Plesk", 404, ""},
		{"GET", "license/windows", 404, ""},
		{"GET", "license/plesk/" + key + "/", 404, ""},
		{"GET", "license/plesk/" + key + "/x", 404, ""},
		{"GET", "license/plesk/" + key + ".0000", 404, ""},
		{"GET", "license/plesk/PLSK.00000000", 404, ""},
		{"GET", "license/cpanel/" + key, 404, ""},
		{"GET", "_sandbox/requests", 404, ""},
		{"GET", "access/token", 405, "POST"},
		{"PUT", "access/token", 405, "POST"},
		{"POST", "license/plesk", 405, "GET"},
		{"DELETE", "license/plesk", 405, "GET"},
		{"HEAD", "license/plesk", 405, "GET"},
		{"POST", "license/plesk/" + key, 405, "DELETE, GET, PUT"},
		{"PATCH", "license/plesk/" + key, 405, "DELETE, GET, PUT"},
		{"DELETE", "license/plesk/order", 405, "GET, POST"},
		{"PUT", "license/plesk/order", 405, "GET, POST"},
		{"DELETE", "license/plesk/%6frder", 405, "GET, POST"},
	} {
		for _, environment := range []string{"", "test/"} {
			caller := c
			path := environment + row.path
			if environment != "" {
				path = strings.ReplaceAll(path, key, "PLSK.02900001")
				path = strings.ReplaceAll(path, key[5:], "02900001")
				caller = c.test()
				caller.url = c.url
				caller.token = c.test().login()
			}
			r := caller.do(row.method, path)
			require.Equal(t, row.status, r.status, "%s %s: %s", row.method, path, r.body)
			require.Equal(t, row.allow, r.header.Get("Allow"), "%s %s", row.method, path)
		}
	}
	require.Empty(t, c.sandbox.Effects())
}

func TestTokenIsRequiredAndEnds(t *testing.T) {
	at := newClock()
	c := start(t, sandbox.Options{Now: at.Now})
	key := c.keys("plesk")[0]
	requests := []struct{ method, path string }{
		{"GET", "license/plesk"}, {"GET", "license/plesk/order"}, {"POST", "license/plesk/order"},
		{"GET", "license/plesk/" + key}, {"PUT", "license/plesk/" + key}, {"DELETE", "license/plesk/" + key},
	}
	refused := func(why string) {
		t.Helper()
		for _, r := range requests {
			answer := c.do(r.method, r.path)
			require.Equal(t, 401, answer.status, "%s: %s %s", why, r.method, r.path)
			require.Equal(t, "Bearer", answer.header.Get("WWW-Authenticate"))
		}
	}
	right := c.token
	for _, wrong := range []string{"", "x", right + "x", right[1:], strings.ToUpper(right)} {
		c.token = wrong
		refused(wrong)
	}
	c.token = right
	require.Equal(t, 200, c.get("license/plesk").status)
	at.advance(time.Hour - time.Second)
	require.Equal(t, 200, c.get("license/plesk").status)
	at.advance(time.Second)
	refused("expired")
	c.token = c.login()
	require.Equal(t, 200, c.get("license/plesk").status)
	c.sandbox.ExpireTokens()
	refused("dropped")
	require.Empty(t, c.sandbox.Effects())

	for header, status := range map[string]int{"Bearer " + c.login(): 200, "bearer " + c.login(): 401, "Basic " + c.login(): 401, c.login(): 401} {
		r, err := http.NewRequest("GET", c.url+"license/plesk", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", header)
		answer, err := c.http.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, status, answer.StatusCode, strings.Fields(header)[0])
	}
	c.token = ""
	require.Equal(t, 401, c.get("license/plesk?access_token="+c.login()).status)
}

func TestLiveAndTestNeverMix(t *testing.T) {
	live := start(t, sandbox.Options{})
	test := live.test()
	test.token = live.token
	require.Equal(t, 401, test.get("license/plesk").status)
	test.token = test.login()
	liveToken := live.token
	live.token = test.token
	require.Equal(t, 401, live.get("license/plesk").status)
	live.token = liveToken

	for _, family := range []string{"plesk", "cpanel", "virtuozzo"} {
		for _, key := range test.keys(family) {
			require.NotContains(t, live.keys(family), key)
			require.Equal(t, 404, live.get("license/"+family+"/"+key).status)
		}
	}
	key := test.keys("plesk")[0]
	require.Equal(t, 200, test.delete("license/plesk/"+key).status)
	require.Equal(t, 200, test.post("license/plesk/order", orders["plesk12"].form...).status)
	require.Len(t, live.keys("plesk"), 12)
	require.Len(t, live.sandbox.LicensesIn(sandbox.Test, websoftsolus.Plesk), 12)
	for _, e := range live.sandbox.Effects() {
		require.Equal(t, sandbox.Test, e.License.Environment)
		require.Equal(t, sandbox.Test, e.Request.Environment)
	}
}

func TestEditTakesTitleAndComment(t *testing.T) {
	c := start(t, sandbox.Options{})
	for _, family := range []string{"plesk", "cpanel", "virtuozzo"} {
		key := c.keys(family)[0]
		path := "license/" + family + "/" + key
		for name, row := range map[string]struct {
			form   []string
			status int
			fields []string
		}{
			"both":          {[]string{"title", "Käse & Co", "comment", "a=b"}, 200, nil},
			"empty comment": {[]string{"title", "x", "comment", ""}, 200, nil},
			"no comment":    {[]string{"title", "x"}, 422, []string{"comment"}},
			"no title":      {[]string{"comment", "x"}, 422, []string{"title"}},
			"empty title":   {[]string{"title", "", "comment", "x"}, 422, []string{"title"}},
			"nothing":       {nil, 422, []string{"title", "comment"}},
			"another field": {[]string{"title", "x", "comment", "", "period", "12"}, 422, []string{"period"}},
			"title twice":   {[]string{"title", "x", "title", "x", "comment", ""}, 422, []string{"title"}},
		} {
			before := len(c.sandbox.Effects())
			r := c.put(path, row.form...)
			require.Equal(t, row.status, r.status, "%s %s: %s", family, name, r.body)
			if row.status != 200 {
				require.ElementsMatch(t, row.fields, fields(t, r), name)
				require.Len(t, c.sandbox.Effects(), before)
				continue
			}
			require.JSONEq(t, `{"success":true}`, r.body)
			l := c.sandbox.Licenses(websoftsolus.Family(family))[0]
			require.Equal(t, []string{row.form[1], row.form[3]}, []string{l.Title, l.Comment})
		}
		require.Equal(t, 404, c.put("license/"+family+"/X123", "title", "x", "comment", "").status)
	}
}

func TestTerminateEndsOneLicenceOnce(t *testing.T) {
	for _, family := range []string{"plesk", "cpanel", "virtuozzo"} {
		c := start(t, sandbox.Options{})
		keys := c.keys(family)
		path := "license/" + family + "/" + keys[1]
		require.Equal(t, 422, c.delete(path, "title", "x").status, "it takes no parameters")
		require.Empty(t, c.sandbox.Effects())
		require.Equal(t, 200, c.delete(path).status)
		require.Equal(t, 404, c.delete(path).status)
		require.Equal(t, 404, c.get(path).status)
		require.Equal(t, 404, c.put(path, "title", "x", "comment", "").status)
		require.Equal(t, append(keys[:1], keys[2:]...), c.keys(family))
		effects := c.sandbox.Effects()
		require.Len(t, effects, 1)
		require.Equal(t, sandbox.Ended, effects[0].Kind)
		require.Equal(t, sandbox.Active, effects[0].Before.Status)
	}
}

func TestOrderMakesTheLicenceThatItDescribes(t *testing.T) {
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			at := newClock()
			c := start(t, sandbox.Options{Now: at.Now})
			before := c.keys(order.family)
			r := c.post("license/"+order.family+"/order", order.form...)
			require.Equal(t, 200, r.status, r.body)
			var made struct{ KeyNumber string }
			require.NoError(t, json.Unmarshal([]byte(r.body), &made))
			require.Equal(t, append(before, made.KeyNumber), c.keys(order.family))

			var l struct {
				Title, Comment, Product, Status, Period, ServerIP, OS, OrderDate, ExpirationDate string
				Options                                                                          map[string]any
			}
			require.NoError(t, json.Unmarshal([]byte(c.get("license/"+order.family+"/"+made.KeyNumber).body), &l))
			said := map[string]string{"product": l.Product, "title": l.Title, "comment": l.Comment, "period": l.Period}
			if l.ServerIP != "" {
				said["serverIP"] = l.ServerIP
			}
			if l.OS != "" {
				said["os"] = l.OS
			}
			for option, value := range l.Options {
				switch value := value.(type) {
				case string:
					said[option] = value
				case []any:
					for i, element := range value {
						said[fmt.Sprintf("%s[%d]", option, i)] = element.(string)
					}
				}
			}
			asked := map[string]string{}
			for i := 0; i < len(order.form); i += 2 {
				asked[order.form[i]] = order.form[i+1]
			}
			require.Equal(t, asked, said)
			require.Equal(t, sandbox.Active, l.Status)
			require.Equal(t, "2026-03-01 12:00:00", l.OrderDate)
			require.Greater(t, l.ExpirationDate, l.OrderDate)
		})
	}
}

func TestOrderIsRefusedForEveryFieldThatIsWrong(t *testing.T) {
	with := func(name string, changes ...string) []string {
		form := append([]string{}, orders[name].form...)
	next:
		for i := 0; i < len(changes); i += 2 {
			for n := 0; n < len(form); n += 2 {
				if form[n] == changes[i] {
					form[n+1] = changes[i+1]
					continue next
				}
			}
			form = append(form, changes[i], changes[i+1])
		}
		return form
	}
	c := start(t, sandbox.Options{})
	refused := func(name string, form []string, wrong ...string) {
		t.Helper()
		r := c.post("license/"+orders[name].family+"/order", form...)
		require.Equal(t, 422, r.status, "%s %v: %s", name, form, r.body)
		require.ElementsMatch(t, wrong, fields(t, r), "%s %v: %s", name, form, r.body)
		require.NotContains(t, r.body, "_license", "an API knows no tools")
	}
	for name, order := range orders {
		for n := 0; n < len(order.form); n += 2 {
			if strings.HasPrefix(order.form[n], "addons") {
				continue // optional
			}
			missing := append(append([]string{}, order.form[:n]...), order.form[n+2:]...)
			refused(name, missing, order.form[n])
			refused(name, append(append([]string{}, order.form...), order.form[n], order.form[n+1]), order.form[n])
		}
		refused(name, with(name, "title", ""), "title")
		refused(name, with(name, "period", "2"), "period")
		refused(name, with(name, "surprise", "1"), "surprise")
		refused(name, with(name, "product", "NONE_SUCH"), "product")
		refused(name, with(name, "product", "NONE_SUCH", "period", "13", "title", ""), "product", "period", "title")
	}
	refused("plesk12", with("plesk12", "CBMClients", "UNLIMITED"), "CBMClients")
	refused("plesk12", with("plesk12", "os", "LINUX"), "os")
	refused("plesk10", with("plesk10", "WPBOptions", "0"), "WPBOptions")
	refused("plesk10", with("plesk10", "WPBSites", "10"), "WPBSites")
	refused("plesk10", with("plesk10", "languagePack", "UNLIMITED"), "languagePack")
	refused("plesk10", with("plesk10", "antivirus", "PREMIUM_ANTIVIRUS_FOR_WIN"), "antivirus")
	refused("plesk12", with("plesk12", "product", "PLESK_10_AND_LATER_UNLIMITED_DOMAINS"), "os", "WPBSites", "WPBOptions", "CBMClients", "languagePack")
	refused("plesk12", with("plesk12", "product", "CPANEL_WHM_VPS"), "product")
	refused("cpanel", with("cpanel", "addons[1]", "NONE_SUCH"), "addons[1]")
	refused("cpanel", with("cpanel", "serverIP", "example.com"), "serverIP")
	refused("cpanel", append(append([]string{}, orders["cpanel"].form...), "addons[0]", "WHMXTRA"), "addons[0]")
	refused("virtuozzo", with("virtuozzo", "os", "linux"), "os")
	require.Empty(t, c.sandbox.Effects())
}

func TestAddonsMayComeAsPHPWritesThem(t *testing.T) {
	base := orders["cpanel"].form[:10]
	for name, addons := range map[string][]string{
		"none":     nil,
		"numbered": {"addons[0]", "SOFTACULOUS", "addons[1]", "CLOUDLINUX"},
		"bare":     {"addons[]", "SOFTACULOUS", "addons[]", "CLOUDLINUX"},
		"empty":    {"addons", ""},
	} {
		c := start(t, sandbox.Options{})
		r := c.post("license/cpanel/order", append(append([]string{}, base...), addons...)...)
		require.Equal(t, 200, r.status, "%s: %s", name, r.body)
	}
}

func TestParametersMayComeInTheURL(t *testing.T) {
	c := start(t, sandbox.Options{})
	key := c.keys("plesk")[0]
	path := "license/plesk/" + key
	require.Equal(t, 200, c.put(path+"?title=from+the+URL&comment=").status)
	require.Equal(t, "from the URL", c.sandbox.Licenses(websoftsolus.Plesk)[0].Title)
	require.Equal(t, 200, c.put(path+"?title=half", "comment", "half").status)
	require.Equal(t, []string{"title"}, fields(t, c.put(path+"?title=one", "title", "two", "comment", "")))
	require.Equal(t, []string{"limit"}, fields(t, c.get("license/plesk?limit=5")))
	require.Equal(t, []string{"force"}, fields(t, c.delete(path+"?force=1")))
	require.Equal(t, 200, c.post("license/virtuozzo/order?"+encode(orders["virtuozzo"].form...)).status)
	require.Len(t, c.sandbox.Effects(), 3)
}

func TestBodiesThatAreNoForm(t *testing.T) {
	c := start(t, sandbox.Options{})
	path := "license/plesk/" + c.keys("plesk")[0]
	for name, row := range map[string]struct {
		contentType, body string
		status            int
	}{
		"a form":                  {"application/x-www-form-urlencoded", "title=x&comment=", 200},
		"a form with a charset":   {"application/x-www-form-urlencoded; charset=utf-8", "title=x&comment=", 200},
		"JSON":                    {"application/json", `{"title":"x","comment":""}`, 415},
		"a form declared JSON":    {"application/json", "title=x&comment=", 415},
		"a form declared nothing": {"", "title=x&comment=", 415},
		"multipart":               {"multipart/form-data; boundary=x", "--x--", 415},
		"a broken escape":         {"application/x-www-form-urlencoded", "title=%zz&comment=", 400},
		"too much":                {"application/x-www-form-urlencoded", "title=" + strings.Repeat("x", 1<<20), 413},
	} {
		before := len(c.sandbox.Effects())
		r, err := c.try("PUT", path, row.contentType, row.body)
		require.NoError(t, err, name)
		require.Equal(t, row.status, r.status, "%s: %s", name, r.body)
		require.Equal(t, row.status == 200, len(c.sandbox.Effects()) == before+1, name)
	}
}

// FuzzOnlyRightRequestsTakeEffect sends anything at all to a sandbox without
// faults: it must answer, and an effect stands behind each 2xx of a write and
// behind nothing else.
func FuzzOnlyRightRequestsTakeEffect(f *testing.F) {
	f.Add("PUT", "license/plesk/PLSK.02980001?title=x", "application/x-www-form-urlencoded", "comment=", true)
	f.Add("DELETE", "license/plesk/%6frder", "", "", true)
	f.Add("DELETE", "license/plesk/PLSK.02980002", "", "", false)
	for _, order := range orders {
		f.Add("POST", "license/"+order.family+"/order", "application/x-www-form-urlencoded", encode(order.form...), true)
	}
	f.Fuzz(func(t *testing.T, method, path, contentType, body string, loggedIn bool) {
		target, err := url.ParseRequestURI("/" + path)
		if err != nil {
			return
		}
		s := sandbox.New(sandbox.Options{Now: newClock().Now})
		login, secret := s.Credentials()
		send := func(r *http.Request) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		logIn := httptest.NewRequest("POST", "/access/token", strings.NewReader(encode("login", login, "secret", secret)))
		logIn.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		var token struct {
			AccessToken string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal(send(logIn).Body.Bytes(), &token))

		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL = method, target
		r.Header.Set("Content-Type", contentType)
		if loggedIn {
			r.Header.Set("Authorization", "Bearer "+token.AccessToken)
		}
		answer := send(r)
		require.True(t, json.Valid(answer.Body.Bytes()), answer.Body)
		requests := s.Requests()
		last := requests[len(requests)-1]
		require.Equal(t, answer.Code, last.Status)
		write := last.Endpoint == sandbox.Order || last.Endpoint == sandbox.Edit || last.Endpoint == sandbox.Terminate
		require.Equal(t, write && answer.Code == 200, len(s.Effects()) == 1)
		require.False(t, !loggedIn && answer.Code == 200 && last.Endpoint != sandbox.Token)
	})
}
