package sandbox_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

var update = flag.Bool("update", false, "write the golden files anew")

func parse(t testing.TB, words string) sandbox.Dialect {
	t.Helper()
	d, err := sandbox.ParseDialect(words)
	require.NoError(t, err)
	return d
}

// speaking starts a sandbox of few licences in a dialect; seven Plesk licences,
// since the comment of the seventh is beyond ASCII.
func speaking(t testing.TB, words string) *caller {
	return start(t, sandbox.Options{
		Now: newClock().Now, Dialect: parse(t, words),
		Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: 7, websoftsolus.Virtuozzo: 3},
	})
}

// TestEachDialectEmitsWhatItsNameSays compares every choice and every set with
// testdata/dialects.golden, which is there to be read.
func TestEachDialectEmitsWhatItsNameSays(t *testing.T) {
	const golden = "testdata/dialects.golden"
	var said strings.Builder
	note := func(what string, r reply) {
		contentType := r.header.Get("Content-Type")
		if contentType == "" {
			contentType = "-"
		}
		body := r.body
		if !utf8.ValidString(body) {
			body = strconv.Quote(body)
		}
		fmt.Fprintf(&said, "%s\n    %d %s\n", what, r.status, contentType)
		if location := r.header.Get("Location"); location != "" {
			fmt.Fprintf(&said, "    Location: %s\n", location)
		}
		for line := range strings.Lines(body) {
			fmt.Fprintf(&said, "    %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	order := func(c *caller) reply { return c.post("license/virtuozzo/order", orders["virtuozzo"].form...) }
	edit := func(c *caller) reply { return c.put("license/plesk/PLSK.02980001", "title", "x", "comment", "") }
	for _, words := range sandbox.Dialects() {
		c := speaking(t, words)
		aspect, _, single := strings.Cut(words, ":")
		if !single {
			aspect = "set"
		}
		fmt.Fprintf(&said, "\n# %s\n", words)
		look := func(aspects, what string, do func(*caller) reply) {
			if slices.Contains(strings.Fields(aspects), aspect) {
				note(what, do(c))
			}
		}
		look("list set", "GET license/virtuozzo", func(c *caller) reply { return c.get("license/virtuozzo") })
		look("empty set", "GET license/cpanel", func(c *caller) reply { return c.get("license/cpanel") })
		look("get charset content set", "GET license/plesk/PLSK.02980007", func(c *caller) reply { return c.get("license/plesk/PLSK.02980007") })
		look("versions set", "GET license/plesk/order", func(c *caller) reply { return c.get("license/plesk/order") })
		look("order set", "POST license/virtuozzo/order", order)
		look("edit set", "PUT license/plesk/PLSK.02980001", edit)
		look("terminate terminated set", "DELETE license/virtuozzo/V2980001", func(c *caller) reply { return c.delete("license/virtuozzo/V2980001") })
		look("terminated set", "GET license/virtuozzo/V2980001, terminated", func(c *caller) reply { return c.get("license/virtuozzo/V2980001") })
		look("terminated", "GET license/virtuozzo, one terminated", func(c *caller) reply { return c.get("license/virtuozzo") })
		look("terminated", "DELETE license/virtuozzo/V2980001, terminated", func(c *caller) reply { return c.delete("license/virtuozzo/V2980001") })
		look("errors set", "GET license/plesk/PLSK.1", func(c *caller) reply { return c.get("license/plesk/PLSK.1") })
		look("errors set", "PUT license/plesk/PLSK.02980001 without a comment", func(c *caller) reply { return c.put("license/plesk/PLSK.02980001", "title", "x") })
		c.token = "wrong"
		look("errors", "GET license/plesk with a wrong token", func(c *caller) reply { return c.get("license/plesk") })
	}
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(said.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), said.String())
}

func TestDialectsAreReadBackAsWritten(t *testing.T) {
	for _, words := range sandbox.Dialects() {
		d := parse(t, words)
		require.Equal(t, d.String(), parse(t, d.String()).String(), words)
	}
	require.Equal(t, "list:object,get:license,order:id-only", parse(t, "list:object, get:license,order:id-only").String())
	require.Equal(t, "document", sandbox.Dialect{}.String())
	require.Equal(t, parse(t, "php,list:data").String(), parse(t, "wrapped,php,list:object,list:data").String(), "a later word wins")
	require.Equal(t, sandbox.Dialect{}, parse(t, "php,document"))
}

func TestWrongDialectsAreRefusedWithWhatThereIs(t *testing.T) {
	for words, part := range map[string]string{
		"PHP":         "php",
		"list:nested": "object-sparse",
		"lists:array": "versions",
		"list:":       "array",
	} {
		_, err := sandbox.ParseDialect(words)
		require.ErrorContains(t, err, part, words)
	}
}

func TestAnswersOfEveryShapeHaveTheSameEffect(t *testing.T) {
	for _, words := range sandbox.Dialects() {
		c := speaking(t, words)
		require.Less(t, c.post("license/virtuozzo/order", orders["virtuozzo"].form...).status, 300)
		require.Less(t, c.put("license/virtuozzo/V2980002", "title", "x", "comment", "y").status, 300)
		require.Less(t, c.delete("license/virtuozzo/V2980003").status, 300)
		c.put("license/virtuozzo/V2980002", "title", "z")
		c.post("license/virtuozzo/order", orders["plesk12"].form...)
		require.Equal(t, map[sandbox.EffectKind]int{sandbox.Created: 1, sandbox.Edited: 1, sandbox.Ended: 1}, c.sandbox.Counts().Effects, words)
		licenses := c.sandbox.Licenses(websoftsolus.Virtuozzo)
		require.Len(t, licenses, 3, words)
		require.Equal(t, "x", licenses[1].Title)
		switch words {
		case "order:pending", "order:pending-key", "latin-1":
			require.Equal(t, sandbox.Pending, licenses[2].Status)
		case "order:incomplete":
			require.Equal(t, sandbox.Incomplete, licenses[2].Status)
		default:
			require.Equal(t, sandbox.Active, licenses[2].Status, words)
		}
	}
}

func TestTokenAndPathRefusalsAreNeverInsideA200(t *testing.T) {
	for _, words := range sandbox.Dialects() {
		c := speaking(t, words)
		require.Equal(t, 404, c.get("nowhere").status, words)
		require.Equal(t, 405, c.delete("license/plesk/order").status, words)
		c.token = "wrong"
		require.Equal(t, 401, c.get("license/plesk").status, words)
	}
}

func TestLatin1KeepsWhatItCannotWrite(t *testing.T) {
	c := speaking(t, "charset:latin-1")
	require.Equal(t, 200, c.put("license/plesk/PLSK.02980001", "title", "é 日本 🦊", "comment", "").status)
	r := c.get("license/plesk/PLSK.02980001")
	require.Equal(t, "application/json; charset=ISO-8859-1", r.header.Get("Content-Type"))
	runes := make([]rune, 0, len(r.body))
	for _, b := range []byte(r.body) {
		runes = append(runes, rune(b))
	}
	var l struct{ Title string }
	require.NoError(t, json.Unmarshal([]byte(string(runes)), &l))
	require.Equal(t, "é 日本 🦊", l.Title)
}

func TestDialectMayChangeWhileServing(t *testing.T) {
	c := speaking(t, "")
	require.True(t, strings.HasPrefix(c.get("license/plesk").body, "["))
	c.sandbox.SetDialect(parse(t, "list:data"))
	require.True(t, strings.HasPrefix(c.get("license/plesk").body, `{"data":[`))
}
