package schemas_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// TestOverLongTextsAreRefused, each at its own limit, counted in characters.
func TestOverLongTextsAreRefused(t *testing.T) {
	limits := map[string]int{"product": 128, "title": 200, "comment": 1000, "query": 200, "cursor": 1024, "confirm": 400, "keyNumber": 64, "serverIP": 45}
	reached := map[string]bool{}
	for _, tool := range toolNames {
		schema := compiledSchema(t, tool, schemas.InputSchema(tool))
		all := members(t, full[tool])
		for _, m := range all {
			limit, ok := limits[m.name]
			if !ok {
				continue
			}
			reached[m.name] = true
			letter := "é"
			if m.name == "keyNumber" || m.name == "serverIP" {
				letter = "a"
			}
			longest := with(all, member{m.name, `"` + strings.Repeat(letter, limit) + `"`})
			require.True(t, accepts(t, schema, []byte(longest)), m.name)
			if m.name != "serverIP" { // no address has 45 letters
				_, err := decoders[tool](json.RawMessage(longest))
				require.NoError(t, err, "%s of %d", m.name, limit)
			}
			tooLong := with(all, member{m.name, `"` + strings.Repeat(letter, limit+1) + `"`})
			require.False(t, accepts(t, schema, []byte(tooLong)), m.name)
			found := problems(t, tool, tooLong)
			require.Equal(t, m.name, fields(found))
			require.LessOrEqual(t, len([]rune(found[0].Value.(string))), 101, "the value is cut")
		}
	}
	require.Len(t, reached, len(limits))
}

// TestKeyNumbersThatLeaveTheirPathAreRefused on every tool that takes one.
func TestKeyNumbersThatLeaveTheirPathAreRefused(t *testing.T) {
	for _, key := range []string{"order", "ORDER", "Order", "", ".", "..", "../x", "a..b", "a/b", `a\b`, "a b", " a", "a\n", "%2e", "a%2fb", "a#b", "a?b", "a&b", "ключ", strings.Repeat("a", 65)} {
		for _, tool := range []string{"get_license", "edit_license", "terminate_license"} {
			value, err := json.Marshal(key)
			require.NoError(t, err)
			found := problems(t, tool, with(members(t, full[tool]), member{"keyNumber", string(value)}))
			require.Equal(t, "keyNumber", fields(found), "%s %q", tool, key)
			require.Equal(t, key, found[0].Value)
		}
	}
	for _, key := range []string{"PLSK.02980001", "PLSK.02980001.0000", "L1234567", "203.0.113.7", "2001:db8::7", "orders", "a_b-c", "a.", strings.Repeat("a", 64)} {
		_, err := schemas.Decode[schemas.GetLicenseInput]("get_license", json.RawMessage(fmt.Sprintf(`{"family":"plesk","keyNumber":%q}`, key)))
		require.NoError(t, err, key)
	}
}

func TestServerIPIsAServersAddress(t *testing.T) {
	for ip, want := range map[string]string{
		"203.0.113.7":        "",
		"10.0.0.7":           "", // may be behind a translation
		"2001:db8::7":        "",
		"2001:DB8:0:0::7":    "",
		"0.0.0.0":            "is the unspecified address",
		"::":                 "is the unspecified address",
		"127.0.0.53":         "is a loopback address",
		"::1":                "is a loopback address",
		"224.0.0.1":          "is a multicast address",
		"ff02::1":            "is a multicast address",
		"fe80::1%eth0":       "has a zone",
		"203.0.113.0/24":     "is a network",
		"203.0.113.7:8443":   "has a port",
		"[2001:db8::7]:8443": "has a port",
		"::ffff:203.0.113.7": "is an IPv4 address written as IPv6: send 203.0.113.7",
		"203.0.113.07":       "is not an IP address",
		"203.0.113":          "is not an IP address",
		"server1.example":    "is not an IP address",
		" 203.0.113.7":       "is not an IP address",
		"":                   "is empty",
	} {
		arguments := with(members(t, full["order_cpanel_license"]), member{"serverIP", fmt.Sprintf("%q", ip)})
		if want == "" {
			_, err := decoders["order_cpanel_license"](json.RawMessage(arguments))
			require.NoError(t, err, ip)
			continue
		}
		found := problems(t, "order_cpanel_license", arguments)
		require.Equal(t, "serverIP", fields(found), ip)
		require.Contains(t, found[0].Message, "serverIP "+want)
	}
}

func TestAnEditNeedsSomethingToChange(t *testing.T) {
	const licence = `"family":"plesk","keyNumber":"PLSK.02980001"`
	found := problems(t, "edit_license", `{`+licence+`}`)
	require.Equal(t, "title", fields(found))
	require.Equal(t, "title and comment are both left out; give at least one of them", found[0].Message)

	input, err := schemas.Decode[schemas.EditLicenseInput]("edit_license", json.RawMessage(`{`+licence+`,"comment":""}`))
	require.NoError(t, err)
	require.Nil(t, input.Title, "left out")
	require.Equal(t, "", *input.Comment, "emptied")

	input, err = schemas.Decode[schemas.EditLicenseInput]("edit_license", json.RawMessage(`{`+licence+`,"title":"t"}`))
	require.NoError(t, err)
	require.Equal(t, "t", *input.Title)
	require.Nil(t, input.Comment)

	require.Equal(t, "title", fields(problems(t, "edit_license", `{`+licence+`,"title":""}`)))
	require.Equal(t, "comment", fields(problems(t, "edit_license", `{`+licence+`,"comment":null}`)), "given, if wrongly")
}

// TestJoinersAreNoControlCharacters: several scripts and emoji need them.
func TestJoinersAreNoControlCharacters(t *testing.T) {
	for _, title := range []string{"می\u200cخواهم", "👩\u200d💻 server", "Zürich – № 5", "𝔘"} {
		arguments := with(members(t, full["edit_license"]), member{"title", fmt.Sprintf("%q", title)})
		arguments = strings.ReplaceAll(strings.ReplaceAll(arguments, `\u200c`, "\u200c"), `\u200d`, "\u200d")
		_, err := decoders["edit_license"](json.RawMessage(arguments))
		require.NoError(t, err, title)
	}
}
