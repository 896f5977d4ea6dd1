package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
)

// golden holds the generated schemas, indented for reviewers. They are written
// by the test that compares them with their source.
//
//go:embed golden
var golden embed.FS

// InputSchema returns the JSON Schema of a tool's input as compact JSON, nil for
// an unknown tool. It is made for hosts: type, properties, required, enum and
// additionalProperties:false, with lengths, bounds and patterns beside them that
// the descriptions state too.
func InputSchema(tool string) json.RawMessage { return stored("golden/inputs/" + tool + ".json") }

// OutputSchema returns the JSON Schema of a result as compact JSON, nil for an
// unknown name. The names are those of the tools that read, and preview, done
// and failure, which the tools that write share. The schemas are open: more
// fields may come.
func OutputSchema(name string) json.RawMessage { return stored("golden/outputs/" + name + ".json") }

// stored reads one embedded file. Nothing is kept: a server asks for each of
// its tools once.
func stored(path string) json.RawMessage {
	indented, err := golden.ReadFile(path)
	if err != nil {
		return nil
	}
	var compact bytes.Buffer
	compact.Grow(len(indented))
	if err := json.Compact(&compact, indented); err != nil {
		panic("schemas: " + path + " is no JSON: " + err.Error())
	}
	return compact.Bytes()
}
