package schemas_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// form reads name, value, name, value.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func TestCheckFormRefusesWhatTheDocumentDoesNotTake(t *testing.T) {
	plesk12 := schemas.RuleSetFor(websoftsolus.Plesk, schemas.Plesk12)
	cpanel := schemas.RuleSetFor(websoftsolus.CPanel, "")
	virtuozzo := schemas.RuleSetFor(websoftsolus.Virtuozzo, "")
	fullPlesk12 := []string{
		"product", "PLESK_12_WEB_HOST", "title", "t", "comment", "", "period", "1", "WPBSites", "0", "WPBOptions", "0",
		"applications", "0", "languagePack", "0", "antivirus", "0",
	}
	fullCPanel := []string{"product", "P", "title", "t", "comment", "", "serverIP", "203.0.113.7", "period", "1"}

	for name, test := range map[string]struct {
		rules *schemas.RuleSet
		form  url.Values
		want  map[string]string // message by field
	}{
		"a full Plesk 12 order": {plesk12, form(fullPlesk12...), nil},
		"an option of Plesk 10": {plesk12, form(append(fullPlesk12, "os", "LINUX")...), map[string]string{
			"os": "os is not an option of a plesk12 order",
		}},
		"nothing at all": {virtuozzo, nil, map[string]string{
			"product": "product is missing", "title": "title is missing", "comment": "comment is missing",
			"period": "period is missing", "os": "os is missing",
		}},
		"empty and wrong values": {virtuozzo, form("product", " ", "title", "", "comment", "", "period", "2", "os", "linux"), map[string]string{
			"product": "product is empty",
			"title":   "title is empty",
			"period":  `period must be one of 1, 3, 6, 12, 24, 36, not "2"`,
			"os":      `os must be one of LINUX, WINDOWS, not "linux"; did you mean LINUX?`,
		}},
		"a value sent twice": {cpanel, form(append(fullCPanel, "period", "3")...), map[string]string{
			"period": "period is sent more than once",
		}},
		"no add-ons":                 {cpanel, form(fullCPanel...), nil},
		"an empty list of add-ons":   {cpanel, form(append(fullCPanel, "addons", "")...), nil},
		"add-ons as PHP writes them": {cpanel, form(append(fullCPanel, "addons[0]", "CLOUDLINUX", "addons[1]", "WHMXTRA")...), nil},
		"add-ons without index":      {cpanel, form(append(fullCPanel, "addons[]", "CLOUDLINUX", "addons[]", "WHMXTRA")...), nil},
		"an unknown add-on": {cpanel, form(append(fullCPanel, "addons[0]", "WORDPRESS")...), map[string]string{
			"addons[0]": `addons must be one of FANTASTICO, INSTALLATRON, SOFTACULOUS, WHMXTRA, WHMSONIC, CLOUDLINUX, KERNELCARE, not "WORDPRESS"`,
		}},
		"add-ons as one value": {cpanel, form(append(fullCPanel, "addons", "CLOUDLINUX")...), map[string]string{
			"addons": "addons must be sent as addons[0], addons[1] and so on",
		}},
		"an array of something else": {cpanel, form(append(fullCPanel, "title[0]", "t", "addons[x]", "WHMXTRA")...), map[string]string{
			"title[0]":  `«title［0］» is not an option of a cpanel order`,
			"addons[x]": `«addons［x］» is not an option of a cpanel order`,
		}},
		"no IP address": {cpanel, form("product", "P", "title", "t", "comment", "", "serverIP", "server1", "period", "1"), map[string]string{
			"serverIP": "serverIP is not an IP address",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for _, problem := range schemas.CheckForm(test.rules, test.form) {
				got[problem.Field] = problem.Message
			}
			if test.want == nil {
				test.want = map[string]string{}
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestRuleSetsAreFoundByFamilyAndGeneration(t *testing.T) {
	require.Equal(t, "order_plesk10_license", schemas.RuleSetFor(websoftsolus.Plesk, schemas.Plesk10).Tool)
	require.Equal(t, "order_plesk12_license", schemas.RuleSetFor(websoftsolus.Plesk, schemas.Plesk12).Tool)
	require.Equal(t, "order_cpanel_license", schemas.RuleSetFor(websoftsolus.CPanel, schemas.Plesk12).Tool)
	require.Equal(t, "order_virtuozzo_license", schemas.RuleSetFor(websoftsolus.Virtuozzo, "").Tool)
	require.Nil(t, schemas.RuleSetFor(websoftsolus.Plesk, ""))
	require.Nil(t, schemas.RuleSetFor("other", ""))
}
