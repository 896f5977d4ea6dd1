package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
)

// TestEveryFlagIsDocumented: those of the server in the README, those of the
// http command in docs/http.md, each with its variable, and every command.
func TestEveryFlagIsDocumented(t *testing.T) {
	text := func(path string) string {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(content)
	}
	readme, http := text("../../README.md"), text(docs+"http.md")
	says := func(page, what string) {
		require.True(t, strings.Contains(page, "`"+what), "%s is not documented", what)
	}
	parser, err := kong.New(&commands{}, kong.Vars{"default_url": config.DefaultBaseURL})
	require.NoError(t, err)
	everywhere := map[string]bool{}
	for _, command := range parser.Model.Children {
		says(readme, command.Name)
		switch command.Name {
		case "stdio":
			for _, flag := range command.Flags {
				everywhere[flag.Name] = true
				says(readme, "--"+flag.Name+"`")
				for _, variable := range flag.Envs {
					says(readme, variable+"`")
				}
			}
		case "http":
			for _, flag := range command.Flags {
				if !everywhere[flag.Name] {
					says(http, "--"+flag.Name+"`")
					for _, variable := range flag.Envs {
						says(http, variable+"`")
					}
				}
			}
		}
	}
	require.NotEmpty(t, everywhere)
}
