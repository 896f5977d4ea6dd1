package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// TestOrdersFillInTheForm: the API document's order, neutral values for what
// was left out, the comment even when empty, add-ons numbered.
func TestOrdersFillInTheForm(t *testing.T) {
	for name, test := range map[string]struct {
		order schemas.Order
		tool  string
		form  string
	}{
		"Plesk 10, options left out": {
			schemas.OrderPlesk10Input{Product: "P", Title: "t", Period: "1", OS: "LINUX"}.Order(), "order_plesk10_license",
			`{"product":"P","title":"t","comment":"","period":"1","os":"LINUX","WPBSites":"0","applications":"0","CBMClients":"0","languagePack":"0","antivirus":"0"}`,
		},
		"Plesk 10, every option": {
			schemas.OrderPlesk10Input{Product: "P", Title: "t", Comment: "c", Period: "12", OS: "WINDOWS", WPBSites: "100", Applications: "POWER_PACK", CBMClients: "UNLIMITED", LanguagePack: "5", Antivirus: "PREMIUM_ANTIVIRUS"}.Order(), "order_plesk10_license",
			`{"product":"P","title":"t","comment":"c","period":"12","os":"WINDOWS","WPBSites":"100","applications":"POWER_PACK","CBMClients":"UNLIMITED","languagePack":"5","antivirus":"PREMIUM_ANTIVIRUS"}`,
		},
		"Plesk 12, options left out": {
			schemas.OrderPlesk12Input{Product: "P", Title: "t", Period: "1"}.Order(), "order_plesk12_license",
			`{"product":"P","title":"t","comment":"","period":"1","WPBSites":"0","WPBOptions":"0","applications":"0","languagePack":"0","antivirus":"0"}`,
		},
		"Plesk 12, every option": {
			schemas.OrderPlesk12Input{Product: "P", Title: "t", Comment: "c", Period: "36", WPBSites: "10", WPBOptions: "MLS_SUPPORT", Applications: "POWER_PACK", LanguagePack: "UNLIMITED", Antivirus: "PREMIUM_ANTIVIRUS_FOR_WIN"}.Order(), "order_plesk12_license",
			`{"product":"P","title":"t","comment":"c","period":"36","WPBSites":"10","WPBOptions":"MLS_SUPPORT","applications":"POWER_PACK","languagePack":"UNLIMITED","antivirus":"PREMIUM_ANTIVIRUS_FOR_WIN"}`,
		},
		"cPanel without add-ons": {
			schemas.OrderCPanelInput{Product: "P", Title: "t", Period: "1", ServerIP: "203.0.113.7"}.Order(), "order_cpanel_license",
			`{"product":"P","title":"t","comment":"","serverIP":"203.0.113.7","period":"1"}`,
		},
		"cPanel with add-ons": {
			schemas.OrderCPanelInput{Product: "P", Title: "t", Comment: "a\nb", Period: "1", ServerIP: "2001:db8::7", Addons: []string{"KERNELCARE", "CLOUDLINUX"}}.Order(), "order_cpanel_license",
			`{"product":"P","title":"t","comment":"a\nb","serverIP":"2001:db8::7","period":"1","addons[0]":"KERNELCARE","addons[1]":"CLOUDLINUX"}`,
		},
		"Virtuozzo": {
			schemas.OrderVirtuozzoInput{Product: "P", Title: "a <b> & c", Period: "24", OS: "LINUX"}.Order(), "order_virtuozzo_license",
			`{"product":"P","title":"a <b> & c","comment":"","period":"24","os":"LINUX"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			form, err := schemas.Form(test.order.Form).MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, test.form, string(compact(t, form)))
			require.Equal(t, test.tool, test.order.Tool)
			values := map[string]string{}
			for _, field := range test.order.Form {
				values[field.Name] = field.Value
			}
			require.Equal(t, values["product"], test.order.Product)
			require.Equal(t, values["title"], test.order.Title)
			require.Equal(t, values["comment"], test.order.Comment)
			require.Equal(t, values["period"], test.order.Period)
		})
	}
}

func TestOrdersKeepWhatIsNotSent(t *testing.T) {
	order := schemas.OrderVirtuozzoInput{Product: "P", Title: "t", Period: "1", OS: "LINUX", DuplicateOf: "op_1", Confirm: "phrase"}.Order()
	require.Equal(t, websoftsolus.Virtuozzo, order.Family)
	require.Equal(t, "op_1", order.DuplicateOf)
	require.Equal(t, "phrase", order.Confirm)
	require.Len(t, order.Form, 5)
}

// TestFormsKeepTheirOrderAsJSON in both directions.
func TestFormsKeepTheirOrderAsJSON(t *testing.T) {
	form := schemas.Form{{Name: "title", Value: "a <b> & \"c\""}, {Name: "addons[0]", Value: ""}, {Name: "a", Value: "é\u2028"}}
	raw, err := json.Marshal(struct{ Request schemas.Form }{form})
	require.NoError(t, err)
	var back struct{ Request schemas.Form }
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, form, back.Request)

	empty, err := json.Marshal(schemas.Form(nil))
	require.NoError(t, err)
	require.Equal(t, "{}", string(empty))

	var refused schemas.Form
	require.ErrorContains(t, json.Unmarshal([]byte(`{"a":1}`), &refused), "form field a")
	require.ErrorContains(t, json.Unmarshal([]byte(`["a"]`), &refused), "not a JSON object")
	require.Empty(t, refused)
}
