package schemas_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// keptList is a list that every host keeps, with what it may have.
const keptList = `{"tools":[{
	"name":"get_thing","title":"Get a thing","description":"Gets it.",
	"inputSchema":{
		"type":"object",
		"properties":{
			"name":{"type":"string","description":"its name","minLength":1,"maxLength":9,"pattern":"^a"},
			"size":{"type":"string","enum":["1","2"]},
			"count":{"type":"integer","minimum":1,"maximum":3,"default":2},
			"not":{"type":"array","items":{"type":"string","enum":["x"]}},
			"where":{"type":"object","properties":{"x":{"type":"number"}},"additionalProperties":false}
		},
		"required":["name"],
		"additionalProperties":false
	},
	"annotations":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":true}
}]}`

func TestLintLetsPassWhatEveryHostKeeps(t *testing.T) {
	require.Empty(t, schemas.LintToolsList([]byte(keptList)))
	require.Empty(t, schemas.LintToolsList([]byte(`{"jsonrpc":"2.0","id":1,"result":`+keptList+`}`)))
}

func TestLintFindsEachThingThatSomeHostMangles(t *testing.T) {
	size := `{"type":"string","enum":["1","2"]}`
	items := `{"type":"string","enum":["x"]}`
	for _, test := range []struct{ name, old, new, want string }{
		{"oneOf", size, `{"type":"string","oneOf":[{"type":"string"}]}`, "get_thing inputSchema size: oneOf is not a keyword"},
		{"anyOf", size, `{"type":"string","anyOf":[{"type":"string"}]}`, "anyOf is not a keyword"},
		{"allOf", size, `{"type":"string","allOf":[{"type":"string"}]}`, "allOf is not a keyword"},
		{"not", size, `{"type":"string","not":{"type":"null"}}`, "size: not is not a keyword"},
		{"if", size, `{"type":"string","if":{"type":"null"}}`, "if is not a keyword"},
		{"$ref", size, `{"$ref":"#/x"}`, "$ref is not a keyword"},
		{"$defs", `"required"`, `"$defs":{},"required"`, "get_thing inputSchema: $defs is not a keyword"},
		{"$schema", `"required"`, `"$schema":"s","required"`, "$schema is not a keyword"},
		{"const", size, `{"type":"string","const":"1"}`, "const is not a keyword"},
		{"uniqueItems", items, items + `,"uniqueItems":true`, "uniqueItems is not a keyword"},
		{"type array", size, `{"type":["string","null"]}`, "size: type is not one name"},
		{"no type", size, `{"enum":["1"]}`, "size: type is not one name"},
		{"integer enum", size, `{"type":"integer","enum":[1,2]}`, "size: the enum is not one of strings"},
		{"number in an enum", size, `{"type":"string","enum":["1",2]}`, "size: the enum is not one of strings"},
		{"empty enum", size, `{"type":"string","enum":[]}`, "size: the enum is not one of strings"},
		{"boolean schema", size, `true`, "size: the schema is no object"},
		{"boolean items", items, `true`, "not items: the schema is no object"},
		{"array without items", `"items":` + items, `"minItems":1`, "not: the array has no items"},
		{"inner keyword", items, `{"type":"string","const":"x"}`, "not items: const is not a keyword"},
		{"open object", `"required":["name"],
		"additionalProperties":false`, `"required":["name"]`, "get_thing inputSchema: additionalProperties is not false"},
		{"open inner object", `"properties":{"x":{"type":"number"}},"additionalProperties":false`, `"properties":{"x":{"type":"number"}},"additionalProperties":{"type":"string"}`, "where: additionalProperties is not false"},
		{"object without properties", `"properties":{"x":{"type":"number"}},`, ``, "where: the object has no properties"},
		{"unknown required", `"required":["name"]`, `"required":["nme"]`, "nme is required and is no property"},
		{"root type", `"inputSchema":{
		"type":"object"`, `"inputSchema":{
		"type":"string"`, "the type is not object"},
		{"no schema", `"inputSchema"`, `"inputschema"`, "get_thing: inputSchema is no object"},
		{"capitals in the name", `"get_thing"`, `"getThing"`, "the name is not of the form"},
		{"long name", `"get_thing"`, `"` + strings.Repeat("a", 37) + `"`, "the name is not of the form"},
		{"no name", `"name":"get_thing",`, ``, "tool 0: the name is not of the form"},
		{"no title", `"title":"Get a thing",`, ``, "there is no title"},
		{"no description", `"description":"Gets it.",`, ``, "there is no description"},
		{"long description", `Gets it.`, strings.Repeat("é", 1025), "get_thing: the description has more than 1024"},
		{"long inner description", `its name`, strings.Repeat("a", 1025), "get_thing inputSchema name: the description has more than 1024"},
		{"outputSchema", `"annotations"`, `"outputSchema":{},"annotations"`, "there is an outputSchema"},
		{"no annotations", `"annotations"`, `"annotation"`, "readOnlyHint is not set"},
		{"readOnlyHint", `"readOnlyHint":true,`, ``, "readOnlyHint is not set"},
		{"destructiveHint", `"destructiveHint":false,`, ``, "destructiveHint is not set"},
		{"idempotentHint", `"idempotentHint":true,`, ``, "idempotentHint is not set"},
		{"openWorldHint", `,"openWorldHint":true`, `,"openWorldHint":null`, "openWorldHint is not set"},
		{"no tools", `"tools"`, `"tool"`, "the list has no tools"},
		{"no JSON", `{"tools"`, `"tools"`, "the list cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Contains(t, keptList, test.old)
			found := schemas.LintToolsList([]byte(strings.Replace(keptList, test.old, test.new, 1)))
			require.Contains(t, strings.Join(found, "\n"), test.want)
		})
	}
	first, tool, _ := strings.Cut(keptList, "[")
	twice := first + "[" + strings.TrimSuffix(tool, "]}") + "," + tool
	require.Equal(t, []string{"get_thing: is listed twice"}, schemas.LintToolsList([]byte(twice)))
}
