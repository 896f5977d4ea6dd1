package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// defaults are the flags as the command line fills them in.
func defaults(t *testing.T) Flags {
	t.Helper()
	t.Setenv("WEBSOFTSOLUS_SECRET", "")
	t.Setenv("XDG_STATE_HOME", "/state")
	return Flags{Env: Live, Confirm: "auto", MaxOrdersPerDay: 20, MaxTerminationsPerDay: 20,
		Timeout: 30 * time.Second, MaxConcurrency: 8, AnswerWithin: time.Minute, LogLevel: "info", LogFormat: "text"}
}

func TestBaseURLFollowsTheEnvironment(t *testing.T) {
	for name, row := range map[string]struct{ env, url, base string }{
		"live":                 {Live, "", "https://api.websoftsolus.com/"},
		"test":                 {Test, "", "https://api.websoftsolus.com/test/"},
		"live elsewhere":       {Live, "https://licences.example/api", "https://licences.example/api/"},
		"test elsewhere":       {Test, "https://licences.example/api/", "https://licences.example/api/test/"},
		"loopback may be http": {Live, "http://127.0.0.1:8089", "http://127.0.0.1:8089/"},
		"sandbox has its own":  {Sandbox, "", ""},
	} {
		flags := defaults(t)
		flags.Env, flags.URL = row.env, row.url
		settings, err := flags.Settings()
		require.NoError(t, err, name)
		require.Equal(t, row.base, settings.BaseURL, name)
	}
}

func TestEveryWrongFlagIsNamedAtOnce(t *testing.T) {
	flags := defaults(t)
	flags.Env, flags.Confirm, flags.LogLevel, flags.LogFormat = "prod", "never", "loud", "xml"
	flags.URL, flags.Families, flags.Journal = "ftp://x/", []string{"directadmin"}, "postgre://u:pass-word@db/ledger"
	flags.MaxOrdersPerDay, flags.MaxTerminationsPerDay, flags.MaxConcurrency, flags.Timeout = -1, -1, 0, 0
	_, err := flags.Settings()
	require.Error(t, err)
	for _, flag := range []string{"--env", "--confirm", "--log-level", "--log-format", "--url", "--families", "--journal",
		"--max-orders-per-day", "--max-terminations-per-day", "--max-concurrency", "--timeout"} {
		require.ErrorContains(t, err, flag+": ")
	}
	require.NotContains(t, err.Error(), "pass-word")
	var wrong *Error
	require.ErrorAs(t, err, &wrong)
}

func TestLedgerMayBeADatabase(t *testing.T) {
	for journal, database := range map[string]bool{
		"postgres://u:p@db.example/ledger": true, "PostgreSQL://db/ledger": true, "/var/lib/ledger.db": false, "postgres:ledger.db": false,
	} {
		flags := defaults(t)
		flags.Journal = journal
		settings, err := flags.Settings()
		require.NoError(t, err)
		require.Equal(t, journal, settings.Journal)
		require.Equal(t, database, IsPostgres(settings.Journal), journal)
	}
}

func TestURLIsRefusedForTheSandbox(t *testing.T) {
	flags := defaults(t)
	flags.Env, flags.URL = Sandbox, "https://api.websoftsolus.com/"
	_, err := flags.Settings()
	require.ErrorContains(t, err, "--url: ")
}

func TestFamiliesKeepTheirOrder(t *testing.T) {
	flags := defaults(t)
	flags.Families = []string{"virtuozzo", " plesk", "plesk"}
	settings, err := flags.Settings()
	require.NoError(t, err)
	require.Equal(t, []websoftsolus.Family{websoftsolus.Plesk, websoftsolus.Virtuozzo}, settings.Families)
}

func TestSecretComesFromVariableOrFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	write := func(content string) { require.NoError(t, os.WriteFile(file, []byte(content), 0o600)) }

	flags := defaults(t)
	t.Setenv("WEBSOFTSOLUS_SECRET", "of-the-variable\n")
	settings, err := flags.Settings()
	require.NoError(t, err)
	require.Equal(t, "of-the-variable", settings.Secret)

	flags.SecretFile = file
	write("of-the-file\n")
	_, err = flags.Settings()
	require.ErrorContains(t, err, "keep one of the two")
	require.NotContains(t, err.Error(), "of-the-")

	t.Setenv("WEBSOFTSOLUS_SECRET", "")
	settings, err = flags.Settings()
	require.NoError(t, err)
	require.Equal(t, "of-the-file", settings.Secret)

	for content, problem := range map[string]string{" \n": "is empty", "a\nb\n": "more than one line"} {
		write(content)
		settings, err = flags.Settings()
		require.NoError(t, err, "the server starts, and calls say what is wrong")
		require.Empty(t, settings.Secret)
		require.Contains(t, settings.SecretProblem, problem)
	}
	require.NoError(t, os.Remove(file))
	settings, err = flags.Settings()
	require.NoError(t, err)
	require.Contains(t, settings.SecretProblem, "cannot be read")
}

func TestOneLedgerForEachEnvironmentAndBaseURL(t *testing.T) {
	seen := map[string]bool{}
	for _, env := range []string{Live, Test} {
		for _, url := range []string{"", "https://licences.example/", "https://licences.example/v2/"} {
			flags := defaults(t)
			flags.Env, flags.URL = env, url
			settings, err := flags.Settings()
			require.NoError(t, err)
			require.False(t, seen[settings.Journal], settings.Journal)
			seen[settings.Journal] = true
			require.Equal(t, "/state/websoftsolus-mcp", filepath.Dir(settings.Journal))
		}
	}
	flags := defaults(t)
	flags.Env = Sandbox
	settings, err := flags.Settings()
	require.NoError(t, err)
	require.Equal(t, MemoryJournal, settings.Journal)
}

func TestSecretFileIsOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("s"), 0o600))
	require.False(t, SecretFileIsOpen(file))
	require.NoError(t, os.Chmod(file, 0o644))
	require.True(t, SecretFileIsOpen(file))
	require.False(t, SecretFileIsOpen(""))
	require.False(t, SecretFileIsOpen(file+".none"))
}
