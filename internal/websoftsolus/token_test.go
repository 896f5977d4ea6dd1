package websoftsolus_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// TestATokenThatCannotBeHadSaysNothingOfALicence: a licence that is not found
// may be taken for terminated.
func TestATokenThatCannotBeHadSaysNothingOfALicence(t *testing.T) {
	for status, kind := range map[int]websoftsolus.ErrorKind{
		400: websoftsolus.Unauthorized, 401: websoftsolus.Unauthorized, 403: websoftsolus.Unauthorized, 422: websoftsolus.Unauthorized,
		404: websoftsolus.Unreadable, 302: websoftsolus.Redirected, 500: websoftsolus.Unavailable, 429: websoftsolus.RateLimited,
	} {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		s.token = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		c, _ := s.client(t)
		_, err := c.GetLicense(t.Context(), websoftsolus.Plesk, "PLSK.02980001.0000")
		require.Equal(t, kind, failure(t, err).Kind, status)
		for name, write := range writes {
			_, err := write(t.Context(), c)
			e := failure(t, err)
			require.Equal(t, kind, e.Kind, "%s %d", name, status)
			require.Equal(t, websoftsolus.NotDone, e.Outcome, "%s %d", name, status)
		}
		require.Zero(t, s.requests.Load(), "nothing is sent without a token")
	}
}

func TestWrongCredentialsNameTheVariablesToCheck(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, answer := range []func(http.ResponseWriter, *http.Request){
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"success":false,"message":"who?"}`) },
	} {
		s.token = answer
		c, _ := s.client(t)
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.Equal(t, websoftsolus.Unauthorized, failure(t, err).Kind)
	}
	s.token = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	c, _ := s.client(t)
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.ErrorContains(t, err, "WEBSOFTSOLUS_LOGIN")
	require.ErrorContains(t, err, "WEBSOFTSOLUS_SECRET")
}

// TestATokenThatTakesTooLongIsNotTheCallersDoing: its own time ran out.
func TestATokenThatTakesTooLongIsNotTheCallersDoing(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	s.token = func(http.ResponseWriter, *http.Request) { <-release }
	defer close(release)
	c, _ := s.client(t)
	c.Timeout = 20 * time.Millisecond
	_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.Equal(t, websoftsolus.Network, failure(t, err).Kind)
}
