package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

// outputs are the results that have a schema, by the name they are stored under.
var outputs = map[string]any{
	"preview":                 Preview{},
	"done":                    Done{},
	"failure":                 Failure{},
	"get_license":             LicenseOutput{},
	"list_licenses":           LicensesOutput{},
	"compare_licenses":        ComparisonOutput{},
	"list_orderable_versions": OrderableVersionsOutput{},
	"get_operation":           OperationOutput{},
	"list_operations":         OperationsOutput{},
}

// optionsPage stands above the rules in the documentation.
const optionsPage = `# Options of an order

Which option an order takes, and which values, as the API document lists them. This page is generated from the table in schemas/rules.go,
which is also what the tools' schemas, their validation and the sandbox go by. A value or an option that belongs to another kind of
licence is refused before anything is sent, and the refusal names the tool that takes it.

`

// TestGoldenFilesMatchTheirSource generates every schema and the table of the
// rules anew. With -update it writes them.
func TestGoldenFilesMatchTheirSource(t *testing.T) {
	generated := map[string][]byte{"../docs/options.md": []byte(optionsPage + RulesMarkdown())}
	for _, tool := range toolTable() {
		generated["golden/inputs/"+tool.name+".json"] = encode(t, inputSchema(tool))
	}
	for name, output := range outputs {
		generated["golden/outputs/"+name+".json"] = encode(t, outputSchema(output))
	}
	for path, want := range generated {
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, want, 0o644))
			continue
		}
		stored, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(stored), "%s is not what its source gives; run go generate ./schemas", path)
	}
	require.NoError(t, fs.WalkDir(os.DirFS("."), "golden", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			require.Contains(t, generated, path, "nothing generates this file")
		}
		return err
	}))
}

func encode(t *testing.T, schema *jsonschema.Schema) []byte {
	t.Helper()
	raw, err := json.Marshal(schema)
	require.NoError(t, err)
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, raw, "", "  "))
	indented.WriteByte('\n')
	return indented.Bytes()
}

// inputSchema reflects the tool's input type and completes it from the table:
// what is required, enums, limits and descriptions.
func inputSchema(t *tool) *jsonschema.Schema {
	reflector := jsonschema.Reflector{Anonymous: true, DoNotReference: true, ExpandedStruct: true}
	schema := reflector.ReflectFromType(t.input)
	schema.Version = ""
	schema.Required = nil
	for i := range t.fields {
		f := &t.fields[i]
		if f.required {
			schema.Required = append(schema.Required, f.name)
		}
		property, _ := schema.Properties.Get(f.name)
		property.Description = f.description()
		constrained := property
		if property.Items != nil {
			constrained = property.Items
		}
		for _, value := range f.allowed {
			constrained.Enum = append(constrained.Enum, value)
		}
		if f.members != nil {
			most := uint64(f.max)
			property.MaxItems = &most
			for i := range f.members {
				member, _ := property.Items.Properties.Get(f.members[i].name)
				member.MaxLength = length(f.members[i].text.max)
			}
		}
		if f.text != nil {
			if f.text.max > 0 {
				property.MinLength, property.MaxLength = length(f.text.min), length(f.text.max)
			}
			property.Pattern = f.text.pattern
		}
		if f.kind == reflect.Int {
			property.Minimum, property.Maximum = json.Number(strconv.Itoa(f.min)), json.Number(strconv.Itoa(f.max))
			property.Default = f.standard
		}
	}
	return schema
}

// length is a length limit, nil for none.
func length(characters int) *uint64 {
	if characters == 0 {
		return nil
	}
	n := uint64(characters)
	return &n
}

// outputSchema reflects an output type. It is open, a form is an object of
// strings, and the licence of a Done may be null.
func outputSchema(output any) *jsonschema.Schema {
	reflector := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true, AllowAdditionalProperties: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t == reflect.TypeFor[Form]() {
				return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}}
			}
			return nil
		},
	}
	schema := reflector.Reflect(output)
	schema.Version = ""
	if _, ok := output.(Done); ok {
		license, _ := schema.Properties.Get("license")
		schema.Properties.Set("license", &jsonschema.Schema{AnyOf: []*jsonschema.Schema{license, {Type: "null"}}})
	}
	return schema
}
