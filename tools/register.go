// Package tools is what an agent sees: twelve tools over the licences of a
// WebSoftSolus reseller, one file a tool, each with its description and its
// handler.
//
// [NewServer] assembles them into an MCP server without a transport; a
// transport then hands it messages. The list in [Set.tools] is the table of
// contents, in the order in which tools/list shows it.
//
// Handlers are func(context, Input) (Output, error) over the types of package
// schemas and know nothing of the protocol. One adapter ([Set.call]) decodes
// arguments, calls the handler, and turns what comes back into a result: one
// compact JSON object, the same in structuredContent and in the text block,
// with the environment in it. An error becomes the one failure shape of
// [schemas.Failure], which says whether anything was done, whether trying again
// is safe, and what to do next (failure.go).
//
// What a tool may do is its effect (tool.go): the four hints, what --read-only
// leaves out and the words of a refusal follow from it. A tool that is left out
// is not listed, and refused when it is called all the same.
//
// Beside the tools stand resources, prompts and completions: the same answers,
// for a person to attach and to begin with.
//
// testdata holds the lists of tools, resources, templates and prompts as hosts
// see them; docs/resources.md has the last three as tables.
package tools

//go:generate go test . -run TestWhatHostsSeeIsTheGoldenOne -update

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// API is what the tools read from the REST API directly. Writes go through
// Operations alone.
type API interface {
	ListKeys(ctx context.Context, family websoftsolus.Family) ([]string, error)
	GetLicense(ctx context.Context, family websoftsolus.Family, keyNumber string) (*websoftsolus.License, error)
	OrderableVersions(ctx context.Context, family websoftsolus.Family) (*websoftsolus.OrderableVersions, error)
}

// Set holds what the handlers work with.
type Set struct {
	API         API
	Operations  *operations.Service
	Inventory   *inventory.Reader     // reads licences and keeps them for a minute; one over API where it is nil
	Environment string                // "live", "test" or "sandbox"; stands in every result
	ReadOnly    bool                  // leaves out every tool that writes
	Families    []websoftsolus.Family // the families offered, in order; none means all
	Concurrency int                   // licences read at a time for one call; 0 means 8
	// SecretProblem says why there is no secret, where there is a reason beyond
	// its not being given.
	SecretProblem string
	Consent       *consent.Consent // who confirms; NewServer makes one of the mode auto where it is nil
	// Observe, if set, is told of each call: of the tool and the request's _meta
	// (nil where there is none) when it begins, of its outcome when it ends, "ok" or
	// a failure's code. The context that it returns is the call's.
	Observe func(ctx context.Context, tool string, meta map[string]any) (context.Context, func(outcome string))

	all []Tool // every tool, left out or not; made by NewServer
}

// tools makes every tool.
func (s *Set) tools() []Tool {
	return []Tool{
		s.listLicensesTool(),
		s.compareLicensesTool(),
		s.getLicenseTool(),
		s.listOrderableVersionsTool(),
		s.orderPlesk10Tool(),
		s.orderPlesk12Tool(),
		s.orderCPanelTool(),
		s.orderVirtuozzoTool(),
		s.editLicenseTool(),
		s.terminateLicenseTool(),
		s.getOperationTool(),
		s.listOperationsTool(),
	}
}

// leftOut says why a tool is not offered; empty where it is.
func (s *Set) leftOut(t Tool) string {
	switch {
	case s.ReadOnly && !t.effect.readOnly():
		return "this server was started with --read-only"
	case t.family != "" && !s.offers(t.family):
		return "this server was started with --families that leave " + string(t.family) + " out"
	}
	return ""
}

// forbidden says why a caller may not use a tool; nil where they may.
func forbidden(caller *callers.Caller, t Tool) *notAllowed {
	switch {
	case !caller.May(t.effect.scope):
		return &notAllowed{what: t.Name, lacks: "the scope " + string(t.effect.scope)}
	case t.family != "" && !caller.MayUse(t.family):
		return &notAllowed{what: t.Name, lacks: "the family " + string(t.family)}
	}
	return nil
}

// Scope is what a caller needs to use a tool; false where there is no such tool.
func (s *Set) Scope(tool string) (callers.Scope, bool) {
	for _, t := range s.all {
		if t.Name == tool {
			return t.effect.scope, true
		}
	}
	return "", false
}

// ListKey is equal for callers whose tools/list is the same.
func (s *Set) ListKey(ctx context.Context) string {
	caller := callers.From(ctx)
	if caller == nil {
		return ""
	}
	var key strings.Builder
	for _, t := range s.all {
		if forbidden(caller, t) == nil {
			key.WriteString(t.Name)
		}
		key.WriteByte(',')
	}
	return key.String()
}

func (s *Set) offers(family websoftsolus.Family) bool {
	return len(s.Families) == 0 || slices.Contains(s.Families, family)
}

func (s *Set) families() []websoftsolus.Family {
	if len(s.Families) == 0 {
		return websoftsolus.Families
	}
	return s.Families
}

// familiesOf are the families offered to the caller of a call.
func (s *Set) familiesOf(ctx context.Context) []websoftsolus.Family {
	caller := callers.From(ctx)
	return slices.DeleteFunc(slices.Clone(s.families()), func(f websoftsolus.Family) bool { return !caller.MayUse(f) })
}

