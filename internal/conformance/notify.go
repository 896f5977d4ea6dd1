//go:build conformance

package conformance

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// pause is what the suite asks for between two notifications of one call.
const pause = 50 * time.Millisecond

// notifyingTools say something besides their answer, or refuse one.
func notifyingTools(s *server.MCPServer) []fixture {
	log := func(ctx context.Context, words string) error {
		return s.SendLogMessageToClient(ctx, mcp.NewLoggingMessageNotification(mcp.LoggingLevelInfo, "conformance", words))
	}
	// The list itself stays as it is: the library does not allow a change while it
	// serves. What is under test is who hears of one.
	changed := func(method string) server.ToolHandlerFunc {
		return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			s.SendNotificationToAllClients(method, nil)
			return text("announced " + method)
		}
	}
	return []fixture{
		{name: "test_tool_with_logging", description: "Logs three times while it runs.",
			handle: func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				for i, words := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
					if i > 0 {
						time.Sleep(pause)
					}
					if err := log(ctx, words); err != nil {
						return nil, err
					}
				}
				return text("Logged three times.")
			}},
		{name: "test_logging_tool", description: "Logs once; a client that asked for no log hears nothing.",
			handle: func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				if err := log(ctx, "test_logging_tool was called"); err != nil {
					return nil, err
				}
				return text("Logged once.")
			}},
		{name: "test_tool_with_progress", description: "Tells its progress three times.", handle: progressing(s)},
		{name: "test_streaming_elicitation", description: "Tells its progress and asks nothing.", handle: progressing(s)},
		{name: "test_trigger_tool_change", description: "Announces a change of the tools.", handle: changed(mcp.MethodNotificationToolsListChanged)},
		{name: "test_trigger_prompt_change", description: "Announces a change of the prompts.", handle: changed(mcp.MethodNotificationPromptsListChanged)},
		{name: "test_missing_capability", description: "Needs a client that can sample.",
			handle: func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				if capabilities(ctx).Sampling == nil {
					return nil, &rpc.Error{
						Code:    mcp.MISSING_REQUIRED_CLIENT_CAPABILITY,
						Message: "this tool needs a client that declares sampling",
						Data:    map[string]any{"requiredCapabilities": map[string]any{"sampling": struct{}{}}},
					}
				}
				return text("The client can sample.")
			}},
	}
}

// progressing tells the progress of a call that asked for it.
func progressing(s *server.MCPServer) server.ToolHandlerFunc {
	return func(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for i, percent := range []int{0, 50, 100} {
			if i > 0 {
				time.Sleep(pause)
			}
			if request.Params.Meta == nil || request.Params.Meta.ProgressToken == nil {
				continue
			}
			if err := s.SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress), map[string]any{
				"progressToken": request.Params.Meta.ProgressToken, "progress": percent, "total": 100,
			}); err != nil {
				return nil, err
			}
		}
		return text("Done in three steps.")
	}
}
