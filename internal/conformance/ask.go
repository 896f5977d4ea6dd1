//go:build conformance

package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// askingTools ask the client while they run, as protocol versions before
// 2026-07-28 do. A client that cannot be asked gets an error.
func askingTools(s *server.MCPServer) []fixture {
	elicit := func(prefix, message, schema string) server.ToolHandlerFunc {
		return func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			var sent struct{ Message string }
			if err := request.BindArguments(&sent); err != nil {
				return mcp.NewToolResultError(err.Error()), nil
			}
			asked := cmp.Or(sent.Message, message)
			if capabilities(ctx).Elicitation == nil {
				return mcp.NewToolResultError("the client does not support elicitation"), nil
			}
			answer, err := s.RequestElicitation(ctx, mcp.ElicitationRequest{
				Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)},
				Params:  mcp.ElicitationParams{Message: asked, RequestedSchema: json.RawMessage(schema)},
			})
			if err != nil {
				return mcp.NewToolResultError(err.Error()), nil
			}
			filled, err := json.Marshal(answer.Content)
			if err != nil {
				return nil, err
			}
			return text(fmt.Sprintf("%s: action=%s, content=%s", prefix, answer.Action, filled))
		}
	}
	return []fixture{
		{name: "test_sampling", description: "Asks the client's model.",
			schema: `{"type":"object","properties":{"prompt":{"type":"string"}},"required":["prompt"],"additionalProperties":false}`,
			handle: func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				var sent struct{ Prompt string }
				if err := request.BindArguments(&sent); err != nil {
					return mcp.NewToolResultError(err.Error()), nil
				}
				if capabilities(ctx).Sampling == nil {
					return mcp.NewToolResultError("the client does not support sampling"), nil
				}
				//lint:ignore SA1019 the versions before 2026-07-28 have it, and the suite asks for it there
				answer, err := s.RequestSampling(ctx, mcp.CreateMessageRequest{
					Request:             mcp.Request{Method: string(mcp.MethodSamplingCreateMessage)},
					CreateMessageParams: sampling(sent.Prompt, 100),
				})
				if err != nil {
					return mcp.NewToolResultError(err.Error()), nil
				}
				return text("LLM response: " + sampled(answer))
			}},
		{name: "test_elicitation", description: "Asks the person behind the client.",
			schema: `{"type":"object","properties":{"message":{"type":"string"}},"required":["message"],"additionalProperties":false}`,
			handle: elicit("User response", "Please answer", `{"type":"object","properties":{
				"username":{"type":"string","description":"User's response"},
				"email":{"type":"string","description":"User's email address"}},"required":["username","email"]}`)},
		{name: "test_elicitation_sep1034_defaults", description: "Asks with a default for every field.",
			handle: elicit("Elicitation completed", "Please look at the defaults", `{"type":"object","properties":{
				"name":{"type":"string","default":"John Doe"},
				"age":{"type":"integer","default":30},
				"score":{"type":"number","default":95.5},
				"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},
				"verified":{"type":"boolean","default":true}}}`)},
		{name: "test_elicitation_sep1330_enums", description: "Asks with every kind of enumeration.",
			handle: elicit("Elicitation completed", "Please choose", `{"type":"object","properties":{
				"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
				"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"},{"const":"value3","title":"Third Option"}]},
				"legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],"enumNames":["Option One","Option Two","Option Three"]},
				"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},
				"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"},{"const":"value3","title":"Third Choice"}]}}}}`)},
	}
}

// capabilities are what the client of a request declared: with it from 2026-07-28
// on, with its session before.
func capabilities(ctx context.Context) mcp.ClientCapabilities {
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.ClientCapabilities != nil {
		return *info.ClientCapabilities
	}
	if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		return session.GetClientCapabilities()
	}
	return mcp.ClientCapabilities{}
}

func sampling(prompt string, tokens int) mcp.CreateMessageParams {
	return mcp.CreateMessageParams{
		Messages:  []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(prompt)}},
		MaxTokens: tokens,
	}
}

// sampled is the text that a model answered with.
func sampled(answer *mcp.CreateMessageResult) string {
	content, err := mcp.ParseSamplingContent(answer.Content)
	if err != nil {
		return "(unreadable)"
	}
	if words, ok := content.(mcp.TextContent); ok {
		return words.Text
	}
	return "(no text)"
}
