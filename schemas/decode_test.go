package schemas_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// decoders decode the arguments of each tool into its input.
var decoders = map[string]func(json.RawMessage) (any, error){
	"list_licenses":           decoder[schemas.ListLicensesInput]("list_licenses"),
	"compare_licenses":        decoder[schemas.CompareLicensesInput]("compare_licenses"),
	"get_license":             decoder[schemas.GetLicenseInput]("get_license"),
	"list_orderable_versions": decoder[schemas.ListOrderableVersionsInput]("list_orderable_versions"),
	"order_plesk10_license":   decoder[schemas.OrderPlesk10Input]("order_plesk10_license"),
	"order_plesk12_license":   decoder[schemas.OrderPlesk12Input]("order_plesk12_license"),
	"order_cpanel_license":    decoder[schemas.OrderCPanelInput]("order_cpanel_license"),
	"order_virtuozzo_license": decoder[schemas.OrderVirtuozzoInput]("order_virtuozzo_license"),
	"edit_license":            decoder[schemas.EditLicenseInput]("edit_license"),
	"terminate_license":       decoder[schemas.TerminateLicenseInput]("terminate_license"),
	"get_operation":           decoder[schemas.GetOperationInput]("get_operation"),
	"list_operations":         decoder[schemas.ListOperationsInput]("list_operations"),
}

func decoder[T any](tool string) func(json.RawMessage) (any, error) {
	return func(raw json.RawMessage) (any, error) { return schemas.Decode[T](tool, raw) }
}

// full holds valid arguments with every field, by tool, in the schema's order.
var full = map[string]string{
	"list_licenses":           `{"family":"plesk","query":"web 1","details":true,"fields":["title","properties"],"fresh":true,"limit":200,"cursor":"c"}`,
	"compare_licenses":        `{"servers":[{"name":"srv1","ip":"192.0.2.1"},{"name":"srv2"},{"ip":"2001:db8::1"}],"csv":"name,ip","since":"2026-05-01T08:00:00Z","family":"plesk","limit":1000}`,
	"get_license":             `{"family":"cpanel","keyNumber":"203.0.113.7"}`,
	"list_orderable_versions": `{"family":"virtuozzo"}`,
	"order_plesk10_license": `{"product":"PLESK_10_AND_LATER_UNLIMITED_DOMAINS","title":"web 1","comment":"a\n\tb","period":"12","os":"LINUX","WPBSites":"100","applications":"POWER_PACK",
		"CBMClients":"UNLIMITED","languagePack":"5","antivirus":"PREMIUM_ANTIVIRUS","duplicateOf":"op_0123456789ABCDEFGHJKMNPQRS","confirm":""}`,
	"order_plesk12_license": `{"product":"PLESK_12_WEB_HOST","title":"web 1","comment":"","period":"1","WPBSites":"10","WPBOptions":"MLS_SUPPORT","applications":"0",
		"languagePack":"UNLIMITED","antivirus":"PREMIUM_ANTIVIRUS_FOR_WIN","duplicateOf":"op_0123456789ABCDEFGHJKMNPQRS","confirm":"order PLESK_12_WEB_HOST for 12 months [4T9C-M8RW]"}`,
	"order_cpanel_license":    `{"product":"CPANEL_WHM_VPS","title":"web 1","comment":"c","period":"3","serverIP":"2001:db8::7","addons":["CLOUDLINUX","KERNELCARE"],"duplicateOf":"op_0123456789ABCDEFGHJKMNPQRS","confirm":""}`,
	"order_virtuozzo_license": `{"product":"VIRTUOZZO_CONTAINERS_4","title":"web 1","comment":"c","period":"36","os":"WINDOWS","duplicateOf":"op_0123456789ABCDEFGHJKMNPQRS","confirm":""}`,
	"edit_license":            `{"family":"plesk","keyNumber":"PLSK.02980001","title":"new","comment":""}`,
	"terminate_license":       `{"family":"plesk","keyNumber":"PLSK.02980001.0000","confirm":"terminate PLSK.02980001 [7K3Q-X2MD]"}`,
	"get_operation":           `{"operationId":"op_TVWXYZ0123456789ABCDEFGHJK","wait":60}`,
	"list_operations":         `{"state":"unknown","kind":"order","family":"plesk","limit":1,"cursor":""}`,
}

