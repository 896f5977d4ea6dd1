package schemas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

var toolNames = []string{
	"list_licenses", "compare_licenses", "get_license", "list_orderable_versions",
	"order_plesk10_license", "order_plesk12_license", "order_cpanel_license", "order_virtuozzo_license",
	"edit_license", "terminate_license", "get_operation", "list_operations",
}

func compact(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, raw))
	return b.Bytes()
}

// TestInputSchemasAreCompactAndSmall: they are sent with every conversation.
func TestInputSchemasAreCompactAndSmall(t *testing.T) {
	total := 0
	for _, tool := range toolNames {
		schema := schemas.InputSchema(tool)
		require.NotEmpty(t, schema, tool)
		require.Equal(t, string(compact(t, schema)), string(schema))
		total += len(schema)
	}
	t.Logf("the input schemas are %d bytes", total)
	require.Less(t, total, 10_300) // as much a tool as the first eleven had
	require.Nil(t, schemas.InputSchema("no_such_tool"))
	require.Nil(t, schemas.OutputSchema("no_such_result"))
}

// TestInputSchemasHaveOnlyWhatEveryHostKeeps wraps them in a list that has
// nothing else to find.
func TestInputSchemasHaveOnlyWhatEveryHostKeeps(t *testing.T) {
	var tools []string
	for _, tool := range toolNames {
		tools = append(tools, fmt.Sprintf(`{"name":%q,"title":"T","description":"D","inputSchema":%s,
			"annotations":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":true}}`, tool, schemas.InputSchema(tool)))
	}
	require.Empty(t, schemas.LintToolsList([]byte(`{"tools":[`+strings.Join(tools, ",")+`]}`)))
}

// TestLimitsStandInTheDescriptionsToo, for the hosts that strip keywords, and
// every property has a description.
func TestLimitsStandInTheDescriptionsToo(t *testing.T) {
	for _, tool := range toolNames {
		var schema struct {
			Properties map[string]struct {
				Description        string
				Pattern            string
				MaxLength, Maximum int
			}
		}
		require.NoError(t, json.Unmarshal(schemas.InputSchema(tool), &schema))
		for name, property := range schema.Properties {
			require.NotEmpty(t, property.Description, "%s %s", tool, name)
			for _, limit := range []int{property.MaxLength, property.Maximum} {
				if limit != 0 && name != "serverIP" { // as long as an address can be
					require.Contains(t, property.Description, strconv.Itoa(limit), "%s %s", tool, name)
				}
			}
		}
	}
}

// TestEverySchemaCompiles with an independent validator.
func TestEverySchemaCompiles(t *testing.T) {
	for _, tool := range toolNames {
		compiledSchema(t, tool, schemas.InputSchema(tool))
	}
	for _, name := range outputNames {
		require.NotEmpty(t, schemas.OutputSchema(name), name)
		compiledSchema(t, name, schemas.OutputSchema(name))
	}
}

var outputNames = []string{
	"preview", "done", "failure", "get_license", "list_licenses", "compare_licenses", "list_orderable_versions", "get_operation", "list_operations",
}

// TestOutputsMatchTheirSchemas, the empty ones and the full ones.
func TestOutputsMatchTheirSchemas(t *testing.T) {
	license := &schemas.License{Family: "plesk", KeyNumber: "PLSK.02980001", Title: "t", Properties: json.RawMessage(`{"a":[1,null]}`)}
	form := schemas.Form{{Name: "title", Value: "t"}}
	var failure schemas.Failure
	failure.Error.Outcome, failure.Error.Retry = "not_done", "after_change"
	withProblems := failure
	withProblems.Error.Problems = []schemas.Problem{
		{Field: "a", Message: "m"},
		{Field: "b", Value: json.RawMessage("null"), Allowed: []string{"x"}, Message: "m"},
		{Field: "c", Value: "sent", Message: "m"},
	}
	operation := &schemas.Operation{Request: form, Previous: license, Candidates: []string{"a"}, Status: 200}
	for _, test := range []struct {
		name   string
		output any
		shows  string
	}{
		{"preview", schemas.Preview{Outcome: "preview", State: "proposed", Warnings: []string{}}, `"request":{},"warnings":[]`},
		{"preview", schemas.Preview{Outcome: "preview", State: "proposed", Request: form, License: license, Warnings: []string{"w"}}, `"request":{"title":"t"}`},
		{"done", schemas.Done{Outcome: "done"}, `"license":null,"replayed":false`},
		{"done", schemas.Done{Outcome: "done", License: license, Certainty: "exact", Message: "m"}, `"license":{"family":"plesk"`},
		{"failure", failure, `"problems":[]`},
		{"failure", withProblems, `{"field":"b","value":null,"allowed":["x"],"message":"m"}`},
		{"get_license", schemas.LicenseOutput{License: license}, `"properties":{"a":[1,null]}`},
		{"list_licenses", schemas.LicensesOutput{Licenses: []*schemas.License{license}, Unread: []schemas.Unread{{Family: "plesk"}},
			Counts: schemas.Counts{Family: map[string]int{"plesk": 1}, Status: map[string]int{}, StatusUnknown: 1}}, `"counts":{"family":{"plesk":1},"status":{},"statusUnknown":1},"partial":false`},
		{"compare_licenses", schemas.ComparisonOutput{Unread: []schemas.Unread{}, Counts: schemas.Counts{Family: map[string]int{}, Status: map[string]int{}},
			Servers: &schemas.ServersComparison{Unmatched: []*schemas.License{license}, Without: []schemas.Server{{Name: "a"}}, Twice: []schemas.ServerMatches{}, Shared: []schemas.LicenseMatch{},
				Matched: []schemas.ServerMatches{{IP: "192.0.2.1", Licenses: []schemas.MatchedKey{{Certainty: "certain", By: "serverIP"}}}}},
			Changes: &schemas.Changes{New: []*schemas.License{license}, Gone: []*schemas.License{}, Relabelled: []schemas.ChangedKey{{Changes: []schemas.PropertyChange{{Property: "title"}}}}, Changed: []schemas.ChangedKey{}}},
			`"without":[{"name":"a"}]`},
		{"list_orderable_versions", schemas.OrderableVersionsOutput{Versions: []schemas.OrderableVersion{{Product: "P"}, {Product: "P", Label: "L", Generation: "plesk10"}}, Raw: json.RawMessage(`[]`)}, `{"product":"P"}`},
		{"get_operation", schemas.OperationOutput{Operation: operation}, `"request":{"title":"t"}`},
		{"list_operations", schemas.OperationsOutput{Operations: []*schemas.Operation{operation}, NextCursor: "c"}, `"nextCursor":"c"`},
	} {
		raw, err := json.Marshal(test.output)
		require.NoError(t, err)
		require.Contains(t, string(raw), test.shows)
		require.True(t, accepts(t, compiledSchema(t, test.name, schemas.OutputSchema(test.name)), raw), "%s: %s", test.name, raw)
	}
}
