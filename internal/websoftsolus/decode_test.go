package websoftsolus

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// fixtures returns the answers in a folder of testdata, by file name, as they
// arrive: converted to UTF-8. Each file is one shape.
func fixtures(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.*"))
	require.NoError(t, err)
	require.NotEmpty(t, files, folder)
	all := map[string][]byte{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all[filepath.Base(file)] = toUTF8(content, "")
	}
	return all
}

func TestEveryShapeOfAList(t *testing.T) {
	odd := map[string][]string{
		"numbers.json":            {"2980001", "12345678901234567890"},
		"addresses.json":          {"192.0.2.1", "2001:db8::1"},
		"empty-array.json":        {},
		"empty-object.json":       {},
		"empty-null.json":         {},
		"empty-body.txt":          {},
		"empty-wrapped.json":      {},
		"empty-wrapped-null.json": {},
	}
	for name, body := range fixtures(t, "list") {
		keys, err := decodeKeys(body)
		if name[:4] == "bad-" {
			require.Error(t, err, name)
			continue
		}
		want, ok := odd[name]
		if !ok {
			want = []string{"PLSK.02980001", "PLSK.02980002"}
		}
		require.NoError(t, err, name)
		require.Equal(t, want, keys, name)
	}
}

func TestEveryShapeOfALicense(t *testing.T) {
	for name, body := range fixtures(t, "license") {
		l, err := decodeLicense(Plesk, "asked.1", body)
		require.NoError(t, err, name)
		require.Equal(t, &License{
			Family: Plesk, KeyNumber: "asked.1", NamedKey: "PLSK.02980001", Title: "web 1", Comment: "note",
			Product: "PLESK_12_WEB_HOST", Status: "active", Period: "12", ServerIP: "192.0.2.1",
			OrderedAt: "2026-01-02 03:04:05", ExpiresAt: "2027-01-02 03:04:05",
			TitleShown: true, CommentShown: true, Properties: body,
		}, l, name)
	}
}

func TestOddLicenses(t *testing.T) {
	bodies := fixtures(t, "license-odd")
	read := func(name string) *License {
		l, err := decodeLicense(Plesk, "asked.1", bodies[name])
		require.NoError(t, err, name)
		require.Equal(t, string(bodies[name]), string(l.Properties), name)
		return l
	}
	l := read("no-dates.json")
	require.Empty(t, l.OrderedAt)
	require.Empty(t, l.ExpiresAt)
	require.False(t, read("no-comment.json").CommentShown)
	require.True(t, read("empty-comment.json").CommentShown)
	require.True(t, read("null-comment.json").CommentShown)
	l = read("latin-1.json")
	require.Equal(t, "Käse", l.Title)
	require.Equal(t, "naïve", l.Comment)
	require.Contains(t, string(read("big-number.json").Properties), "12345678901234567890")
	require.Equal(t, "PLSK.02980001.0000", read("long-key.json").NamedKey)
	require.Equal(t, "failed", read("status-failed.json").Status, "a licence's status is not the answer's")

	for name, body := range fixtures(t, "license-bad") {
		_, err := decodeLicense(Plesk, "asked.1", body)
		require.Error(t, err, name)
	}
}

func TestEveryShapeOfTheOrderableVersions(t *testing.T) {
	for name, body := range fixtures(t, "versions") {
		v, err := decodeVersions(Plesk, body)
		require.NoError(t, err, name)
		require.True(t, v.Unambiguous, name)
		require.Equal(t, string(body), string(v.Raw), name)
		labelled := json.Valid(body) && containsText(body, "Web Host")
		want := []OrderableVersion{{Product: "PLESK_12_WEB_HOST"}, {Product: "PLESK_12_WEB_PRO"}}
		if labelled {
			want[0].Label, want[1].Label = "Web Host", "Web Pro"
		}
		if name == "groups.json" {
			want = []OrderableVersion{{Product: "PLESK_12_WEB_HOST"}, {Product: "PLESK_12_WEB_PRO"}}
		}
		require.Equal(t, want, v.Versions, name)
	}
	for body, unambiguous := range map[string]bool{`[]`: true, `{}`: true, `null`: true, ``: true, `["A",{"strange":[]}]`: false, `[true]`: false} {
		v, err := decodeVersions(Plesk, []byte(body))
		require.NoError(t, err, body)
		require.Equal(t, unambiguous, v.Unambiguous, body)
	}
	for _, body := range []string{`{"error":"no such family"}`, `{"success":false}`, `"text"`, `7`, `[`, `<html>`} {
		_, err := decodeVersions(Plesk, []byte(body))
		require.Error(t, err, body)
	}
}

func containsText(body []byte, text string) bool {
	for i := range body {
		if len(body)-i >= len(text) && string(body[i:i+len(text)]) == text {
			return true
		}
	}
	return false
}

func receiptOf(body []byte, order bool) (*Receipt, error) {
	return decodeReceipt("write", &answer{status: 200, header: http.Header{}, body: body}, order)
}