// NewServer returns an MCP server with the tools of the set, and completes the
// set. Everything is declared before it serves: the library does not allow it
// later.
func NewServer(s *Set, version string) *server.MCPServer {
	if s.Inventory == nil {
		s.Inventory = &inventory.Reader{API: s.API, Concurrency: s.Concurrency}
	}
	if s.Consent == nil {
		s.Consent = &consent.Consent{}
	}
	s.all = s.tools()
	order := map[string]int{} // of the tools that are listed
	for i, t := range s.all {
		if s.leftOut(t) == "" {
			order[t.Name] = i
		}
	}
	hooks := &server.Hooks{}
	// The library lists tools by name; the list here reads as the job goes, from
	// looking to ending, and leaves out what the set leaves out.
	hooks.AddAfterListTools(func(ctx context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		caller := callers.From(ctx)
		result.Tools = slices.DeleteFunc(result.Tools, func(t mcp.Tool) bool {
			i, listed := order[t.Name]
			return !listed || forbidden(caller, s.all[i]) != nil
		})
		slices.SortFunc(result.Tools, func(a, b mcp.Tool) int { return order[a.Name] - order[b.Name] })
	})
	completes := newCompletions(s)
	mcpServer := server.NewMCPServer("websoftsolus-mcp", version,
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(true, false),
		server.WithPromptCapabilities(false),
		server.WithCompletions(),
		server.WithResourceCompletionProvider(completes),
		server.WithPromptCompletionProvider(completes),
		server.WithInstructions(instructions),
		server.WithHooks(hooks),
	)
	s.addResources(mcpServer, hooks)
	s.addPrompts(mcpServer, hooks)
	for _, t := range s.all {
		mcpServer.AddTool(t.definition(), s.call(mcpServer, t))
	}
	return mcpServer
}

// handler is a tool's handler on its way to the protocol.
type handler func(ctx context.Context, request mcp.CallToolRequest) (any, error)

// call is the adapter between the protocol and a tool.
func (s *Set) call(mcpServer *server.MCPServer, t Tool) server.ToolHandlerFunc {
	leftOut := s.leftOut(t)
	handle := func(ctx context.Context, request mcp.CallToolRequest) (any, error) {
		return t.handle(ctx, arguments(request))
	}
	if t.effect.confirmed {
		handle = s.asking(t, handle)
	}
	return func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		outcome := "internal" // of a handler that panics
		if s.Observe != nil {
			var meta map[string]any
			if request.Params.Meta != nil {
				meta = request.Params.Meta.AdditionalFields
			}
			var ended func(string)
			ctx, ended = s.Observe(ctx, t.Name, meta)
			defer func() { ended(outcome) }()
		}
		if leftOut != "" {
			outcome = "not_offered"
			return result(s.failed(ctx, t, &notOffered{what: t.Name, why: leftOut}), true)
		}
		if lacking := forbidden(callers.From(ctx), t); lacking != nil {
			outcome = "not_allowed"
			return result(s.failed(ctx, t, lacking), true)
		}
		ctx = withProgress(operations.WithActor(ctx, actor(ctx)), mcpServer, request)
		output, err := handle(ctx, request)
		var question *consent.Question
		if errors.As(err, &question) {
			outcome = "input_required"
			return question.Result(), nil
		}
		if err != nil {
			failure := s.failed(ctx, t, err)
			outcome = failure.Error.Code
			return result(failure, true)
		}
		outcome = "ok"
		return result(output, false)
	}
}

// arguments returns the arguments as they came on the wire.
func arguments(request mcp.CallToolRequest) json.RawMessage {
	if raw := request.Params.RawArguments; len(raw) > 0 {
		return raw
	}
	if request.Params.Arguments == nil {
		return nil
	}
	raw, err := json.Marshal(request.Params.Arguments)
	if err != nil {
		return json.RawMessage(`"unreadable"`) // refused by the decoder: not an object
	}
	return raw
}

// result puts one JSON object into both places where hosts look for it.
func result(output any, isError bool) (*mcp.CallToolResult, error) {
	encoded, err := marshal(output)
	if err != nil {
		return nil, err
	}
	return &mcp.CallToolResult{
		Content:              []mcp.Content{mcp.NewTextContent(string(encoded))},
		StructuredContent:    encoded,
		RawStructuredContent: encoded,
		IsError:              isError,
	}, nil
}

// actor names the client as it names itself, in either era of the protocol.
func actor(ctx context.Context) operations.Actor {
	a := operations.ActorFrom(ctx) // a transport that knows more has put it there
	info := server.RequestProtocolInfoFromContext(ctx)
	if info != nil && info.ClientInfo != nil {
		a.ClientName, a.ClientVersion = info.ClientInfo.Name, info.ClientInfo.Version
	} else if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		client := session.GetClientInfo()
		a.ClientName, a.ClientVersion = client.Name, client.Version
	}
	a.ClientName, a.ClientVersion = fieldText(a.ClientName, 100), fieldText(a.ClientVersion, 100)
	return a
}
