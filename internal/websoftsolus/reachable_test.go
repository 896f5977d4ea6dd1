package websoftsolus_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestReachable(t *testing.T) {
	status := http.StatusNotFound
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		w.WriteHeader(status)
	}))
	client := &websoftsolus.Client{BaseURL: api.URL, Login: "login", Secret: "secret"}
	require.NoError(t, client.Reachable(t.Context()), "whatever the API answers to a path it does not have")
	require.Equal(t, []string{"HEAD / "}, asked, "one request, without a token")

	status = http.StatusServiceUnavailable
	var failed *websoftsolus.Error
	require.ErrorAs(t, client.Reachable(t.Context()), &failed)
	require.Equal(t, websoftsolus.Unavailable, failed.Kind)

	api.Close()
	require.ErrorAs(t, client.Reachable(t.Context()), &failed)
	require.Equal(t, websoftsolus.Network, failed.Kind)
}