func TestEveryShapeOfAYes(t *testing.T) {
	for name, body := range fixtures(t, "receipt/yes") {
		for _, order := range []bool{false, true} {
			r, err := receiptOf(body, order)
			require.NoError(t, err, name)
			require.Empty(t, r.KeyNumber, name)
			require.False(t, r.Pending, name)
		}
	}
	for name, body := range fixtures(t, "receipt/key") {
		r, err := receiptOf(body, true)
		require.NoError(t, err, name)
		require.Equal(t, "PLSK.02980001", r.KeyNumber, name)
	}
	for name, body := range fixtures(t, "receipt/order-id") {
		r, err := receiptOf(body, true)
		require.NoError(t, err, name)
		require.Empty(t, r.KeyNumber, name)
		require.Equal(t, "4711", r.OrderID, name)
	}
	for name, body := range fixtures(t, "receipt/pending") {
		r, err := receiptOf(body, true)
		require.NoError(t, err, name)
		require.True(t, r.Pending, name)
	}
	r, err := decodeReceipt("write", &answer{status: 201, header: http.Header{"Location": {"/license/plesk/PLSK.02980001"}}}, true)
	require.NoError(t, err)
	require.Equal(t, "PLSK.02980001", r.KeyNumber)
	for _, elsewhere := range []string{"/license/plesk/order", "https://x.example/", "/license/plesk/a%20b"} {
		r, err := decodeReceipt("write", &answer{status: 201, header: http.Header{"Location": {elsewhere}}}, true)
		require.NoError(t, err)
		require.NotEqual(t, "order", r.KeyNumber)
		require.NotContains(t, r.KeyNumber, "%")
	}
}

func TestEveryShapeOfANoInsideA200(t *testing.T) {
	for name, body := range fixtures(t, "receipt/no") {
		for _, order := range []bool{false, true} {
			_, err := receiptOf(body, order)
			var e *Error
			require.ErrorAs(t, err, &e, name)
			require.Equal(t, Rejected, e.Kind, name)
			require.Equal(t, NotDone, e.Outcome, name)
			if len(body) > 10 {
				require.Contains(t, e.Message, "insufficient funds", name)
			}
		}
	}
}

func TestWhatIsNeitherYesNorNoIsUnknown(t *testing.T) {
	for name, body := range fixtures(t, "receipt/unknown") {
		_, err := receiptOf(body, true)
		var e *Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, Unreadable, e.Kind, name)
		require.Equal(t, Unknown, e.Outcome, name)
	}
}

func TestEveryShapeOfAnError(t *testing.T) {
	want := map[string]string{
		"error.json":                "bad product",
		"error-description.json":    "invalid_request: bad product",
		"message.json":              "bad product",
		"code-message-details.json": "bad product: see the catalogue",
		"errors.json":               "invalid: product: bad product; too old; period: bad period",
		"error-object.json":         "bad product",
		"text.txt":                  "bad product",
		"html.html":                 "503 Service Unavailable Back soon",
		"empty.txt":                 "",
		"latin-1.txt":               "Prodükt",
		"control.json":              `bad␀␛[31m \u202Eproduct second`,
	}
	bodies := fixtures(t, "error")
	require.Len(t, bodies, len(want))
	for name, body := range bodies {
		text, fields := errorText(body)
		require.Equal(t, want[name], text, name)
		if name == "errors.json" {
			require.Equal(t, map[string][]string{"product": {"bad product", "too old"}, "period": {"bad period"}}, fields)
		}
	}
}

func TestTokenAnswers(t *testing.T) {
	for body, header := range map[string]string{
		`{"access_token":"t","expires_in":3600,"token_type":"Bearer"}`:          "Bearer t",
		`{"access_token":"t","expires_in":"3600"}`:                              "Bearer t",
		`{"access_token":"t","token_type":"bearer"}`:                            "bearer t",
		`{"data":{"access_token":"t","expires_in":60,"token_type":"Bearer"}}`:   "Bearer t",
		`{"access_token":"t","expires_in":null,"token_type":null,"scope":null}`: "Bearer t",
	} {
		got, lifetime, err := decodeToken(&answer{status: 200, body: []byte(body)})
		require.NoError(t, err, body)
		require.Equal(t, header, got, body)
		require.Positive(t, lifetime, body)
	}
	for body, kind := range map[string]ErrorKind{
		``:                         Unreadable,
		`[]`:                       Unreadable,
		`{"access_token":""}`:      Unreadable,
		`{"access_token":"a b"}`:   Unreadable,
		`<html>`:                   Unreadable,
		`{"error":"wrong login"}`:  Unauthorized,
		`{"success":false}`:        Unauthorized,
		`{"access_token":"a\r\n"}`: Unreadable,
	} {
		_, _, err := decodeToken(&answer{status: 200, body: []byte(body)})
		var e *Error
		require.ErrorAs(t, err, &e, body)
		require.Equal(t, kind, e.Kind, body)
	}
}

