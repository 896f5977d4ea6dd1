package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// TestThePersonIsAskedOverHTTP: the same question over HTTP, in both eras. An
// older client answers on the stream of the call that waits, one of 2026-07-28
// comes back with the answer.
func TestThePersonIsAskedOverHTTP(t *testing.T) {
	url := serve(t, bareEnvironment(t), "--env", "sandbox").url
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			typed, asked := "", 0
			options := &mcp.ClientOptions{ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
				asked++
				if typed == "" {
					return &mcp.ElicitResult{Action: "decline"}, nil
				}
				return &mcp.ElicitResult{Action: "accept", Content: object{"typed": typed}}, nil
			}}
			session, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, options).Connect(t.Context(),
				&mcp.StreamableClientTransport{Endpoint: url, HTTPClient: webClient}, &mcp.ClientSessionOptions{ProtocolVersion: era})
			require.NoError(t, err)
			defer session.Close()
			call := func(title string) (result object) {
				answer, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "order_plesk12_license", Arguments: object{
					"product": "PLESK_12_WEB_HOST", "title": title + era, "period": "1", "confirm": "",
				}})
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal([]byte(answer.Content[0].(*mcp.TextContent).Text), &result))
				return result
			}
			for _, wrong := range []string{"", "PLESK"} {
				typed = wrong
				failure := call("no " + wrong)["error"].(object)
				require.Equal(t, "declined", failure["code"])
				require.True(t, strings.HasPrefix(failure["message"].(string), "nothing was ordered: declined or unavailable"), failure)
			}
			typed = "PLESK_12_WEB_HOST"
			require.Equal(t, "succeeded", call("yes")["state"])
			require.Equal(t, 3, asked)
		})
	}
}
