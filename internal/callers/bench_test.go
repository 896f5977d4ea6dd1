package callers_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
)

// BenchmarkAuthenticate is what every request over HTTP pays before anything
// else.
func BenchmarkAuthenticate(b *testing.B) {
	var file strings.Builder
	var token string
	file.WriteString("tokens:\n")
	for i := range 100 {
		made, hash, err := callers.NewToken(rand.Reader)
		require.NoError(b, err)
		token = made
		fmt.Fprintf(&file, "- {name: n%d, sha256: %s, readOnly: true}\n", i, hash)
	}
	path := filepath.Join(b.TempDir(), "tokens.yaml")
	require.NoError(b, os.WriteFile(path, []byte(file.String()), 0o600))
	c, i := newClock(), newIssuer(b)
	i.publish("ec", ecKey)
	a, err := callers.New(callers.Options{TokensFile: path, Issuer: i.name(), Audience: audience, Now: c.now})
	require.NoError(b, err)
	for name, token := range map[string]string{
		"last of 100 tokens": token,
		"JWT RS256":          sign(b, rsaKey, jose.RS256, "k1", "at+jwt", i.good(c)),
		"JWT ES256":          sign(b, ecKey, jose.ES256, "ec", "at+jwt", i.good(c)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Authenticate(request(token)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
