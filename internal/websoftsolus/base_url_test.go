package websoftsolus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIsLoopback: plain http, anybody's calls and unproven database names are
// for this machine alone.
func TestIsLoopback(t *testing.T) {
	for _, here := range []string{"localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"} {
		require.True(t, IsLoopback(here), here)
	}
	for _, elsewhere := range []string{"", "0.0.0.0", "::", "192.0.2.1", "localhost.", "localhost.example.com", "127.0.0.1.example.com", "127.1", "2130706433", "[::1]", "localhost:80"} {
		require.False(t, IsLoopback(elsewhere), elsewhere)
	}
}
