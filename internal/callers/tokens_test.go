package callers_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func writeTokens(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func newToken(t *testing.T) (token, hash string) {
	t.Helper()
	token, hash, err := callers.NewToken(rand.Reader)
	require.NoError(t, err)
	return token, hash
}

func TestTokensCanBeFoundByScanners(t *testing.T) {
	token, hash := newToken(t)
	require.Regexp(t, regexp.MustCompile(`^wss_[a-z2-7]{52}$`), token)
	sum := sha256.Sum256([]byte(token))
	require.Equal(t, hex.EncodeToString(sum[:]), hash)
	other, _ := newToken(t)
	require.NotEqual(t, token, other)
	_, _, err := callers.NewToken(strings.NewReader("too short"))
	require.Error(t, err)
}

func TestTokensOfTheFile(t *testing.T) {
	c := newClock()
	full, fullHash := newToken(t)
	plain, plainHash := newToken(t)
	ends, endsHash := newToken(t)
	a := newAuthenticator(t, callers.Options{Now: c.now, TokensFile: writeTokens(t, fmt.Sprintf(`
# who may call
tokens:
  - name: crm            # the shop's
    sha256: %s
    scopes: [licenses:read, licenses:order]
    families: [plesk, cpanel]
    maxOrdersPerDay: 5
    maxTerminationsPerDay: 0
    seesAll: true
    approver: true
  - {name: "reports@shop", sha256: %s, readOnly: true}
  - name: temp
    sha256: %s
    readOnly: true
    expires: 2026-06-02
`, fullHash, strings.ToUpper(plainHash), endsHash))})
	five, none := 5, 0
	caller, err := a.Authenticate(request(full))
	require.NoError(t, err)
	require.Equal(t, &callers.Caller{
		Name: "crm", Scopes: []callers.Scope{callers.Read, callers.Order}, Families: []websoftsolus.Family{websoftsolus.Plesk, websoftsolus.CPanel},
		MaxOrdersPerDay: &five, MaxTerminationsPerDay: &none, SeesAll: true, Approver: true,
	}, caller)
	caller, err = a.Authenticate(request(plain))
	require.NoError(t, err)
	require.Equal(t, &callers.Caller{Name: "reports@shop", Scopes: []callers.Scope{callers.Read}}, caller)
	_, err = a.Authenticate(request(ends))
	require.NoError(t, err)

	const alone = `Bearer realm="websoftsolus-mcp"`
	wrong := func(why string) string {
		return alone + `, error="invalid_token", error_description="` + why + `"`
	}
	c.advance(12 * time.Hour)
	denied(t, a, request(ends), http.StatusUnauthorized, wrong("the token has expired"))
	denied(t, a, request(""), http.StatusUnauthorized, alone)
	stranger, _ := newToken(t)
	denied(t, a, request(stranger), http.StatusUnauthorized, wrong("the token is not one of this server's"))
	denied(t, a, request(fullHash), http.StatusUnauthorized, wrong("the token is not one of this server's"))
	denied(t, a, request(strings.ToUpper(full)), http.StatusUnauthorized, wrong("the token is not one of this server's"))
	denied(t, a, request("a.b.c"), http.StatusUnauthorized, wrong("the token is not one of this server's"))
	denied(t, a, request(full+" x"), http.StatusUnauthorized, wrong("the bearer token is empty, too long or holds characters that no token has"))
	denied(t, a, request(strings.Repeat("a", 20<<10)), http.StatusUnauthorized, wrong("the bearer token is empty, too long or holds characters that no token has"))

	r := request("")
	r.Header.Set("Authorization", "Basic "+full)
	denied(t, a, r, http.StatusUnauthorized, alone)
	r = request(full)
	r.Header.Add("Authorization", "Bearer "+plain)
	denied(t, a, r, http.StatusBadRequest, alone+`, error="invalid_request", error_description="the request has more than one Authorization header"`)
	for _, query := range []string{"access_token=" + full, "ACCESS_TOKEN=x", "sessionId=1&token=" + full} {
		for _, r := range []*http.Request{request(""), request(full)} {
			r.URL.RawQuery = query
			e := denied(t, a, r, http.StatusBadRequest, alone+`, error="invalid_request", error_description="a token in the URL is not accepted, since URLs are written to logs; send it in the Authorization header, and make a new one"`)
			require.NotContains(t, e.Message, full)
		}
	}
	r = request(full)
	r.URL.RawQuery = "sessionId=5f1c&x=1"
	_, err = a.Authenticate(r)
	require.NoError(t, err)
}

// TestTokensFileAndIssuerTogether: the prefix decides which is asked.
func TestTokensFileAndIssuerTogether(t *testing.T) {
	c, i := newClock(), newIssuer(t)
	token, hash := newToken(t)
	a := newAuthenticator(t, callers.Options{
		TokensFile: writeTokens(t, "tokens: [{name: anna, sha256: "+hash+", readOnly: true}]"), Issuer: i.name(), Audience: audience, Now: c.now,
	})
	caller, err := a.Authenticate(request(token))
	require.NoError(t, err)
	require.Equal(t, "anna", caller.Name)
	require.Zero(t, i.asked())
	caller, err = a.Authenticate(request(sign(t, rsaKey, jose.RS256, "k1", "at+jwt", i.good(c).with("sub", "anna").with("client_id", nil))))
	require.NoError(t, err)
	require.Equal(t, "anna at "+i.name(), caller.Name, "no name of the file")
}

func TestTokensFileErrorsNameTheLine(t *testing.T) {
	_, h := newToken(t)
	_, h2 := newToken(t)
	ok := "- name: a\n  sha256: " + h + "\n  readOnly: true\n"
	for name, row := range map[string]struct {
		content string
		says    []string
	}{
		"unknown field":       {"tokens:\n" + ok + "  readonly: true\n", []string{"line 5: unknown field readonly"}},
		"unknown field above": {"tokens: []\nToken: 1\n", []string{"line 2: unknown field Token"}},
		"a field twice":       {"tokens:\n" + ok + "  readOnly: false\n", []string{"line 5:", "already defined at line 4"}},
		"a name twice":        {"tokens:\n" + ok + "- name: A\n  readOnly: true\n  sha256: " + h2 + "\n", []string{`line 5: the name "A" is that of line 2 too`}},
		"a token twice":       {"tokens:\n" + ok + "- name: b\n  readOnly: true\n  sha256: " + h + "\n", []string{"line 7: it is the hash of line 3 too"}},
		"a wrong name":        {"tokens:\n- name: a b\n  sha256: " + h + "\n  readOnly: true\n", []string{`line 2: name "a b" must be 1 to 64`}},
		"no name":             {"tokens:\n- sha256: " + h + "\n  readOnly: true\n", []string{`line 2: name "" must be`}},
		"no hash":             {"tokens:\n- name: a\n  readOnly: true\n", []string{"line 2: sha256 must be 64 hexadecimal digits"}},
		"a token for a hash":  {"tokens:\n- name: a\n  readOnly: true\n  sha256: wss_" + strings.Repeat("b", 52) + "\n", []string{"line 4: sha256 must be 64"}},
		"nothing allowed":     {"tokens:\n- name: a\n  sha256: " + h + "\n", []string{"line 2: it says nothing of what"}},
		"scopes and readOnly": {"tokens:\n" + ok + "  scopes: [licenses:read]\n", []string{"line 4: readOnly and scopes exclude"}},
		"a wrong scope":       {"tokens:\n- name: a\n  sha256: " + h + "\n  scopes:\n  - licenses:admin\n", []string{`line 5: scope "licenses:admin" is none of licenses:read, licenses:order`}},
		"a wrong family":      {"tokens:\n" + ok + "  families: [plesk, windows]\n", []string{`line 5: family "windows" is none of`}},
		"a cap below nothing": {"tokens:\n" + ok + "  maxOrdersPerDay: -1\n", []string{"line 5: maxOrdersPerDay is -1"}},
		"a cap in words":      {"tokens:\n" + ok + "  maxOrdersPerDay: five\n", []string{"line 5: it must be a whole number"}},
		"yes for true":        {"tokens:\n" + ok + "  seesAll: yes please\n", []string{"line 5: it must be true or false"}},
		"a wrong end":         {"tokens:\n" + ok + "  expires: tomorrow\n", []string{`line 5: expires "tomorrow" must be a date such as`}},
		"text for a list":     {"tokens:\n" + ok + "  families: plesk\n", []string{"line 5: it must be a list"}},
		"text for the list":   {"tokens: none\n", []string{"line 1: it must be a list"}},
		"text for an entry":   {"tokens:\n- a\n", []string{"line 2: it must be a mapping of fields"}},
		"no mapping":          {"- name: a\n", []string{"line 1: it must be a mapping of fields"}},
		"broken YAML":         {"tokens:\n  - name: a\n bad\n", []string{"line "}},
		"two documents":       {"tokens: []\n---\ntokens: []\n", []string{"more than one document"}},
		"broken after them":   {"tokens: []\n---\n{{{\n", []string{"more than one document"}},
		"several at once":     {"tokens:\n- name: a b\n  sha256: x\n  readOnly: true\n  families: [x]\n", []string{"line 2:", "line 3:", "line 5:"}},
	} {
		path := writeTokens(t, row.content)
		_, err := callers.New(callers.Options{TokensFile: path})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "wss_", name)
		require.NotContains(t, err.Error(), "callers.", name)
		for _, line := range strings.Split(err.Error(), "\n") {
			require.True(t, strings.HasPrefix(line, path+": "), "%s: %s", name, line)
		}
		for _, says := range row.says {
			require.Contains(t, err.Error(), says, name)
		}
	}
}

