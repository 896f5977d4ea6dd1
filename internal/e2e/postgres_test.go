package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDatabaseThatIsAwayStopsWritesAndNotReads starts the program on a database
// that nobody serves: it starts, reads, writes nothing, and shows no password.
func TestDatabaseThatIsAwayStopsWritesAndNotReads(t *testing.T) {
	const password = "s3cr3t-Pass"
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listening.Addr().String()
	listening.Close()
	api := newAPI(t)
	env := append(api.variables(t, "postgres://u:"+password+"@"+address+"/ledger"), "WEBSOFTSOLUS_LOG_LEVEL=debug")
	c := connect(t, eras[0], env)
	c.ok(t, "list_licenses", object{"family": "plesk"})
	result, failed := c.call(t, "order_virtuozzo_license", valid("")["order_virtuozzo_license"])
	require.True(t, failed)
	failure := result["error"].(object)
	require.Equal(t, "ledger_unavailable", failure["code"])
	require.Contains(t, failure["message"], "nothing was ordered: open the ledger in the PostgreSQL database ledger at "+address)
	require.NotContains(t, fmt.Sprint(result), password)
	require.NotContains(t, c.stderr.String(), password)
	for _, line := range lines(t, api.take()) {
		require.False(t, strings.HasPrefix(line, "POST /license"), line)
	}

	for _, journal := range []string{"postgres://u:" + password + "@db:port/ledger", "postgre://u:" + password + "@db/ledger"} {
		for _, args := range [][]string{{}, {"operations", "list"}} {
			stdout, stderr, status := run(t, append(env, "WEBSOFTSOLUS_JOURNAL="+journal), "", args...)
			require.Equal(t, 2, status, stderr)
			require.Contains(t, stderr, "--journal: ")
			require.NotContains(t, stdout+stderr, password)
		}
	}
}
