// Package postgrestest gives tests a real PostgreSQL: [Schema] an empty schema in
// the server that the variable WEBSOFTSOLUS_TEST_POSTGRES names, [Start] a server of
// the test's own, to stop and to start again. Without PostgreSQL the test is
// skipped, and fails where nothing may skip (REQUIRE_ALL).
//
// `make postgres` starts a server for the variable; see CONTRIBUTING.md.
package postgrestest

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Variable names the server that the tests may make schemas in: the URL of one of
// its databases, with a user who may do everything.
const Variable = "WEBSOFTSOLUS_TEST_POSTGRES"

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") != "" {
		t.Fatalf("%s, and REQUIRE_ALL is set", what)
	}
	t.Skip(what)
}

// Server returns the URL that the variable holds.
func Server(t testing.TB) string {
	t.Helper()
	url := os.Getenv(Variable)
	if url == "" {
		missing(t, Variable+" is not set: no PostgreSQL to test with (make postgres starts one)")
	}
	return url
}

// Schema makes an empty schema and returns the URL of a ledger in it. The schema
// is dropped when the test ends.
func Schema(t testing.TB) string {
	t.Helper()
	url, drop := SchemaIn(t, Server(t))
	t.Cleanup(drop)
	return url
}

// SchemaIn makes an empty schema in a server. drop removes it, with everything in
// it.
func SchemaIn(t testing.TB, server string) (url string, drop func()) {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	Exec(t, server, `CREATE SCHEMA `+name)
	separator := "?"
	if strings.Contains(server, "?") {
		separator = "&"
	}
	return server + separator + "search_path=" + name, func() {
		Exec(t, server, `SET lock_timeout = '20s'; DROP SCHEMA `+name+` CASCADE`)
	}
}

// Exec runs statements through a connection of their own.
func Exec(t testing.TB, url, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer c.Close(ctx)
	_, err = c.PgConn().Exec(ctx, statements).ReadAll()
	require.NoError(t, err, statements)
}

// Cluster is a server of a test's own.
type Cluster struct {
	URL    string
	t      testing.TB
	folder string
}

// Start makes and starts a server, which ends with the test.
func Start(t testing.TB) *Cluster {
	t.Helper()
	if debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(debian) == 0 { // the pattern is right
		if _, err := exec.LookPath("initdb"); err != nil {
			missing(t, "no PostgreSQL is installed to start a server of")
		}
	}
	// Not t.TempDir(): the server's user must reach it.
	folder, err := os.MkdirTemp("", "websoftsolus-postgres")
	require.NoError(t, err)
	c := &Cluster{t: t, folder: folder}
	t.Cleanup(func() { c.run("stop") })
	c.URL = strings.TrimSpace(c.run("start"))
	return c
}

// Restart restarts the server as an administrator would: calls in flight fail.
func (c *Cluster) Restart() { c.t.Helper(); c.run("restart") }

// Crash stops the server as a power cut would.
func (c *Cluster) Crash() { c.t.Helper(); c.run("crash") }

// Up starts the server again.
func (c *Cluster) Up() { c.t.Helper(); c.run("up") }

func (c *Cluster) run(what string) string {
	c.t.Helper()
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", ".ci", "postgres")
	_, err := os.Stat(script) // a change of it makes kept results of these tests void
	require.NoError(c.t, err)
	command := exec.Command(script, what, c.folder)
	var errs strings.Builder
	command.Stderr = &errs
	out, err := command.Output()
	require.NoError(c.t, err, "%s: %s", what, errs.String())
	return string(out)
}