func TestJSONIsATokensFileToo(t *testing.T) {
	token, hash := newToken(t)
	a := newAuthenticator(t, callers.Options{TokensFile: writeTokens(t, `{"tokens": [{"name": "anna", "sha256": "`+hash+`", "scopes": ["licenses:read"], "maxOrdersPerDay": 0}]}`)})
	caller, err := a.Authenticate(request(token))
	require.NoError(t, err)
	require.Zero(t, *caller.MaxOrdersPerDay)
}

// TestABrokenFileKeepsTheOldTokens, and says so; a good one replaces them.
func TestABrokenFileKeepsTheOldTokens(t *testing.T) {
	first, firstHash := newToken(t)
	second, secondHash := newToken(t)
	path := writeTokens(t, "tokens: [{name: a, sha256: "+firstHash+", readOnly: true}]")
	a := newAuthenticator(t, callers.Options{TokensFile: path})
	require.NoError(t, os.WriteFile(path, []byte("tokens: [{name: b}]"), 0o600))
	require.ErrorContains(t, a.Reload(), "the tokens stay as they were: "+path+": line 1:")
	_, err := a.Authenticate(request(first))
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.ErrorContains(t, a.Reload(), "the tokens stay as they were")
	_, err = a.Authenticate(request(first))
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path, []byte("tokens: [{name: b, sha256: "+secondHash+", readOnly: true}]"), 0o600))
	var group sync.WaitGroup
	for range 8 { // while requests come
		group.Go(func() { _, _ = a.Authenticate(request(first)) })
	}
	require.NoError(t, a.Reload())
	group.Wait()
	_, err = a.Authenticate(request(first))
	require.Error(t, err)
	_, err = a.Authenticate(request(second))
	require.NoError(t, err)
}

