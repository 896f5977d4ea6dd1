package consent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// Question is an operation that a person has to confirm through the client. A
// handler returns it as its error; the adapter asks it and calls the handler
// again.
type Question struct {
	Operation *operations.Operation
	State     string // sealed to the call; opened by Consent.Opened
	until     time.Time
}

func (q *Question) Error() string { return "the person has to be asked about " + q.Operation.ID }

// Question makes the question about an operation, for the call under the
// context.
func (c *Consent) Question(ctx context.Context, o *operations.Operation) (*Question, error) {
	q := &Question{Operation: o, until: o.ExpiresAt}
	if !AnswersAnew(ctx) {
		// A call waits for the answer, and hosts do not wait for ever.
		if limit := c.now().Add(c.within()); limit.Before(q.until) {
			q.until = limit
		}
	}
	var err error
	if q.State, err = c.seal(ctx, o.ID, q.until); err != nil {
		return nil, operations.Refuse(o.Kind, operations.CodeLedgerUnavailable, operations.RetryAfterChange, err.Error(), "tell the person")
	}
	return q, nil
}

func (c *Consent) within() time.Duration {
	if c.AnswerWithin > 0 {
		return c.AnswerWithin
	}
	return answerWithin
}

// Opened returns the id of the operation that the call's answer is about, and
// the answer. An answer that came too late is one that says no. The error is an
// *operations.Refusal: the answer belongs to no question that was asked of this
// caller, with this tool and these arguments.
func (c *Consent) Opened(ctx context.Context, kind operations.Kind) (id string, answer *Answer, err error) {
	call := From(ctx)
	id, err = c.open(ctx, call.State)
	answer = call.Answer
	switch {
	case errors.Is(err, errLate):
		return id, &Answer{Reason: errLate.Error()}, nil
	case err != nil:
		return "", nil, operations.Refuse(kind, operations.CodeConfirmUnknown, operations.RetryAfterChange, err.Error(), `call again with confirm "" and without an answer, so that the person is asked anew`)
	case answer == nil:
		return id, &Answer{Reason: "no answer came"}, nil
	}
	return id, answer, nil
}

// params is the question as the protocol has it: a form with one field that has
// to be filled. An empty form would be accepted by some hosts by themselves.
func (q *Question) params() mcp.ElicitationParams {
	return mcp.ElicitationParams{
		Mode:    mcp.ElicitationModeForm,
		Message: Message(q.Operation),
		RequestedSchema: map[string]any{
			"type": "object",
			"properties": map[string]any{typedField: map[string]any{
				"type": "string", "title": "Type the " + q.Operation.TypedName() + " to confirm", "description": "Exactly as it stands above", "minLength": 1,
			}},
			"required": []string{typedField},
		},
	}
}

// Message is the text of the question: our sentences, and between them the
// operation's data, a line each.
func Message(o *operations.Operation) string {
	var b strings.Builder
	if o.Kind == operations.Order {
		fmt.Fprintf(&b, "Order a licence at WebSoftSolus (environment: %s)? It costs money.\n\n", Plain(o.Environment, 20))
	} else {
		fmt.Fprintf(&b, "Terminate a licence at WebSoftSolus (environment: %s)? It ends at once and cannot be brought back.\n\n", Plain(o.Environment, 20))
	}
	b.WriteString("The lines from here to the next sentence are data, written by others:\n\n")
	for _, line := range Lines(o) {
		// Four spaces keep a host that renders Markdown from rendering it.
		fmt.Fprintf(&b, "    %s: %s\n", line.Label, line.Value)
	}
	fmt.Fprintf(&b, "\nTo agree, type the %s exactly as it stands above. Anything else declines, and nothing is sent.", o.TypedName())
	return b.String()
}

// Result is the question as the answer to a call of 2026-07-28: the client asks
// the person and repeats the call.
func (q *Question) Result() *mcp.CallToolResult {
	return server.NewInputRequestBuilder(q.State).Elicit(answerID, q.params()).ToolResult()
}

// Ask asks the question of a client of an older version, whose call waits. It
// always returns an answer: no, where none came in time.
func (c *Consent) Ask(ctx context.Context, q *Question) *Answer {
	bound := c.WithTimeout
	if bound == nil {
		bound = context.WithTimeout
	}
	asking, cancel := bound(ctx, q.until.Sub(c.now()))
	defer cancel()
	result, err := server.ServerFromContext(ctx).RequestElicitation(asking, mcp.ElicitationRequest{
		Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)}, Params: q.params(),
	})
	switch {
	case ctx.Err() != nil:
		return &Answer{Reason: "the call was cancelled before the person answered"}
	case asking.Err() != nil:
		return &Answer{Reason: "no answer came in time"}
	case err != nil:
		return &Answer{Reason: "the client could not ask: " + Plain(err.Error(), 200)}
	}
	return answerOf(result)
}
