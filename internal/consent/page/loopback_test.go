package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent/page"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

func TestTheLoopbackPortIsOpenWhileSomethingWaits(t *testing.T) {
	b := newBench(t)
	var said []string
	l := &page.Loopback{
		Operations: b.service, Who: "alice@host", Now: b.now, Every: time.Millisecond, Idle: time.Millisecond,
		Say: func(line string) { said = append(said, line) },
	}
	defer l.Close()
	o := b.order("shop")
	link, err := l.Link(t.Context(), o)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(link, "http://127.0.0.1:"), link)
	again, err := l.Link(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, link, again)
	require.Len(t, said, 1)
	code := regexp.MustCompile(`the code ([0-9A-Z]{4}-[0-9A-Z]{4})$`).FindStringSubmatch(said[0])
	require.NotNil(t, code, said[0])
	require.NotContains(t, link, code[1])

	v := newVisitor(t)
	require.Equal(t, 200, v.get(link).StatusCode, "open as long as it waits")
	rebound := must(http.NewRequest(http.MethodGet, link, nil))
	rebound.Host = "evil.example"
	require.Equal(t, http.StatusMisdirectedRequest, v.do(rebound).StatusCode)
	require.Equal(t, http.StatusUnauthorized, v.post(link, "secret", "0000-0000").StatusCode)
	shown := v.post(link, "secret", strings.ToLower(code[1]))
	require.Equal(t, 200, shown.StatusCode)
	u := must(url.Parse(link))
	v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the port may be closed already
	v.post(fmt.Sprintf("http://%s/approvals/o/%s", u.Host, o.ID), "token", shown.token(t), "decision", "approve", "typed", product)
	require.Equal(t, operations.Succeeded, b.state(o).State)
	require.Equal(t, "alice@host", b.state(o).ApprovedBy.Principal)
	require.Eventually(t, func() bool {
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(link)
		if err == nil {
			response.Body.Close()
		}
		return err != nil
	}, 10*time.Second, 5*time.Millisecond, "closed when nothing waits")

	next, err := l.Link(t.Context(), b.order("next"))
	require.NoError(t, err)
	require.Equal(t, 200, v.get(next).StatusCode, "opened again")
	l.Close()
	_, err = l.Link(t.Context(), o)
	require.Error(t, err)
}
