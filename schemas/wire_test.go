package schemas_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// form is the order as it would be sent if nothing judged it: what the rules
// fill in, and everything that was given, whether the rules know it or not.
func (o pleskOrder) form(generation schemas.Generation) url.Values {
	form := url.Values{"product": {pleskProducts[generation]}, "title": {"web 1"}, "period": {"12"}}
	for _, option := range schemas.RuleSetFor(websoftsolus.Plesk, generation).Options {
		if !option.Required {
			form.Set(option.Name, option.Neutral)
		}
	}
	for i, value := range o.values {
		if value != absent {
			form.Set(pleskOptions[i].name, value)
		}
	}
	return form
}

// TestEveryPleskCombinationIsJudgedAlikeOnTheWire sends every combination to the
// sandbox, past every check on this side: it takes what the schema takes, and
// names the options that the schema refuses.
func TestEveryPleskCombinationIsJudgedAlikeOnTheWire(t *testing.T) {
	if testing.Short() {
		t.Skip("forty thousand requests")
	}
	simulated := sandbox.New(sandbox.Options{
		Keep:     -1, // the counters are enough
		Licenses: map[websoftsolus.Family]int{},
	})
	server, err := simulated.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()

	const workers = 8
	transport := &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	wire := wire{client: &http.Client{Transport: transport}, base: server.URL}
	wire.logIn(t, simulated)

	taken := 0
	for _, generation := range []schemas.Generation{schemas.Plesk10, schemas.Plesk12} {
		orders := pleskOrders(generation)
		var next atomic.Int64
		var group errgroup.Group
		for range workers {
			group.Go(func() error {
				for i := int(next.Add(1)) - 1; i < len(orders); i = int(next.Add(1)) - 1 {
					if err := wire.judges(orders[i], orders[i].form(generation)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		for _, order := range orders {
			if len(order.faults) == 0 {
				taken++
			}
		}
	}
	require.Len(t, simulated.Licenses(websoftsolus.Plesk), taken, "one licence for each order that was taken")
}

// wire sends orders and nothing else.
type wire struct {
	client *http.Client
	base   string
	token  string
}

func (w *wire) logIn(t *testing.T, simulated *sandbox.Sandbox) {
	t.Helper()
	login, secret := simulated.Credentials()
	response, err := w.client.PostForm(w.base+"access/token", url.Values{"login": {login}, "secret": {secret}})
	require.NoError(t, err)
	defer response.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&token))
	require.NotEmpty(t, token.AccessToken)
	w.token = token.AccessToken
}

// judges orders, and compares the answer with what is wrong with the order.
func (w *wire) judges(order pleskOrder, form url.Values) error {
	request, err := http.NewRequest(http.MethodPost, w.base+"license/plesk/order", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+w.token)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if taken := response.StatusCode < 300; taken != (len(order.faults) == 0) || response.StatusCode >= 500 {
		return fmt.Errorf("%s: answered %d %s, not finding %v", order, response.StatusCode, answer, order.faults)
	}
	for _, fault := range order.faults {
		if !strings.Contains(string(answer), fault) {
			return fmt.Errorf("%s: answered %s, which does not name %s", order, answer, fault)
		}
	}
	return nil
}
