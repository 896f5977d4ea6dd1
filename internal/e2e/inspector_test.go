package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestInspector lists and calls tools with MCP Inspector's command line, as the
// README says, in both eras. .ci/run installs it into .tools.
func TestInspector(t *testing.T) {
	inspector, err := filepath.Abs("../../.tools/node_modules/.bin/mcp-inspector")
	require.NoError(t, err)
	if _, err := os.Stat(inspector); err != nil {
		missing(t, "MCP Inspector is not installed in .tools: make node-tools")
	}
	for _, era := range []string{"legacy", "modern"} {
		t.Run(era, func(t *testing.T) {
			inspect := func(args ...string) object {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				all := append([]string{"--cli", "--protocol-era", era, "--format", "json"}, args...)
				command := exec.CommandContext(ctx, inspector, append(all, "--", binary, "--env", "sandbox")...)
				command.Env = append(bareEnvironment(t), "NO_COLOR=1")
				out, err := command.Output()
				if err != nil {
					failed, _ := err.(*exec.ExitError)
					require.NoError(t, err, "%s\n%s", out, failed.Stderr)
				}
				var printed struct{ Result object }
				require.NoError(t, json.Unmarshal(out, &printed), string(out))
				return printed.Result
			}
			listed := inspect("--strict", "--method", "tools/list")
			require.Len(t, listed["tools"], 12)
			called := inspect("--method", "tools/call", "--tool-name", "list_licenses", "--tool-args-json", `{"family":"plesk"}`)
			structured := called["structuredContent"].(object)
			require.Equal(t, "sandbox", structured["environment"])
			require.NotEmpty(t, structured["licenses"])
			previewed := inspect("--method", "tools/call", "--tool-name", "order_plesk12_license",
				"--tool-args-json", `{"product":"PLESK_12_WEB_HOST","title":"shop.example","period":"12","confirm":""}`)
			require.Equal(t, "preview", previewed["structuredContent"].(object)["outcome"])
		})
	}
}