// required fields, by tool, as the design has them.
var required = map[string]string{
	"list_licenses":           "",
	"compare_licenses":        "",
	"get_license":             "family keyNumber",
	"list_orderable_versions": "family",
	"order_plesk10_license":   "product title period os confirm",
	"order_plesk12_license":   "product title period confirm",
	"order_cpanel_license":    "product title period serverIP confirm",
	"order_virtuozzo_license": "product title period os confirm",
	"edit_license":            "family keyNumber",
	"terminate_license":       "family keyNumber confirm",
	"get_operation":           "operationId",
	"list_operations":         "",
}

// problems decodes arguments that are refused.
func problems(t *testing.T, tool, arguments string) []schemas.Problem {
	t.Helper()
	input, err := decoders[tool](json.RawMessage(arguments))
	var invalid *schemas.InvalidInput
	require.True(t, errors.As(err, &invalid), "%s takes %s as %+v", tool, arguments, input)
	require.Equal(t, tool, invalid.Tool)
	require.NotEmpty(t, invalid.Problems)
	for _, problem := range invalid.Problems {
		require.NotEmpty(t, problem.Field)
		require.Contains(t, err.Error(), problem.Message)
	}
	return invalid.Problems
}

// fields lists the fields that the problems name.
func fields(problems []schemas.Problem) string {
	var names []string
	for _, problem := range problems {
		names = append(names, problem.Field)
	}
	return strings.Join(names, " ")
}

// member is one member of arguments, in order.
type member struct{ name, value string }

// members takes arguments apart.
func members(t *testing.T, arguments string) []member {
	t.Helper()
	var all []member
	decoder := json.NewDecoder(strings.NewReader(arguments))
	_, err := decoder.Token()
	require.NoError(t, err)
	for decoder.More() {
		name, err := decoder.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, decoder.Decode(&value))
		all = append(all, member{name.(string), string(value)})
	}
	return all
}

