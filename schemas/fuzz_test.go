package schemas

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// fuzzCalls decode a call to each tool, in the order of the tool table.
var fuzzCalls = []func(json.RawMessage) (any, error){
	fuzzCall[ListLicensesInput]("list_licenses"),
	fuzzCall[CompareLicensesInput]("compare_licenses"),
	fuzzCall[GetLicenseInput]("get_license"),
	fuzzCall[ListOrderableVersionsInput]("list_orderable_versions"),
	fuzzCall[OrderPlesk10Input]("order_plesk10_license"),
	fuzzCall[OrderPlesk12Input]("order_plesk12_license"),
	fuzzCall[OrderCPanelInput]("order_cpanel_license"),
	fuzzCall[OrderVirtuozzoInput]("order_virtuozzo_license"),
	fuzzCall[EditLicenseInput]("edit_license"),
	fuzzCall[TerminateLicenseInput]("terminate_license"),
	fuzzCall[GetOperationInput]("get_operation"),
	fuzzCall[ListOperationsInput]("list_operations"),
}

func fuzzCall[T any](tool string) func(json.RawMessage) (any, error) {
	return func(raw json.RawMessage) (any, error) { return Decode[T](tool, raw) }
}

// FuzzDecode: it never panics; what it accepts is accepted by the published
// schema, as it came and encoded again; what it refuses it explains, and the
// explanation is JSON.
func FuzzDecode(f *testing.F) {
	compiled := make([]*jsonschema.Schema, len(fuzzCalls))
	for i, tool := range toolTable() {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(InputSchema(tool.name)))
		require.NoError(f, err)
		compiler := jsonschema.NewCompiler()
		require.NoError(f, compiler.AddResource(tool.name, document))
		compiled[i] = compiler.MustCompile(tool.name)
	}
	for i := range fuzzCalls {
		for _, seed := range []string{
			``, `null`, `{}`, `[]`,
			`{"family":"plesk","keyNumber":"PLSK.02980001","confirm":"","title":"t","comment":"c"}`,
			`{"product":"PLESK_12_WEB_HOST","title":"t","period":"12","os":"LINUX","confirm":"","serverIP":"203.0.113.7","addons":["CLOUDLINUX"]}`,
			`{"product":"P","title":"t","period":"12","confirm":"","WPBSites":"10","duplicateOf":"op_0123456789ABCDEFGHJKMNPQRS"}`,
			`{"servers":[{"name":"a","ip":"192.0.2.1"},{"ip":" ::1 "},{}],"csv":"a,b","since":"last","limit":1000,"fields":["title"]}`,
			`{"operationId":"op_0123456789ABCDEFGHJKMNPQRS"}`,
			`{"family":"cpanel","limit":5e1,"details":false,"query":"\u00e9\ud83d","cursor":"","state":"unknown","kind":"edit"}`,
		} {
			f.Add(uint8(i), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, call uint8, raw []byte) {
		i := int(call) % len(fuzzCalls)
		input, err := fuzzCalls[i](raw)
		if err != nil {
			var invalid *InvalidInput
			require.ErrorAs(t, err, &invalid)
			require.NotEmpty(t, invalid.Problems)
			encoded, err := json.Marshal(invalid.Problems)
			require.NoError(t, err)
			require.True(t, utf8.Valid(encoded))
			return
		}
		encoded, err := json.Marshal(input)
		require.NoError(t, err)
		accepted := [][]byte{encoded}
		if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && string(trimmed) != "null" {
			accepted = append(accepted, raw)
		}
		for _, arguments := range accepted {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(arguments))
			require.NoError(t, err)
			require.NoError(t, compiled[i].Validate(value), "%s", arguments)
		}
	})
}
