//go:build conformance

package conformance

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// The smallest files of their kind, in base64: a PNG of one pixel, and a WAV
// without samples.
const (
	pixel   = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	silence = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
)

func contentTools() []fixture {
	return []fixture{
		{name: "test_simple_text", description: "Answers with one text.",
			handle: content(mcp.NewTextContent("This is a simple text response for testing."))},
		{name: "test_image_content", description: "Answers with an image.",
			handle: content(mcp.NewImageContent(pixel, "image/png"))},
		{name: "test_audio_content", description: "Answers with a sound.",
			handle: content(mcp.NewAudioContent(silence, "audio/wav"))},
		{name: "test_embedded_resource", description: "Answers with a resource.",
			handle: content(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))},
		{name: "test_multiple_content_types", description: "Answers with a text, an image and a resource.",
			handle: content(
				mcp.NewTextContent("Multiple content types test:"),
				mcp.NewImageContent(pixel, "image/png"),
				embedded("test://mixed-content-resource", "application/json", `{"test":"data","value":123}`),
			)},
		{name: "test_error_handling", description: "Always fails.",
			handle: func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				return mcp.NewToolResultError("This tool intentionally returns an error for testing"), nil
			}},
		{name: "json_schema_2020_12_tool", description: "Has a schema with much of JSON Schema 2020-12 in it.", schema: wideSchema,
			handle: content(mcp.NewTextContent("The schema is what matters."))},
		{name: "test_x_mcp_header", description: "Has an argument that a header repeats.", schema: headerSchema,
			handle: func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				var sent struct{ Region string }
				if err := request.BindArguments(&sent); err != nil {
					return mcp.NewToolResultError(err.Error()), nil
				}
				return text("region=" + sent.Region)
			}},
	}
}

// content is a handler that always answers with the same.
func content(parts ...mcp.Content) server.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: parts}, nil
	}
}

func embedded(uri, media, words string) mcp.EmbeddedResource {
	return mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: uri, MIMEType: media, Text: words})
}

// wideSchema is the one that the scenario json-schema-2020-12 wants to see again
// as it is.
const wideSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
	"properties": {
		"name": {"type": "string"},
		"address": {"$ref": "#/$defs/address"},
		"contactMethod": {"type": "string", "enum": ["phone", "email"]},
		"phone": {"type": "string"},
		"email": {"type": "string"}
	},
	"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
	"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
	"then": {"required": ["phone"]},
	"else": {"required": ["email"]},
	"additionalProperties": false
}`

const headerSchema = `{"type":"object","properties":{"region":{"type":"string","description":"Repeated in Mcp-Param-Region.","x-mcp-header":"Region"}},"additionalProperties":false}`