// with puts arguments together again, with one member changed, or left out
// where its value is empty.
func with(all []member, changed member) string {
	var parts []string
	for _, m := range all {
		if m.name == changed.name {
			m.value = changed.value
		}
		if m.value != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", m.name, m.value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestFullArgumentsComeBackAsTheyWere(t *testing.T) {
	require.Len(t, decoders, len(toolNames))
	for _, tool := range toolNames {
		input, err := decoders[tool](json.RawMessage(full[tool]))
		require.NoError(t, err, tool)
		encoded, err := json.Marshal(input)
		require.NoError(t, err)
		var want, got map[string]any
		require.NoError(t, json.Unmarshal([]byte(full[tool]), &want))
		require.NoError(t, json.Unmarshal(encoded, &got))
		for name, value := range want {
			if value == "" && got[name] == nil { // left out and empty are one where it does not matter
				delete(want, name)
			}
		}
		require.Equal(t, want, got, tool)
		require.True(t, accepts(t, compiledSchema(t, tool, schemas.InputSchema(tool)), []byte(full[tool])), tool)
	}
}

// TestNoArgumentsNullAndEmptyAreOne, and the missing fields are all named, in
// the schema's order.
func TestNoArgumentsNullAndEmptyAreOne(t *testing.T) {
	for _, tool := range toolNames {
		for _, none := range []string{"", "null", "{}", " \n{ }\t"} {
			if tool == "compare_licenses" { // needs something to compare with
				require.Equal(t, "servers", fields(problems(t, tool, none)))
				continue
			}
			if required[tool] == "" {
				_, err := decoders[tool](json.RawMessage(none))
				require.NoError(t, err)
				continue
			}
			want := required[tool]
			if tool == "edit_license" {
				want += " title" // at least one of title and comment
			}
			require.Equal(t, want, fields(problems(t, tool, none)), tool)
		}
	}
}

func TestLimitsAreFilledIn(t *testing.T) {
	licenses, err := schemas.Decode[schemas.ListLicensesInput]("list_licenses", nil)
	require.NoError(t, err)
	require.Equal(t, schemas.ListLicensesInput{Limit: 50}, licenses)
	operations, err := schemas.Decode[schemas.ListOperationsInput]("list_operations", json.RawMessage(`{"limit":5.0}`))
	require.NoError(t, err)
	require.Equal(t, schemas.ListOperationsInput{Limit: 5}, operations)
}

// TestEachFieldIsHeldToItsRule takes the full arguments of every tool and
// spoils one field at a time: left out, of each wrong type, given twice. One
// problem comes out, and it names that field.
func TestEachFieldIsHeldToItsRule(t *testing.T) {
	for _, tool := range toolNames {
		t.Run(tool, func(t *testing.T) {
			schema := compiledSchema(t, tool, schemas.InputSchema(tool))
			all := members(t, full[tool])
			for _, m := range all {
				without := with(all, member{m.name, ""})
				if strings.Contains(" "+required[tool]+" ", " "+m.name+" ") {
					found := problems(t, tool, without)
					require.Equal(t, m.name, fields(found))
					require.Nil(t, found[0].Value)
					require.Contains(t, found[0].Message, m.name+" is required")
				} else {
					_, err := decoders[tool](json.RawMessage(without))
					require.NoError(t, err, "%s is optional", m.name)
				}

				for _, wrong := range []string{`null`, `17`, `-1.5`, `true`, `"\u0001"`, `["x"]`, `[1]`, `{"a":{}}`} {
					if wrong == `true` && m.value == `true` || wrong == `17` && (m.name == "limit" || m.name == "wait") {
						continue // right after all
					}
					arguments := with(all, member{m.name, wrong})
					if wrong == `"\u0001"` && (m.name == "query" || m.name == "cursor" || m.name == "confirm" || m.name == "csv") {
						continue // looked up, never shown: any text will do
					}
					found := problems(t, tool, arguments)
					if wrong == `["x"]` && (m.name == "addons" || m.name == "fields") {
						require.Equal(t, m.name+"[0]", fields(found))
						continue
					}
					require.Equal(t, m.name, fields(found), arguments)
					require.Contains(t, found[0].Message, m.name)
					value, err := json.Marshal(found[0].Value)
					require.NoError(t, err)
					require.JSONEq(t, strings.ReplaceAll(wrong, `\u0001`, "␁"), string(value))
					if wrong != `"\u0001"` { // which the schema cannot tell from a text
						require.False(t, accepts(t, schema, []byte(arguments)), arguments)
					}
				}

				twice := strings.TrimSuffix(full[tool], "}") + fmt.Sprintf(",%q:%s,%[1]q:%s}", m.name, m.value, m.value)
				found := problems(t, tool, twice)
				require.Equal(t, m.name, fields(found))
				require.Equal(t, m.name+" is given more than once; give it once", found[0].Message)
			}

			unknown := strings.TrimSuffix(full[tool], "}") + `,"zebra":1,"apple":[]}`
			found := problems(t, tool, unknown)
			require.Equal(t, "zebra apple", fields(found), "unknown fields in the order they came")
			require.False(t, accepts(t, schema, []byte(unknown)))
			for i, m := range all {
				require.Equal(t, m.name, found[0].Allowed[i], "the full arguments are in the schema's order")
			}
			require.Len(t, found[0].Allowed, len(all))
		})
	}
}

// TestEachServerIsHeldToItsRules: what is wrong with one names it by its index.
func TestEachServerIsHeldToItsRules(t *testing.T) {
	for arguments, want := range map[string]string{
		`{"servers":[{"name":"a"},{"ip":"192.0.2.256"}]}`:                         "servers[1].ip",
		`{"servers":[{"name":"a","port":1}]}`:                                     "servers[0].port",
		`{"servers":[{"name":"a","name":"b"}]}`:                                   "servers[0].name",
		`{"servers":[{"name":7},{"name":null}]}`:                                  "servers[0].name servers[1].name",
		`{"servers":[{},{"name":""}]}`:                                            "servers[0] servers[1]",
		`{"servers":["a"]}`:                                                       "servers",
		`{"servers":{"name":"a"}}`:                                                "servers",
		`{"servers":[` + strings.Repeat(`{"name":"a"},`, 2000) + `{"name":"a"}]}`: "servers",
		`{"servers":[{"name":"` + strings.Repeat("x", 254) + `"}]}`:               "servers[0].name",
		`{"servers":[],"since":"yesterday"}`:                                      "since",
		`{"servers":[]}`:                                                          "servers",
	} {
		require.Equal(t, want, fields(problems(t, "compare_licenses", arguments)), arguments)
	}
	require.Len(t, problems(t, "compare_licenses", `{"servers":[`+strings.TrimSuffix(strings.Repeat(`{},`, 1000), ",")+`]}`), 20)
}

// TestEveryProblemIsNamedAtOnce, in the schema's order, unknown fields last.
func TestEveryProblemIsNamedAtOnce(t *testing.T) {
	found := problems(t, "order_plesk12_license", `{
		"zebra": 1, "antivirus": "premium_antivirus", "os": "LINUX", "title": "", "period": 12,
		"WPBSites": "50", "product": "PLESK_10_AND_LATER", "title": "x", "duplicateOf": ""}`)
	require.Equal(t, "product title title period WPBSites antivirus duplicateOf confirm zebra os", fields(found))
}

func TestArgumentsThatAreNoObjectAreOneProblem(t *testing.T) {
	for arguments, want := range map[string]string{
		`[]`:                    "arguments must be one JSON object",
		`"{}"`:                  "arguments must be one JSON object",
		`17`:                    "arguments must be one JSON object",
		`{"family":"plesk"`:     "no valid JSON at byte 17",
		`{"family":"plesk",}`:   "no valid JSON at byte 18",
		`{"family":plesk}`:      "no valid JSON at byte 10",
		`{"family":"plesk"} x`:  "no valid JSON at byte 19",
		`{"family":01}`:         "no valid JSON at byte 11",
		"{\"family\":\"a\nb\"}": "no valid JSON at byte 12",
		`{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`: "no valid JSON", // too deep
		`{"a":"` + string(rune(0xff)): "no valid JSON",
	} {
		found := problems(t, "get_license", arguments)
		require.Equal(t, "arguments", fields(found))
		require.Contains(t, found[0].Message, want)
		require.LessOrEqual(t, len([]rune(found[0].Value.(string))), 101)
	}
}

// TestEscapedNamesAndTextsAreReadAsTheyMean, as any JSON reader does.
func TestEscapedNamesAndTextsAreReadAsTheyMean(t *testing.T) {
	input, err := schemas.Decode[schemas.GetLicenseInput]("get_license", json.RawMessage(`{"f\u0061mily":"pl\u0065sk","keyNumber":"K"}`))
	require.NoError(t, err)
	require.Equal(t, schemas.GetLicenseInput{Family: "plesk", KeyNumber: "K"}, input)
	require.Equal(t, "family", fields(problems(t, "get_license", `{"f\u0061mily":"plesk","keyNumber":"K","family":"plesk"}`)), "given twice")
}

// TestProblemsStayReadableHoweverMuchIsWrong: a thousand unknown fields, a
// thousand repetitions and an endless list make a short answer.
func TestProblemsStayReadableHoweverMuchIsWrong(t *testing.T) {
	var unknown, repeated, elements strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&unknown, `,"unknown%d":%q`, i, strings.Repeat("x", 500))
		repeated.WriteString(`,"title":"t"`)
		elements.WriteString(`"WORDPRESS",`)
	}
	found := problems(t, "order_cpanel_license", `{"product":"P","title":"t","period":"1","serverIP":"203.0.113.7","confirm":"",
		"addons":[`+strings.TrimSuffix(elements.String(), ",")+`]`+repeated.String()+unknown.String()+`}`)
	require.Len(t, found, 1+8+20+1)
	require.Equal(t, "addons has 1000 elements, and there are 7 to choose from; name each at most once", found[1].Message)
	require.Equal(t, "arguments have 980 more fields that order_cpanel_license does not take; leave them out", found[29].Message)
	encoded, err := json.Marshal(found)
	require.NoError(t, err)
	require.Less(t, len(encoded), 16_000)
}

// TestDecodeTakesTheToolsOwnInputOnly: anything else is a defect.
func TestDecodeTakesTheToolsOwnInputOnly(t *testing.T) {
	require.Panics(t, func() { _, _ = schemas.Decode[schemas.GetLicenseInput]("no_such_tool", nil) })
	require.Panics(t, func() { _, _ = schemas.Decode[schemas.GetLicenseInput]("edit_license", nil) })
}