func TestCheckKeyNumber(t *testing.T) {
	for _, good := range []string{"PLSK.02980001", "PLSK.02980001.0000", "192.0.2.1", "2001:db8::1", "L1234567", "a-b_c", "orders"} {
		require.NoError(t, CheckKeyNumber(good), good)
	}
	for _, bad := range []string{"", "order", "ORDER", ".", "..", "a..b", "../x", "a/b", `a\b`, "a?b", "a#b", "a%2Fb", "a b", "a\n", "ä", "\x00", string(make([]byte, 65))} {
		var e *Error
		require.ErrorAs(t, CheckKeyNumber(bad), &e, "%q", bad)
		require.Equal(t, InvalidKey, e.Kind)
		require.Equal(t, NotDone, e.Outcome)
	}
}

func TestParseBaseURL(t *testing.T) {
	for given, base := range map[string]string{
		"https://api.websoftsolus.com":       "https://api.websoftsolus.com/",
		"https://api.websoftsolus.com/test/": "https://api.websoftsolus.com/test/",
		"https://h.example:8443/a/b":         "https://h.example:8443/a/b/",
		"http://127.0.0.1:8089":              "http://127.0.0.1:8089/",
		"http://[::1]:8089/":                 "http://[::1]:8089/",
		"http://localhost:8089/":             "http://localhost:8089/",
	} {
		got, err := ParseBaseURL(given)
		require.NoError(t, err, given)
		require.Equal(t, base, got)
	}
	for _, bad := range []string{"", "api.websoftsolus.com", "http://api.websoftsolus.com/", "ftp://h.example/", "https://", "https://u:p@h.example/",
		"https://h.example/?a=b", "https://h.example/#x", "https://h.example/?", "://", "http://127.0.0.1.example/", "file:///etc"} {
		_, err := ParseBaseURL(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "u:p")
	}
}

// seed adds the fixtures of some folders to a fuzz target.
func seed(f *testing.F, folders ...string) {
	for _, folder := range folders {
		for _, body := range fixtures(f, folder) {
			f.Add(body)
		}
	}
}

func FuzzDecodeKeys(f *testing.F) {
	seed(f, "list")
	f.Fuzz(func(t *testing.T, body []byte) {
		body = toUTF8(body, "")
		keys, err := decodeKeys(body)
		if err != nil {
			return
		}
		var elements []any
		if json.Unmarshal(body, &elements) == nil && len(elements) > 0 && len(keys) == 0 {
			t.Fatalf("%d elements became no keys", len(elements))
		}
		seen := map[string]bool{}
		for _, key := range keys {
			if key == "" || seen[key] {
				t.Fatalf("key %q is empty or there twice", key)
			}
			seen[key] = true
		}
	})
}

func FuzzDecodeLicense(f *testing.F) {
	seed(f, "license", "license-odd", "license-bad")
	f.Fuzz(func(t *testing.T, body []byte) {
		body = toUTF8(body, "")
		if l, err := decodeLicense(Plesk, "k", body); err == nil {
			if string(l.Properties) != string(body) || !json.Valid(l.Properties) {
				t.Fatalf("properties %q of %q", l.Properties, body)
			}
		}
	})
}

func FuzzDecodeVersions(f *testing.F) {
	seed(f, "versions", "list")
	f.Fuzz(func(t *testing.T, body []byte) {
		body = toUTF8(body, "")
		if v, err := decodeVersions(Plesk, body); err == nil && string(v.Raw) != string(body) {
			t.Fatalf("raw %q of %q", v.Raw, body)
		}
	})
}

func FuzzDecodeReceipt(f *testing.F) {
	seed(f, "receipt/yes", "receipt/key", "receipt/order-id", "receipt/pending", "receipt/no", "receipt/unknown")
	f.Fuzz(func(t *testing.T, body []byte) {
		body = toUTF8(body, "")
		for _, order := range []bool{false, true} {
			r, err := receiptOf(body, order)
			var e *Error
			switch {
			case (r == nil) == (err == nil):
				t.Fatal("neither or both of receipt and error")
			case err != nil && !errors.As(err, &e):
				t.Fatalf("an error of another type: %v", err)
			case err != nil && e.Outcome == NotDone && e.Kind != Rejected:
				t.Fatalf("not done, and yet %s", e.Kind)
			case r != nil && !order && r.KeyNumber != "":
				t.Fatal("a key number where none was ordered")
			}
		}
	})
}

func FuzzDecodeToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"t","expires_in":3600,"token_type":"Bearer"}`))
	f.Add([]byte(`{"data":{"access_token":"t","expires_in":"1e99"}}`))
	seed(f, "error")
	f.Fuzz(func(t *testing.T, body []byte) {
		header, lifetime, err := decodeToken(&answer{status: 200, body: toUTF8(body, "")})
		if err == nil && (lifetime <= 0 || len(header) < 3 || strings.ContainsAny(header, "\r\n")) {
			t.Fatalf("header %q for %s", header, lifetime)
		}
	})
}

func FuzzErrorText(f *testing.F) {
	seed(f, "error")
	f.Fuzz(func(t *testing.T, body []byte) {
		text, _ := errorText(toUTF8(body, ""))
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxMessage+1 {
			t.Fatalf("text %q", text)
		}
		for _, r := range text {
			if r < ' ' {
				t.Fatalf("control character in %q", text)
			}
		}
	})
}
