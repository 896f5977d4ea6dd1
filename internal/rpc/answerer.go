package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Answerer answers messages. MCP must be set, with everything declared. It is
// safe for use by many goroutines, and one serves every connection.
type Answerer struct {
	MCP *server.MCPServer
	// Direct lets tools/call go straight to the tool's handler, which saves the
	// library's parsing (measured: more than half of a call). It is for a server
	// that has no hooks on calls, no middleware, filters, tasks or validation in
	// the library, and whose handlers take their arguments from RawArguments.
	// What is not a plain call goes through the library all the same.
	Direct bool
	// ListKey tells apart the contexts in which tools/list differs; nil where it
	// is the same in all.
	ListKey func(context.Context) string
	// Logger is where trouble is told, without arguments; nowhere where it is nil.
	Logger *slog.Logger

	lists     toolLists
	metas     metas
	describe  sync.Once
	signature []byte // what a result of 2026-07-28 says of the server: the value of _meta
}

// Error is an error that a tool's handler returns to have the request answered
// with that code, where the specification asks for another than -32603
// (internal error). A tool that fails answers with a result that says so
// instead. The handler of a resource or a prompt gives it to Fail.
type Error struct {
	Code    int
	Message string
	Data    any // left out where it is nil
}

func (e *Error) Error() string { return e.Message }

// Answer has a message answered: a request or a notification, which has no
// answer (nil). The context carries the session ([server.MCPServer.WithContext]).
// It does not fail: a handler that panics is a request answered with an error.
func (a *Answerer) Answer(ctx context.Context, m Message) (answer []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			a.log().ErrorContext(ctx, "a request ended in a panic", "method", m.Method, "panic", fmt.Sprintf("%T", cause))
			answer = Refusal(m.ID, mcp.INTERNAL_ERROR, "the server failed on this request")
		}
	}()
	if a.Direct {
		switch m.Method {
		case "tools/call":
			if answer, ok := a.call(ctx, m); ok {
				return answer
			}
		case "tools/list":
			if answer, ok := a.ToolsList(ctx, m); ok {
				return answer
			}
		}
	}
	ctx, slot := withFaultSlot(ctx)
	answered := a.MCP.HandleMessage(ctx, m.Raw)
	if m.Kind == Notification {
		return nil
	}
	if slot.said != nil {
		return fault(m.ID, slot.said)
	}
	if refused, ok := answered.(mcp.JSONRPCError); ok && m.Method == string(mcp.MethodResourcesRead) {
		answered = namingResource(refused, m)
	}
	answer, err := answerOf(m.ID, answered)
	if err != nil {
		a.log().ErrorContext(ctx, "an answer could not be encoded", "method", m.Method, "error", err)
		return Refusal(m.ID, mcp.INTERNAL_ERROR, "the answer could not be encoded")
	}
	return answer
}

func (a *Answerer) log() *slog.Logger {
	if a.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Logger
}

// toolLists keeps results of tools/list. The tools do not change while a server
// runs, and encoding them takes longer than everything else about the request.
type toolLists struct {
	mu   sync.RWMutex
	kept map[listKey][]byte
}

// listKey is all that a list depends on.
type listKey struct {
	caller string
	modern bool
}

// maxKept bounds what is kept by text that clients send. When it is reached,
// keeping starts anew.
const maxKept = 256

// ToolsList answers tools/list with a kept result, having the library make it
// first where it has not. It reports false for a request that the library
// refuses or pages: that one goes the way of every other.
func (a *Answerer) ToolsList(ctx context.Context, m Message) ([]byte, bool) {
	p, ok := a.protocol(m, func(name string, _ []byte) bool { return name == "_meta" })
	if !ok {
		return nil, false
	}
	key := listKey{modern: p.info.Modern}
	if a.ListKey != nil {
		key.caller = a.ListKey(ctx)
	}
	a.lists.mu.RLock()
	result := a.lists.kept[key]
	a.lists.mu.RUnlock()
	if result == nil {
		response, ok := a.MCP.HandleMessage(ctx, m.Raw).(mcp.JSONRPCResponse)
		if !ok {
			return nil, false
		}
		var err error
		if result, err = json.Marshal(response.Result); err != nil {
			return nil, false
		}
		a.lists.mu.Lock()
		if a.lists.kept == nil || len(a.lists.kept) >= maxKept {
			a.lists.kept = map[listKey][]byte{}
		}
		a.lists.kept[key] = result
		a.lists.mu.Unlock()
	}
	return Envelope(m.ID, "result", result), true
}

// namingResource puts the address of a resource that there is not into the
// error's data, where both eras want it (MCP specification, "Resources", "Error
// Handling") and the library leaves it out.
func namingResource(refused mcp.JSONRPCError, m Message) mcp.JSONRPCError {
	if code := refused.Error.Code; refused.Error.Data != nil || code != mcp.RESOURCE_NOT_FOUND && code != mcp.INVALID_PARAMS {
		return refused
	}
	var asked struct {
		URI string `json:"uri"`
	}
	if json.Unmarshal(m.Params, &asked) == nil && asked.URI != "" {
		refused.Error.Data = map[string]any{"uri": asked.URI}
	}
	return refused
}

// fault is the answer to a request whose handler failed.
func fault(id json.RawMessage, err error) []byte {
	var coded *Error
	if !errors.As(err, &coded) {
		return Refusal(id, mcp.INTERNAL_ERROR, err.Error())
	}
	if coded.Data != nil {
		if encoded, err := json.Marshal(mcp.JSONRPCErrorDetails{Code: coded.Code, Message: coded.Message, Data: coded.Data}); err == nil {
			return Envelope(id, "error", encoded)
		}
	}
	return Refusal(id, coded.Code, coded.Message)
}
