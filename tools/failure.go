package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// Every error of a handler becomes one schemas.Failure here. Three kinds of
// error know what they mean: invalid input, an operation's refusal, and the
// REST client's error. Anything else is a defect of this program, and says so.

// notOffered is a tool or a family that the flags leave out.
type notOffered struct {
	what string
	why  string
}

// notAllowed is a tool or a family that the caller may not use.
type notAllowed struct {
	what  string
	lacks string
}

func (e *notAllowed) Error() string {
	return "this caller may not use " + e.what + ": its token lacks " + e.lacks
}

func (e *notOffered) Error() string { return e.what + " is not offered: " + e.why }

// failed is what a call is answered with whose handler failed, to be shown with
// isError set.
func (s *Set) failed(ctx context.Context, t Tool, err error) *schemas.Failure {
	failure := s.failure(t, err)
	var refusal *operations.Refusal
	if errors.As(err, &refusal) && refusal.Code == operations.CodeApprovalRequired {
		s.approval(ctx, failure, refusal.Operation)
	}
	failure.Environment = s.Environment
	return failure
}

func (s *Set) failure(t Tool, err error) *schemas.Failure {
	var (
		invalid *schemas.InvalidInput
		refusal *operations.Refusal
		api     *websoftsolus.Error
		left    *notOffered
		lacking *notAllowed
	)
	switch {
	case errors.As(err, &invalid):
		return newFailure(t, "invalid_input", invalidMessage(invalid), operations.RetryAfterChange, withProblems(invalid.Problems),
			withNext("correct the fields named in problems and call again"))
	case errors.As(err, &refusal):
		return refused(t, refusal)
	case errors.As(err, &left):
		return newFailure(t, "not_offered", left.Error(), operations.RetryNever,
			withNext("tell the person; they can start the server without that flag"))
	case errors.As(err, &lacking):
		return newFailure(t, "not_allowed", lacking.Error(), operations.RetryNever,
			withNext("tell the person; only who runs the server can allow it"))
	case errors.As(err, &api):
		return s.apiFailure(t, api)
	case errors.Is(err, inventory.ErrDeadline):
		return newFailure(t, "unavailable", "the licences could not be read in time: "+err.Error(), operations.RetrySafe,
			withNext("call again; what was read is kept for a minute"))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return newFailure(t, "canceled", "the call was canceled", operations.RetrySafe)
	}
	return newFailure(t, "internal", err.Error(), operations.RetryNever, withNext("report this to the person; it is a defect of the server"))
}

type failureOption func(*schemas.Failure)

func withProblems(problems []schemas.Problem) failureOption {
	return func(f *schemas.Failure) { f.Error.Problems = problems }
}

func withNext(next string) failureOption {
	return func(f *schemas.Failure) { f.Error.Next = next }
}

// newFailure is a failure of a call that certainly did nothing; its message
// says what did not happen, where something could have.
func newFailure(t Tool, code, message, retry string, options ...failureOption) *schemas.Failure {
	if t.effect.undone != "" && !strings.Contains(message, t.effect.undone) {
		message = t.effect.undone + ": " + message
	}
	f := &schemas.Failure{}
	f.Error.Code = code
	f.Error.Message = message
	f.Error.Outcome = string(websoftsolus.NotDone)
	f.Error.Retry = retry
	for _, option := range options {
		option(f)
	}
	return f
}

func invalidMessage(invalid *schemas.InvalidInput) string {
	messages := make([]string, len(invalid.Problems))
	for i, p := range invalid.Problems {
		messages[i] = p.Message
	}
	return strings.Join(messages, "; ")
}

// refused carries an operation's refusal over. The operations package has
// decided the outcome and the words.
func refused(t Tool, refusal *operations.Refusal) *schemas.Failure {
	f := &schemas.Failure{}
	f.Error.Code = refusal.Code
	f.Error.Message = fieldText(refusal.Message, maxFieldText)
	f.Error.Outcome = string(refusal.Outcome)
	f.Error.Retry = refusal.Retry
	f.Error.Next = refusal.Next
	if refusal.Operation != nil {
		f.OperationID = refusal.Operation.ID
		f.State = string(refusal.Operation.State)
	}
	return f
}

// apiAdvice is what a model can be told of each kind of API error: the code it
// sees, whether the same call may be made again, and what to do next.
var apiAdvice = map[websoftsolus.ErrorKind]struct{ code, retry, next string }{
	websoftsolus.NotConfigured: {"not_configured", operations.RetryAfterChange, "ask the person to set WEBSOFTSOLUS_LOGIN and WEBSOFTSOLUS_SECRET (or --secret-file) in the host's configuration and to restart the server"},
	websoftsolus.InvalidKey:    {"invalid_input", operations.RetryAfterChange, "take a key number from list_licenses"},
	websoftsolus.Unauthorized:  {"unauthorized", operations.RetryAfterChange, "ask the person to check WEBSOFTSOLUS_LOGIN and WEBSOFTSOLUS_SECRET, and that the API key belongs to this environment"},
	websoftsolus.NotFound:      {"not_found", operations.RetryAfterChange, "check the family and take a key number from list_licenses; a licence that was terminated may no longer be shown"},
	websoftsolus.Rejected:      {"rejected", operations.RetryAfterChange, "read the API's message and change what it names"},
	websoftsolus.RateLimited:   {"rate_limited", operations.RetrySafe, "wait before calling again"},
	websoftsolus.Unavailable:   {"unavailable", operations.RetrySafe, "the API has trouble; try again later"},
	websoftsolus.Network:       {"unreachable", operations.RetrySafe, "the API could not be reached; check the network and --url, then try again"},
	websoftsolus.Unreadable:    {"unreadable_answer", operations.RetrySafe, "the API's answer could not be read; check that --url names the API, then try again"},
	websoftsolus.Redirected:    {"unreadable_answer", operations.RetryAfterChange, "the API answered with a redirect that is not followed; check --url"},
	websoftsolus.Canceled:      {"canceled", operations.RetrySafe, ""},
}

// apiFailure is an error of a read: of a read tool, or of what a preview reads
// before anything can be sent.
func (s *Set) apiFailure(t Tool, api *websoftsolus.Error) *schemas.Failure {
	advice, known := apiAdvice[api.Kind]
	if !known {
		return newFailure(t, "internal", api.Error(), operations.RetryNever)
	}
	message := fieldText(api.Error(), maxFieldText)
	if api.Kind == websoftsolus.NotConfigured && s.SecretProblem != "" {
		message += ": " + s.SecretProblem
	}
	next := advice.next
	if api.RetryAfter > 0 {
		next = fmt.Sprintf("wait %.0f seconds before calling again", api.RetryAfter.Seconds())
	}
	f := newFailure(t, advice.code, message, advice.retry, withNext(next))
	if api.Outcome == websoftsolus.Unknown {
		f.Error.Outcome = string(websoftsolus.Unknown)
	}
	return f
}
