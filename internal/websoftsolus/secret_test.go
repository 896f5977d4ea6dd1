package websoftsolus_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// TestSecretAndTokenAreBlottedOut has the API repeat them in every way it could,
// also where the cap on a message's length would cut one in two.
func TestSecretAndTokenAreBlottedOut(t *testing.T) {
	const odd = `p/w"d+&ä-0123456789`
	for name, repeat := range map[string]string{
		"as it is":    odd,
		"in JSON":     `p\/w\"d+&ä-0123456789`,
		"in PHP's":    `p\/w\"d+&\u00e4-0123456789`,
		"in a form":   url.QueryEscape(odd),
		"at the edge": strings.Repeat("x", 290) + odd,
	} {
		for _, status := range []int{200, 400, 500} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				fmt.Fprintf(w, `refused: %s %s`, repeat, r.Header.Get("Authorization"))
			})
			c, _ := s.client(t)
			c.Secret = odd
			_, err := c.Order(t.Context(), websoftsolus.Plesk, url.Values{"product": {"P"}})
			e := failure(t, err)
			for _, part := range []string{odd[:6], "0123456789", "token-1"} {
				require.NotContains(t, err.Error()+e.Message, part, "%s, %d", name, status)
			}
		}
	}
}

func TestABrokenAnswerIsNotRepeatedInTheError(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		fmt.Fprintf(connection, "%s %s\r\n\r\n", secret, strings.Repeat("x", 4000))
	})
	c, _ := s.client(t)
	_, err := c.Terminate(t.Context(), websoftsolus.Plesk, "PLSK.02980001")
	e := failure(t, err)
	require.Equal(t, websoftsolus.Unknown, e.Outcome)
	require.Less(t, len(err.Error()), 500)
}

func TestNoErrorRepeatsABaseURL(t *testing.T) {
	for _, text := range []string{"https://u:hunter2@h.example/", "u:hunter2@h.example", "https:u:hunter2@h.example", "https://h.example/?hunter2", "https://h.example/#hunter2", "https://h.example/\x7fhunter2"} {
		_, err := websoftsolus.ParseBaseURL(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
