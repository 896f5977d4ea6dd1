package schemas_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProblemsSayWhatToChange shows the words.
func TestProblemsSayWhatToChange(t *testing.T) {
	long := strings.Repeat("é", 201)
	for _, test := range []struct {
		tool, field, value string // of the full arguments of the tool, or in addition
		wantField, want    string
	}{
		{"order_plesk12_license", "CBMClients", `"UNLIMITED"`, "", "CBMClients is not a field of order_plesk12_license; order_plesk10_license takes CBMClients; leave it out here"},
		{"order_plesk12_license", "os", `"LINUX"`, "", "os is not a field of order_plesk12_license; order_plesk10_license takes os; leave it out here"},
		{"order_plesk10_license", "WPBOptions", `"0"`, "", "WPBOptions is not a field of order_plesk10_license; order_plesk12_license takes WPBOptions; leave it out here"},
		{"order_plesk10_license", "serverIP", `"203.0.113.7"`, "", "serverIP is not a field of order_plesk10_license; order_cpanel_license takes serverIP; leave it out here"},
		{"order_virtuozzo_license", "antivirus", `"0"`, "", "antivirus is not a field of order_virtuozzo_license; order_plesk10_license and order_plesk12_license take antivirus; leave it out here"},
		{"order_cpanel_license", "os", `"LINUX"`, "", "os is not a field of order_cpanel_license; order_plesk10_license and order_virtuozzo_license take os; leave it out here"},
		{"order_plesk10_license", "server_ip", `"203.0.113.7"`, "", "server_ip is not a field of order_plesk10_license; order_cpanel_license takes serverIP; leave it out here"},
		{"order_plesk10_license", "force", `true`, "", "force is not a field of order_plesk10_license; leave it out here"},
		{"get_license", "title", `"t"`, "", "title is not a field of get_license; leave it out"},
		{"edit_license", "serverIP", `"203.0.113.7"`, "", "serverIP is not a field of edit_license; leave it out"},
		{"get_license", "a b\n", `1`, "", `«a b⏎» is not a field of get_license; leave it out`},

		{"get_license", "keynumber", `"K"`, "", "keynumber is not a field of get_license; did you mean keyNumber?"},
		{"get_license", "key_number", `"K"`, "", "key_number is not a field of get_license; did you mean keyNumber?"},
		{"order_plesk10_license", "c_b_m_clients", `"0"`, "", "c_b_m_clients is not a field of order_plesk10_license; did you mean CBMClients?"},
		{"order_virtuozzo_license", "oz", `1`, "", "oz is not a field of order_virtuozzo_license; leave it out here"}, // too short to guess
		{"order_cpanel_license", "serverip", `"x"`, "", "serverip is not a field of order_cpanel_license; did you mean serverIP?"},
		{"order_cpanel_license", "addon", `"x"`, "", "addon is not a field of order_cpanel_license; did you mean addons?"},
		{"order_plesk12_license", "langaugePack", `"1"`, "", "langaugePack is not a field of order_plesk12_license; did you mean languagePack?"},
		{"list_licenses", strings.Repeat("limit", 20), `1`, strings.Repeat("limit", 20), strings.Repeat("limit", 12) + "… is not a field of list_licenses; leave it out"},

		{"order_plesk10_license", "WPBSites", `"10"`, "", `WPBSites must be one of 0, 100, 1000, not "10"; order_plesk12_license takes "10"`},
		{"order_plesk10_license", "languagePack", `"UNLIMITED"`, "", `languagePack must be one of 0, 1, 2, 3, 4, 5, not "UNLIMITED"; order_plesk12_license takes "UNLIMITED"`},
		{"order_plesk10_license", "antivirus", `"PREMIUM_ANTIVIRUS_FOR_WIN"`, "", `antivirus must be one of 0, PREMIUM_ANTIVIRUS, not "PREMIUM_ANTIVIRUS_FOR_WIN"; order_plesk12_license takes "PREMIUM_ANTIVIRUS_FOR_WIN"`},
		{"order_plesk10_license", "os", `"linux"`, "", `os must be one of LINUX, WINDOWS, not "linux"; did you mean LINUX?`},
		{"order_plesk12_license", "period", `"2"`, "", `period must be one of 1, 3, 6, 12, 24, 36, not "2"`},
		{"order_plesk12_license", "period", `12`, "", "period must be a string: write 12 in quotes"},
		{"order_plesk12_license", "WPBSites", `""`, "", "WPBSites is empty; leave it out, or give one of 0, 10, 30, 100, 1000"},
		{"order_plesk12_license", "WPBSites", `null`, "", "WPBSites is null; leave it out, or give one of 0, 10, 30, 100, 1000"},
		{"order_plesk12_license", "period", `null`, "", "period is null; give one of 1, 3, 6, 12, 24, 36"},

		{"order_plesk10_license", "product", `"PLESK_12_WEB_HOST"`, "", `product "PLESK_12_WEB_HOST" is for Plesk 12 or later, and order_plesk10_license orders Plesk 10 or 11; order it with order_plesk12_license`},
		{"order_plesk12_license", "product", `"PLESK_11_WEB"`, "", `product "PLESK_11_WEB" is for Plesk 10 or 11, and order_plesk12_license orders Plesk 12 or later; order it with order_plesk10_license`},
		{"order_plesk12_license", "product", `" P"`, "", "product has space around it; it must be 1 to 128 characters, no space around it"},
		{"order_plesk12_license", "product", `"A\u200bB"`, "", "product has the control or invisible character U+200B at position 2; it must be 1 to 128 characters, no space around it"},
		{"order_plesk12_license", "title", `" \t"`, "", "title is blank; it must be 1 to 200 characters, not blank, no control characters"},
		{"order_plesk12_license", "title", `"a\nb"`, "", "title has the control or invisible character U+000A at position 2; it must be 1 to 200 characters, not blank, no control characters"},
		{"order_plesk12_license", "title", `"` + long + `"`, "", "title has 201 characters; it must be 1 to 200 characters, not blank, no control characters"},
		{"order_plesk12_license", "comment", `"a\u202eb"`, "", "comment has the control or invisible character U+202E at position 2; it must be at most 1000 characters, no control characters but newline and tab"},
		{"order_plesk12_license", "comment", `"a\r\nb"`, "", "comment has the control or invisible character U+000D at position 2; it must be at most 1000 characters, no control characters but newline and tab"},
		{"order_plesk12_license", "title", "\"\xff\"", "", "title is not valid UTF-8"},
		{"order_plesk12_license", "duplicateOf", `"op_0123456789ABCDEFGHIJKLMNOP"`, "", "duplicateOf is no operation id; it must be op_ and 26 characters, as a result's operationId"},
		{"terminate_license", "confirm", `"` + strings.Repeat("a", 401) + `"`, "", `confirm has 401 characters; it must be "" for a preview, then the phrase that it returned; at most 400 characters`},

		{"order_cpanel_license", "serverIP", `"127.0.0.1"`, "", "serverIP is a loopback address, not a server's; it must be an IPv4 or IPv6 address, no port, prefix or zone"},
		{"order_cpanel_license", "addons", `["WHMSONIC","whmxtra"]`, "addons[1]", `addons must be one of FANTASTICO, INSTALLATRON, SOFTACULOUS, WHMXTRA, WHMSONIC, CLOUDLINUX, KERNELCARE, not "whmxtra"; did you mean WHMXTRA?`},
		{"order_cpanel_license", "addons", `["WHMSONIC","WHMSONIC"]`, "addons[1]", "addons has WHMSONIC twice; name each at most once"},
		{"order_cpanel_license", "addons", `"WHMSONIC"`, "", "addons must be an array of strings, each one of FANTASTICO, INSTALLATRON, SOFTACULOUS, WHMXTRA, WHMSONIC, CLOUDLINUX, KERNELCARE"},

		{"list_licenses", "limit", `0`, "", "limit must be a whole number from 1 to 200, not 0"},
		{"list_licenses", "limit", `201`, "", "limit must be a whole number from 1 to 200, not 201"},
		{"list_licenses", "limit", `1.5`, "", "limit must be a whole number from 1 to 200"},
		{"list_licenses", "limit", `1e300`, "", "limit must be a whole number from 1 to 200, not 2147483647"},
		{"list_licenses", "limit", `"5"`, "", "limit must be a whole number from 1 to 200, without quotes"},
		{"list_licenses", "details", `"true"`, "", "details must be true or false, without quotes"},
		{"list_operations", "state", `"done"`, "", `state must be one of proposed, sending, succeeded, rejected, unknown, not_applied, declined, expired, not "done"`},
		{"get_license", "family", `"Plesk"`, "", `family must be one of plesk, cpanel, virtuozzo, not "Plesk"; did you mean plesk?`},
	} {
		all := members(t, strings.ReplaceAll(full[test.tool], "\xff", ""))
		arguments := with(all, member{test.field, test.value})
		if !strings.Contains(full[test.tool], fmt.Sprintf("%q:", test.field)) {
			name, err := json.Marshal(test.field)
			require.NoError(t, err)
			arguments = strings.TrimSuffix(arguments, "}") + "," + string(name) + ":" + test.value + "}"
		}
		found := problems(t, test.tool, arguments)
		require.Len(t, found, 1, "%s %s", test.field, test.value)
		if test.wantField == "" {
			test.wantField = test.field
		}
		require.Equal(t, test.wantField, found[0].Field)
		require.Equal(t, test.want, found[0].Message)
	}
}
