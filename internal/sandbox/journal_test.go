package sandbox_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func TestJournalSaysWhatArrivedAndWhatItDid(t *testing.T) {
	at := newClock()
	c := start(t, sandbox.Options{Now: at.Now})
	right := c.token
	key := c.keys("plesk")[0]
	c.put("license/plesk/"+key+"?title=x", "comment", "")
	c.token = "wrong"
	c.delete("license/plesk/" + key)
	c.token = ""
	c.get("nowhere")
	c.token = right
	at.advance(2 * time.Hour)
	c.get("license/plesk")

	requests := c.sandbox.Requests()
	require.Len(t, requests, 5)
	edit := requests[1]
	require.Equal(t, sandbox.Request{
		Number: requests[0].Number + 1, Time: newClock().Now(), Environment: sandbox.Live, Endpoint: sandbox.Edit,
		Method: "PUT", Path: "/license/plesk/" + key, Family: websoftsolus.Plesk, KeyNumber: key,
		Form:   sandbox.Form{{Name: "title", Value: "x", InURL: true}, {Name: "comment", Value: ""}},
		Bearer: sandbox.ValidBearer, ContentType: "application/x-www-form-urlencoded", UserAgent: "Go-http-client/1.1", Status: 200,
	}, edit)
	for i, row := range []struct {
		endpoint sandbox.Endpoint
		bearer   sandbox.Bearer
		status   int
	}{
		{sandbox.List, sandbox.ValidBearer, 200},
		{sandbox.Edit, sandbox.ValidBearer, 200},
		{sandbox.Terminate, sandbox.UnknownBearer, 401},
		{sandbox.Unknown, sandbox.NoBearer, 404},
		{sandbox.List, sandbox.ExpiredBearer, 401},
	} {
		require.Equal(t, row.endpoint, requests[i].Endpoint)
		require.Equal(t, row.bearer, requests[i].Bearer)
		require.Equal(t, row.status, requests[i].Status)
	}

	effects := c.sandbox.Effects()
	require.Len(t, effects, 1)
	require.Equal(t, sandbox.Edited, effects[0].Kind)
	require.Equal(t, "x", effects[0].License.Title)
	require.Contains(t, effects[0].Before.Title, "made-up")
	require.Equal(t, edit.Number, effects[0].Request.Number)
	require.Equal(t, map[sandbox.Endpoint]int{sandbox.List: 2, sandbox.Edit: 1, sandbox.Terminate: 1, sandbox.Unknown: 1}, c.sandbox.Counts().Requests)

	encoded, err := json.Marshal([]any{requests, effects})
	require.NoError(t, err)
	require.NotContains(t, string(encoded), right, "no token in the journal")

	c.sandbox.Forget()
	require.Empty(t, c.sandbox.Requests())
	require.Empty(t, c.sandbox.Effects())
	require.Empty(t, c.sandbox.Counts().Requests)
}

func TestJournalKeepsTheNewestAndCountsAll(t *testing.T) {
	for keep, kept := range map[int]int{3: 3, -1: 0, 0: 10} {
		c := start(t, sandbox.Options{Keep: keep})
		for range 10 {
			require.Equal(t, 200, c.post("license/virtuozzo/order", orders["virtuozzo"].form...).status)
		}
		requests, effects := c.sandbox.Requests(), c.sandbox.Effects()
		require.Len(t, requests, kept)
		require.Len(t, effects, kept)
		if kept > 0 {
			require.Equal(t, 11, requests[kept-1].Number) // the token came first
			require.Equal(t, 11, effects[kept-1].Request.Number)
			require.Equal(t, 200, requests[kept-1].Status)
		}
		require.Equal(t, 10, c.sandbox.Counts().Requests[sandbox.Order])
		require.Equal(t, 10, c.sandbox.Counts().Effects[sandbox.Created])
	}
}
