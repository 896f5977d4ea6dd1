package websoftsolus_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestAWrongBaseURLIsSaidAtOnce(t *testing.T) {
	for _, base := range []string{"", "http://api.websoftsolus.com/", "api.websoftsolus.com"} {
		c := &websoftsolus.Client{BaseURL: base, Login: "l", Secret: secret, Sleep: func(context.Context, time.Duration) error {
			t.Error("there is nothing to wait for")
			return nil
		}}
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.Equal(t, websoftsolus.NotConfigured, failure(t, err).Kind)
		for name, write := range writes {
			_, err := write(t.Context(), c)
			e := failure(t, err)
			require.Equal(t, websoftsolus.NotConfigured, e.Kind, name)
			require.Equal(t, websoftsolus.NotDone, e.Outcome, name)
		}
	}
}

func TestARetryAfterBeyondTheCallersTimeIsHandedOn(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c, slept := s.client(t)
	c.Now = func() time.Time { return time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	_, err := c.ListKeys(ctx, websoftsolus.Plesk)
	e := failure(t, err)
	require.Equal(t, websoftsolus.Unavailable, e.Kind)
	require.Equal(t, 20*time.Second, e.RetryAfter)
	require.Empty(t, *slept)
	require.EqualValues(t, 1, s.requests.Load())
}

// TestAnAnswerThatEndsEarlyIsReadAgain: on a connection whose end alone marks the
// end of the answer nobody else notices.
func TestAnAnswerThatEndsEarlyIsReadAgain(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		body := `["PLSK.02980001","PLSK.02980002"]`
		if n.Add(1) == 1 {
			body = body[:20]
		}
		fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", body)
	})
	c, _ := s.client(t)
	keys, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.EqualValues(t, 2, s.requests.Load())
}

// TestAnUnknownPathIsNoEmptyList: as a baseline it would make every licence new.
func TestAnUnknownPathIsNoEmptyList(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"Go":        http.NotFound,
		"framework": answering(404, `{"message":"Route not found"}`),
		"proxy":     answering(404, "default backend - 404"),
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusNotFound)
		},
	} {
		s := serve(t, handler)
		c, _ := s.client(t)
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		require.Equal(t, websoftsolus.NotFound, failure(t, err).Kind, name)
	}
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// TestALicenceIsNotFoundOnlyWhereItWasLookedFor: not where a redirect led, and
// not by a short key that could not be asked for.
func TestALicenceIsNotFoundOnlyWhereItWasLookedFor(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		http.Redirect(w, r, "/login", http.StatusFound)
	})
	c, _ := s.client(t)
	_, err := c.GetLicense(t.Context(), websoftsolus.Plesk, "PLSK.02980001")
	require.Equal(t, websoftsolus.Redirected, failure(t, err).Kind)

	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/license/plesk/PLSK.02980001" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	c, _ = s.client(t)
	_, err = c.GetLicense(t.Context(), websoftsolus.Plesk, "PLSK.02980001.0000")
	require.Equal(t, websoftsolus.Unavailable, failure(t, err).Kind)
}
