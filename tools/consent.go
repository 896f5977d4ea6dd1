package tools

import (
	"context"
	"errors"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// What orders and terminations share: who confirms them. A call asks for a
// preview, brings a phrase, or brings a person's answer to a question that an
// earlier call asked (package consent).

// confirmable is an order or a termination with what it does in either call.
type confirmable struct {
	kind    operations.Kind
	confirm string // the phrase; empty asks for a preview
	propose func(operations.Choose) (*operations.Preview, error)
	perform func(operations.Choose) (*operations.Result, error) // by the phrase
}

// confirmed does what the call asks for. Its error is a *consent.Question where
// the person has to be asked first.
func (s *Set) confirmed(ctx context.Context, w confirmable) (any, error) {
	call := consent.From(ctx)
	if call.Answered() {
		return s.answered(ctx, w)
	}
	choose := func(ctx context.Context, _ *operations.Operation, person bool) operations.Way {
		return s.Consent.Way(ctx, person)
	}
	if w.confirm != "" {
		if !s.Consent.TakesPhrases(ctx) {
			return nil, operations.NoPhrase(w.kind)
		}
		result, err := w.perform(choose)
		return s.doneOr(result, err)
	}
	preview, err := w.propose(choose)
	if err != nil {
		return nil, err
	}
	switch o := &preview.Operation; o.Way {
	case operations.ByElicitation:
		question, err := s.Consent.Question(ctx, o)
		if err != nil {
			return nil, err
		}
		return nil, question
	case operations.ByApproval:
		// The same call again finds the operation that it asked for before.
		result, err := s.Operations.ConfirmApproved(ctx, o.ID)
		return s.doneOr(result, err)
	}
	return s.preview(preview), nil
}

// answered confirms or declines the operation that the call brings an answer
// for.
func (s *Set) answered(ctx context.Context, w confirmable) (any, error) {
	if w.confirm != "" {
		return nil, operations.NoPhrase(w.kind)
	}
	id, answer, err := s.Consent.Opened(ctx, w.kind)
	if err != nil {
		return nil, err
	}
	if !answer.Accepted {
		return nil, s.Operations.Unanswered(ctx, w.kind, id, answer.Reason)
	}
	result, err := s.Operations.ConfirmByPerson(ctx, w.kind, id, answer.Typed)
	return s.doneOr(result, err)
}

func (s *Set) doneOr(result *operations.Result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return s.done(result), nil
}

// asking wraps a handler that may have to ask the person: it asks, and calls
// the handler again with the answer.
func (s *Set) asking(t Tool, handle handler) handler {
	return func(ctx context.Context, request mcp.CallToolRequest) (any, error) {
		call := consent.CallOf(t.Name, request, arguments(request))
		output, err := handle(consent.With(ctx, call), request)
		var question *consent.Question
		if !errors.As(err, &question) || consent.AnswersAnew(ctx) {
			return output, err
		}
		call.State, call.Answer = question.State, s.Consent.Ask(ctx, question)
		return handle(consent.With(ctx, call), request)
	}
}

// approval tells where a person approves an operation that waits for it, and
// until when.
func (s *Set) approval(ctx context.Context, f *schemas.Failure, o *operations.Operation) {
	f.Approval = &schemas.Approval{
		Approve:   s.Consent.Places(ctx, o),
		ExpiresAt: timestamp(o.ExpiresAt),
		Request:   formOutput(o.Request),
		License:   snapshotOutput(o),
		Warnings:  texts(o.Warnings),
	}
	f.Error.Next = "ask the person to approve it " + strings.Join(f.Approval.Approve, ", or ") +
		"; then call get_operation with this operationId and wait 60, or repeat this call: it performs what was approved, once"
}
