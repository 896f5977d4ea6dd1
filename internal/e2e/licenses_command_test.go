package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// newScaledAPI is an API with so many Plesk licences and no others.
func newScaledAPI(t *testing.T, plesk int) *api {
	a := newAPI(t)
	a.sandbox = sandbox.New(sandbox.Options{Licenses: map[websoftsolus.Family]int{websoftsolus.Plesk: plesk}, Keep: -1})
	return a
}

// TestLicensesCommand looks at licences as a person does.
func TestLicensesCommand(t *testing.T) {
	api := newAPI(t)
	env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	command := func(status int, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, got := run(t, env, "", append([]string{"licenses"}, args...)...)
		require.Equal(t, status, got, "%v: %s", args, stderr)
		return stdout, stderr
	}
	table, noise := command(0, "list")
	require.Empty(t, noise, "no progress bar where there is no terminal")
	require.Len(t, strings.Split(strings.TrimSpace(table), "\n"), 1+22)
	for _, line := range strings.Split(table, "\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
	}
	first := api.sandbox.Licenses(websoftsolus.Plesk)[0]
	found, _ := command(0, "list", "--query", strings.ToLower(first.KeyNumber), "--json")
	var row inventory.Row
	require.NoError(t, json.Unmarshal([]byte(found), &row))
	require.Equal(t, first.Title, row.Title)
	api.take()
	table, _ = command(0, "list", "--keys", "--limit", "3", "--families", "cpanel")
	require.Len(t, strings.Split(strings.TrimSpace(table), "\n"), 1+3)
	require.Equal(t, []string{"POST /access/token", "GET /license/cpanel"}, lines(t, api.take()))
	_, problem := command(2, "list", "--keys", "--query", "x")
	require.Contains(t, problem, "--query")

	shown, _ := command(0, "get", "plesk", first.KeyNumber)
	require.Contains(t, shown, first.Title)
	require.Contains(t, shown, `"expirationDate"`)
	shown, _ = command(0, "get", "plesk", first.KeyNumber, "--json")
	require.NoError(t, json.Unmarshal([]byte(shown), &row))
	require.NotEmpty(t, row.Properties)
	_, problem = command(1, "get", "plesk", "PLSK.00000000")
	require.Contains(t, problem, "404")
	command(2, "get", "windows", "x")
	command(2, "get", "plesk", first.KeyNumber, "--families", "cpanel")

	// What cannot be read stands in its place with the reason, and is no success.
	api.sandbox.Inject(sandbox.Fault{On: sandbox.Get, Path: "license/plesk/" + first.KeyNumber, Kind: sandbox.Status, Status: 400},
		sandbox.Fault{On: sandbox.List, Family: websoftsolus.CPanel, Kind: sandbox.Status, Status: 500})
	for _, format := range []string{"csv", "json", "jsonl"} {
		exported, problem := command(1, "export", "--format", format)
		require.Contains(t, problem, "not everything could be read, 2 of it")
		require.Contains(t, exported, first.KeyNumber)
		require.Contains(t, exported, "HTTP 400")
		require.Contains(t, exported, "HTTP 500")
	}
	_, problem = command(1, "list")
	require.Contains(t, problem, "what is missing is not gone")
}

// TestExportShowsItsProgressOnATerminal, and leaves nothing of it there or in the
// file.
func TestExportShowsItsProgressOnATerminal(t *testing.T) {
	api := newAPI(t)
	file := filepath.Join(t.TempDir(), "licences.csv")
	env := append(api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "TERM=xterm")
	shown, status := atTerminal(t, env, "", binary+" licenses export > "+file)
	require.Equal(t, 0, status, shown)
	require.Contains(t, shown, "[==============================] 22 of 22 licences exported")
	require.True(t, strings.HasSuffix(shown, "\r\x1b[K"), "%q", shown)
	exported, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, readExport(t, "csv", exported), 22)
}

// TestExportOfFiveThousandLicences takes little memory, and comes back as it was
// in every format, formulas and all.
func TestExportOfFiveThousandLicences(t *testing.T) {
	api := newScaledAPI(t, 5000)
	env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	listening, err := api.sandbox.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer listening.Close()
	login, secret := api.sandbox.Credentials()
	client := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	all := api.sandbox.Licenses(websoftsolus.Plesk)
	for i, title := range []string{`=HYPERLINK("http://x")`, "+1", "-1", "@SUM(A1)", "'quoted", `say "hi", then go`, "two\nlines\r\nthree"} {
		_, err := client.Edit(t.Context(), websoftsolus.Plesk, all[i].KeyNumber, title, title)
		require.NoError(t, err)
	}
	truth := api.sandbox.Licenses(websoftsolus.Plesk)
	for _, format := range []string{"csv", "json", "jsonl"} {
		command := exec.Command(binary, "licenses", "export", "--format", format, "--properties", "--max-concurrency", "32")
		command.Env = env
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		most, err := runMeasured(command)
		require.NoError(t, err, errs.String())
		if most > 0 {
			t.Logf("%s: %.1f MB, %d bytes", format, float64(most)/1e6, out.Len())
			require.Less(t, most, int64(60e6), "resident bytes at most")
		}
		rows := readExport(t, format, out.Bytes())
		require.Len(t, rows, len(truth))
		for i, l := range truth {
			require.Equal(t, []string{"plesk", l.KeyNumber, l.Title, l.Comment, l.Product, l.Status, l.Period, l.ServerIP},
				[]string{rows[i].Family, rows[i].KeyNumber, rows[i].Title, rows[i].Comment, rows[i].Product, rows[i].Status, rows[i].Period, rows[i].ServerIP})
			require.True(t, json.Valid(rows[i].Properties))
		}
	}
}

func readExport(t *testing.T, format string, file []byte) (rows []inventory.Row) {
	t.Helper()
	switch format {
	case "csv":
		require.NoError(t, inventory.ReadCSV(bytes.NewReader(file), func(r inventory.Row) error {
			rows = append(rows, r)
			return nil
		}))
	case "json":
		var whole struct {
			Licenses []inventory.Row
			Partial  *bool
		}
		require.NoError(t, json.Unmarshal(file, &whole))
		require.False(t, *whole.Partial)
		rows = whole.Licenses
	case "jsonl":
		decoder := json.NewDecoder(bytes.NewReader(file))
		for decoder.More() {
			var r inventory.Row
			require.NoError(t, decoder.Decode(&r))
			rows = append(rows, r)
		}
	}
	return rows
}
