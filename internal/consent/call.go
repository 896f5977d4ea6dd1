package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Call is what a handler that asks has to know of the call it serves, beside
// its arguments.
type Call struct {
	Tool      string
	Arguments json.RawMessage // as they came
	State     string          // of the question, as the client brought it back; empty in a first call
	Answer    *Answer         // nil where the call brings none
}

// Answered says whether the call claims to answer a question.
func (c *Call) Answered() bool { return c.State != "" || c.Answer != nil }

// Answer is what came back for a question.
type Answer struct {
	Accepted bool
	Typed    string // by the person, where it was accepted
	Reason   string // what came instead of a yes
}

// answerID is the question's key among a call's input requests.
const answerID = "confirm"

// typedField is the form's one field.
const typedField = "typed"

// CallOf reads what the request says of a question. arguments are those of the
// request, as they came.
func CallOf(tool string, request mcp.CallToolRequest, arguments json.RawMessage) *Call {
	c := &Call{Tool: tool, Arguments: arguments, State: request.Params.RequestState}
	if len(request.Params.InputResponses) > 0 {
		c.Answer = answerOf(server.ElicitationResponse(request.Params.InputResponses, answerID))
	}
	return c
}

func answerOf(result *mcp.ElicitationResult) *Answer {
	switch {
	case result == nil:
		return &Answer{Reason: "no answer came that could be read"}
	case result.Action == mcp.ElicitationResponseActionAccept:
		content, _ := result.Content.(map[string]any)
		typed, _ := content[typedField].(string)
		return &Answer{Accepted: true, Typed: typed}
	case result.Action == mcp.ElicitationResponseActionDecline:
		return &Answer{Reason: "the person or the client declined"}
	default:
		return &Answer{Reason: "the question was closed without an answer"}
	}
}

// digest is equal for arguments that are the same but for spaces and the order
// of members.
func digest(arguments json.RawMessage) [sha256.Size]byte {
	decoder := json.NewDecoder(bytes.NewReader(arguments))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) == nil {
		if canonical, err := json.Marshal(value); err == nil { // maps marshal in the order of their keys
			arguments = canonical
		}
	}
	return sha256.Sum256(arguments)
}

type callKey struct{}

// With returns a context in which From finds the call.
func With(ctx context.Context, c *Call) context.Context { return context.WithValue(ctx, callKey{}, c) }

// From returns the call that the adapter put into the context; an empty one
// where there is none.
func From(ctx context.Context) *Call {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{}
}
