package tools_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// ask sends one message to a server of the set and returns its result.
func ask(t *testing.T, set *tools.Set, message string) json.RawMessage {
	t.Helper()
	encoded, err := json.Marshal(tools.NewServer(set, "test").HandleMessage(t.Context(), json.RawMessage(message)))
	require.NoError(t, err)
	var response struct {
		Result json.RawMessage
		Error  any
	}
	require.NoError(t, json.Unmarshal(encoded, &response))
	require.Nil(t, response.Error)
	return response.Result
}

func toolsList(t *testing.T, set *tools.Set) json.RawMessage {
	return ask(t, set, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
}

// TestWhatHostsSeeIsTheGoldenOne fails when what hosts see changes unseen.
func TestWhatHostsSeeIsTheGoldenOne(t *testing.T) {
	written := map[string][]byte{filepath.Join("..", "docs", "resources.md"): []byte(resourcesPage(t))}
	for method, file := range map[string]string{
		"tools/list": "tools_list.json", "resources/list": "resources_list.json", "resources/templates/list": "resource_templates_list.json", "prompts/list": "prompts_list.json",
	} {
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, ask(t, &tools.Set{}, `{"jsonrpc":"2.0","id":1,"method":"`+method+`"}`), "", "  "))
		indented.WriteByte('\n')
		written[filepath.Join("testdata", file)] = indented.Bytes()
	}
	for golden, content := range written {
		if *update {
			require.NoError(t, os.WriteFile(golden, content, 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), string(content), "go test ./tools -update writes it anew")
	}
}

// resourcesPage is the documentation of what stands beside the tools.
func resourcesPage(t *testing.T) string {
	t.Helper()
	var offered struct {
		ResourceTemplates []struct{ URITemplate, Description string }
		Prompts           []struct {
			Name, Description string
			Arguments         []struct {
				Name     string
				Required bool
			}
		}
	}
	for _, method := range []string{"resources/templates/list", "prompts/list"} {
		require.NoError(t, json.Unmarshal(ask(t, &tools.Set{}, `{"jsonrpc":"2.0","id":1,"method":"`+method+`"}`), &offered))
	}
	var page strings.Builder
	page.WriteString(`# Resources, prompts and completions

What a host offers a person beside the tools: resources to attach to a conversation, and prompts to begin a job with. This page is generated
from the server's own lists (go generate ./tools). What the server or a caller's token leaves out among the tools is left out here too.

## Resources

Each is one JSON object with the environment in it, read when a client asks for it.

| resource | what |
| --- | --- |
`)
	for _, template := range offered.ResourceTemplates {
		fmt.Fprintf(&page, "| `%s` | %s |\n", template.URITemplate, template.Description)
	}
	page.WriteString(`
The list has those of each family, and ` + "`websoftsolus://rules`" + `: which options each kind of order takes, and with which values.

An operation can be subscribed to: ` + "`notifications/resources/updated`" + ` comes when its state, or what is known of it, changes, whichever process
changed it. Nothing else can.

## Prompts

A prompt reads the facts first. Its first message says what to do; each fact follows as a resource of its own, which is data.

| prompt | arguments | what |
| --- | --- | --- |
`)
	for _, prompt := range offered.Prompts {
		var arguments []string
		for _, a := range prompt.Arguments {
			arguments = append(arguments, "`"+a.Name+"`"+map[bool]string{false: " (may be left out)"}[a.Required])
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", prompt.Name, strings.Join(arguments, ", "), prompt.Description)
	}
	page.WriteString(`
## Completions

Families, key numbers, products and operation ids are completed while they are typed, for templates and prompts. What the API said is kept for 20
seconds for that, and used for nothing else.
`)
	return page.String()
}

// TestToolsListSuitsEveryHost holds the list to what hosts keep, with every
// combination of what may be left out.
func TestToolsListSuitsEveryHost(t *testing.T) {
	for _, set := range []*tools.Set{
		{},
		{ReadOnly: true},
		{Families: []websoftsolus.Family{websoftsolus.CPanel}},
		{ReadOnly: true, Families: []websoftsolus.Family{websoftsolus.Plesk, websoftsolus.Virtuozzo}},
	} {
		require.Empty(t, schemas.LintToolsList(toolsList(t, set)))
	}
}

// TestToolsListIsSmall: it is sent to the model with every conversation. The
// bound is what eleven tools had, 16,000 bytes, for the twelve that there are:
// compare_licenses takes 1,400, and what could be cut elsewhere is how an order
// is confirmed.
func TestToolsListIsSmall(t *testing.T) {
	size := len(toolsList(t, &tools.Set{}))
	t.Logf("tools/list is %d bytes", size)
	require.LessOrEqual(t, size, 17_300)
}

// TestToolsListIsInTheOrderOfTheJob reads as the job goes, whatever the library
// does with names.
func TestToolsListIsInTheOrderOfTheJob(t *testing.T) {
	var list struct{ Tools []struct{ Name string } }
	require.NoError(t, json.Unmarshal(toolsList(t, &tools.Set{}), &list))
	names := []string{}
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	require.Equal(t, []string{
		"list_licenses", "compare_licenses", "get_license", "list_orderable_versions",
		"order_plesk10_license", "order_plesk12_license", "order_cpanel_license", "order_virtuozzo_license",
		"edit_license", "terminate_license", "get_operation", "list_operations",
	}, names)
}

// TestInstructionsFitWhatHostsKeep: some cut at 500 characters.
func TestInstructionsFitWhatHostsKeep(t *testing.T) {
	var initialized struct{ Instructions string }
	require.NoError(t, json.Unmarshal(ask(t, &tools.Set{}, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`), &initialized))
	text := []rune(initialized.Instructions)
	require.LessOrEqual(t, utf8.RuneCountInString(initialized.Instructions), 1500)
	for _, first := range []string{"Orders cost money", "cannot be undone", "preview", "Never confirm by yourself", "get_operation"} {
		require.Contains(t, string(text[:500]), first)
	}
	for _, impossible := range []string{"change of IP", "suspend", "renew", "change of period", "upgrade", "prices", "end of a period"} {
		require.Contains(t, initialized.Instructions, impossible)
	}
}