func TestAFileOpenToOthersIsWarnedOf(t *testing.T) {
	_, hash := newToken(t)
	path := writeTokens(t, "tokens: [{name: a, sha256: "+hash+", readOnly: true}]")
	for mode, says := range map[os.FileMode]string{0o600: "", 0o644: "can be read by other users", 0o640: "can be read by other users", 0o660: "can be changed by other users", 0o666: "can be changed by other users"} {
		require.NoError(t, os.Chmod(path, mode))
		var logged bytes.Buffer
		newAuthenticator(t, callers.Options{TokensFile: path, Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if says == "" {
			require.Empty(t, logged.String())
		} else {
			require.Contains(t, logged.String(), says, "%o", mode)
		}
	}
}

func entry(name, hash string) callers.TokenEntry {
	return callers.TokenEntry{Name: name, SHA256: hash, ReadOnly: true}
}

// TestAppendingKeepsTheFileAsItIs: comments, order, mode, indentation.
func TestAppendingKeepsTheFileAsItIs(t *testing.T) {
	two := 2
	_, h := newToken(t)
	for name, before := range map[string]string{
		"indented":          "# ours\ntokens:\n  # the shop\n  - name: a # first\n    sha256: " + h + "\n    readOnly: true\n",
		"not indented":      "tokens:\n- name: a\n  sha256: " + h + "\n  readOnly: true\n# the end\n",
		"deeply indented":   "tokens:\n      - name: a\n        sha256: " + h + "\n        readOnly: true\n",
		"without a newline": "tokens:\n- {name: a, sha256: " + h + ", readOnly: true}",
		"no entry yet":      "# ours\ntokens:\n",
		"only a comment":    "# ours\n",
		"empty":             "",
	} {
		token, hash := newToken(t)
		path := writeTokens(t, before)
		require.NoError(t, os.Chmod(path, 0o640))
		full := callers.TokenEntry{
			Name: "b.c@d", SHA256: hash, Scopes: []callers.Scope{callers.Read, callers.Terminate}, Families: []websoftsolus.Family{websoftsolus.Virtuozzo},
			MaxOrdersPerDay: &two, MaxTerminationsPerDay: &two, SeesAll: true, Approver: true, Expires: "2030-01-01T00:00:00Z",
		}
		require.NoError(t, callers.AppendToken(path, full), name)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(content), before), "%s: %s", name, content)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
		a := newAuthenticator(t, callers.Options{TokensFile: path})
		caller, err := a.Authenticate(request(token))
		require.NoError(t, err, name)
		require.Equal(t, &callers.Caller{Name: "b.c@d", Scopes: full.Scopes, Families: full.Families, MaxOrdersPerDay: &two, MaxTerminationsPerDay: &two, SeesAll: true, Approver: true}, caller)
	}
}

func TestAppendingMakesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	token, hash := newToken(t)
	require.NoError(t, callers.AppendToken(path, entry("null", hash)))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	caller, err := newAuthenticator(t, callers.Options{TokensFile: path}).Authenticate(request(token))
	require.NoError(t, err)
	require.Equal(t, "null", caller.Name)
}

func TestAppendingLeavesWhatItCannotAddTo(t *testing.T) {
	_, h := newToken(t)
	_, other := newToken(t)
	for name, row := range map[string]struct{ content, says string }{
		"flow list":   {"tokens: [{name: a, sha256: " + h + ", readOnly: true}]\n", "paste the entry"},
		"JSON":        {`{"tokens":[]}`, "paste the entry"},
		"empty list":  {"tokens: []\n", "paste the entry"},
		"broken":      {"tokens:\n- nome: a\n", "line 2: unknown field nome"},
		"a name more": {"tokens:\n- {name: New, sha256: " + h + ", readOnly: true}\n", `has a token named "New" already`},
	} {
		path := writeTokens(t, row.content)
		require.ErrorContains(t, callers.AppendToken(path, entry("new", other)), row.says, name)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, row.content, string(content), name)
	}
	require.ErrorContains(t, callers.AppendToken(writeTokens(t, ""), entry("new", "x")), "sha256 must be")
}

// TestWhatACallerMayDoByName, when something is done in their name later.
func TestWhatACallerMayDoByName(t *testing.T) {
	_, good := newToken(t)
	_, old := newToken(t)
	c := newClock()
	path := writeTokens(t, fmt.Sprintf("tokens:\n  - name: crm\n    sha256: %q\n    scopes: [licenses:order]\n    maxOrdersPerDay: 3\n  - name: past\n    sha256: %q\n    readOnly: true\n    expires: %q\n",
		good, old, c.now().Add(time.Minute).Format(time.RFC3339)))
	a := newAuthenticator(t, callers.Options{TokensFile: path, Now: c.now})
	three := 3
	require.Equal(t, &callers.Caller{Name: "crm", Scopes: []callers.Scope{callers.Order}, MaxOrdersPerDay: &three}, a.Named("crm"))
	require.True(t, a.Named("past").May(callers.Read))
	c.advance(time.Minute)
	require.Equal(t, &callers.Caller{Name: "past"}, a.Named("past"), "it has expired")
	require.Equal(t, &callers.Caller{Name: "gone"}, a.Named("gone"), "it was taken out")
	require.Nil(t, a.Named("5f1c via crm at https://id.example.com"), "the issuer's")
	require.Nil(t, a.Named(""))
	var none *callers.Authenticator
	require.Nil(t, none.Named("crm"))
}
