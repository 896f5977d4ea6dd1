//go:build conformance

package conformance

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// The schemas of what a person is asked for.
const (
	nameSchema    = `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`
	colourSchema  = `{"type":"object","properties":{"color":{"type":"string"}},"required":["color"]}`
	okSchema      = `{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}`
	contextSchema = `{"type":"object","properties":{"context":{"type":"string"}},"required":["context"]}`
)

// inputTools end a call with what they need to know, as protocol version
// 2026-07-28 does (SEP-2322), and go on when they are called with it.
func inputTools() []fixture {
	sealed := newStates()
	tool := func(name, description string, handle func(context.Context, mcp.CallToolParams) (*mcp.CallToolResult, error)) fixture {
		return fixture{name: "test_input_required_result_" + name, description: description,
			handle: func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				return handle(ctx, request.Params)
			}}
	}
	return []fixture{
		tool("elicitation", "Asks for a name.", func(_ context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
			if name, ok := filled(p.InputResponses, "user_name")["name"].(string); ok {
				return text("Hello, " + name + "!")
			}
			return elicited("", "user_name", "What is your name?", nameSchema).ToolResult(), nil
		}),
		tool("sampling", "Asks the client's model.", func(_ context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
			if answer := server.SamplingResponse(p.InputResponses, "capital_question"); answer != nil {
				return text("The model says: " + sampled(answer))
			}
			return server.NewInputRequestBuilder("").Sample("capital_question", sampling("What is the capital of France?", 100)).ToolResult(), nil
		}),
		tool("list_roots", "Asks for the client's roots.", func(_ context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
			if answer := server.RootsResponse(p.InputResponses, "client_roots"); answer != nil {
				var uris []string
				for _, root := range answer.Roots {
					uris = append(uris, root.URI)
				}
				return text(fmt.Sprintf("%d roots: %s", len(uris), strings.Join(uris, ", ")))
			}
			return server.NewInputRequestBuilder("").Roots("client_roots").ToolResult(), nil
		}),
		tool("request_state", "Wants its state back.", sealed.confirm),
		tool("tampered_state", "Refuses a state that is not its own.", sealed.confirm),
		tool("multiple_inputs", "Asks for three things at once.", func(_ context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
			name, named := filled(p.InputResponses, "user_name")["name"].(string)
			greeting, roots := server.SamplingResponse(p.InputResponses, "greeting"), server.RootsResponse(p.InputResponses, "client_roots")
			if named && greeting != nil && roots != nil {
				if _, err := sealed.open(p.RequestState); err != nil {
					return nil, err
				}
				return text(fmt.Sprintf("%s %s, with %d roots", sampled(greeting), name, len(roots.Roots)))
			}
			return elicited(sealed.seal("multiple"), "user_name", "What is your name?", nameSchema).
				Sample("greeting", sampling("Generate a greeting", 50)).Roots("client_roots").ToolResult(), nil
		}),
		tool("multi_round", "Asks twice, one after the other.", sealed.rounds),
		tool("capabilities", "Asks for what the client can do alone.", func(ctx context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
			if len(p.InputResponses) > 0 {
				return text("Thank you.")
			}
			can, ask := capabilities(ctx), server.NewInputRequestBuilder("")
			if can.Elicitation != nil {
				ask.Elicit("user_name", mcp.ElicitationParams{Message: "What is your name?", RequestedSchema: json.RawMessage(nameSchema)})
			}
			if can.Sampling != nil {
				ask.Sample("greeting", sampling("Generate a greeting", 50))
			}
			if can.Roots != nil {
				ask.Roots("client_roots")
			}
			if can.Elicitation == nil && can.Sampling == nil && can.Roots == nil {
				return text("The client can be asked nothing.")
			}
			return ask.ToolResult(), nil
		}),
	}
}

// askingPrompt asks for its context before it says anything.
func askingPrompt(_ context.Context, request mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	if words, ok := filled(request.Params.InputResponses, "user_context")["context"].(string); ok {
		return said(mcp.NewTextContent("Context: " + words))
	}
	return elicited("", "user_context", "What context should the prompt use?", contextSchema).PromptResult(), nil
}

func elicited(state, id, message, schema string) *server.InputRequestBuilder {
	return server.NewInputRequestBuilder(state).Elicit(id, mcp.ElicitationParams{Message: message, RequestedSchema: json.RawMessage(schema)})
}

// filled is what a person filled in; nil where nobody accepted.
func filled(responses mcp.InputResponses, id string) map[string]any {
	answer := server.ElicitationResponse(responses, id)
	if answer == nil || answer.Action != mcp.ElicitationResponseActionAccept {
		return nil
	}
	fields, _ := answer.Content.(map[string]any)
	return fields
}

// states are what a tool has its client bring back: text, sealed (HMAC-SHA256)
// with a key that dies with the process.
type states struct{ key [32]byte }

func newStates() *states {
	s := &states{}
	rand.Read(s.key[:]) // never fails
	return s
}

func (s *states) seal(state string) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(state))
	return state + "." + hex.EncodeToString(mac.Sum(nil))
}

func (s *states) open(sealed string) (string, error) {
	state, _, _ := strings.Cut(sealed, ".")
	if !hmac.Equal([]byte(s.seal(state)), []byte(sealed)) {
		return "", &rpc.Error{Code: mcp.INVALID_PARAMS, Message: "requestState is not one that this server gave out"}
	}
	return state, nil
}

// confirm asks to confirm, and goes on with its own state alone.
func (s *states) confirm(_ context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
	if p.RequestState != "" {
		if _, err := s.open(p.RequestState); err != nil {
			return nil, err
		}
		if filled(p.InputResponses, "confirm") != nil {
			return text("state-ok: the state came back, and the confirmation with it")
		}
	}
	return elicited(s.seal("confirm"), "confirm", "Please confirm", okSchema).ToolResult(), nil
}

// rounds keeps the first answer in the state while it asks for the second.
func (s *states) rounds(_ context.Context, p mcp.CallToolParams) (*mcp.CallToolResult, error) {
	if p.RequestState == "" {
		return elicited(s.seal("first"), "step1", "Step 1: What is your name?", nameSchema).ToolResult(), nil
	}
	state, err := s.open(p.RequestState)
	if err != nil {
		return nil, err
	}
	if encoded, second := strings.CutPrefix(state, "second:"); second {
		name, err := hex.DecodeString(encoded)
		if err != nil {
			return nil, err
		}
		colour, _ := filled(p.InputResponses, "step2")["color"].(string)
		return text(fmt.Sprintf("%s likes %s", name, colour))
	}
	name, _ := filled(p.InputResponses, "step1")["name"].(string)
	return elicited(s.seal("second:"+hex.EncodeToString([]byte(name))), "step2", "Step 2: What is your favorite color?", colourSchema).ToolResult(), nil
}
