package consent_test

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// attack is a bench with what an attacker works on.
type attack struct {
	*bench
	server *server.MCPServer
	key    string // of a licence
}

// phrase previews for a client that cannot ask, and returns the phrase.
func (a *attack) phrase(r raw) string {
	a.t.Helper()
	r.noForms = true
	preview := a.send(a.server, r)
	require.Equal(a.t, "preview", preview.StructuredContent["outcome"], "%v", preview)
	return preview.StructuredContent["confirm"].(string)
}

// question asks for a client that can ask, and returns the state.
func (a *attack) question(r raw) string {
	a.t.Helper()
	asked := a.send(a.server, r)
	require.Equal(a.t, "input_required", asked.ResultType, "%v", asked)
	require.NotEmpty(a.t, asked.RequestState)
	return asked.RequestState
}

func with(args object, name string, value any) object {
	changed := object{}
	for k, v := range args {
		changed[k] = v
	}
	changed[name] = value
	return changed
}

// approved asks for an approval and gives it as a person does, elsewhere.
func (a *attack) approved(r raw) string {
	a.t.Helper()
	r.noForms = true
	asked := a.send(a.server, r)
	require.Equal(a.t, "approval_required", asked.code(), "%v", asked)
	id := asked.StructuredContent["operationId"].(string)
	o, err := a.service.Get(a.t.Context(), id)
	require.NoError(a.t, err)
	_, err = a.service.Approve(a.t.Context(), id, o.Typed())
	require.NoError(a.t, err)
	return id
}

// TestRedTeam: each row tries to get something sent that no person confirmed.
// Afterwards the API has seen no write.
func TestRedTeam(t *testing.T) {
	codes := func(t *testing.T, a rawAnswer, allowed ...any) {
		t.Helper()
		require.True(t, a.IsError, "%v", a)
		require.Contains(t, allowed, a.code(), "%v", a.StructuredContent)
	}
	invented := "order " + product + " for 12 months [7K3Q-X2MD]"
	rows := []struct {
		name string
		mode consent.Mode
		try  func(t *testing.T, a *attack)
	}{
		{"a phrase is invented, the client cannot ask", consent.Auto, func(t *testing.T, a *attack) {
			codes(t, a.send(a.server, raw{args: with(order("x"), "confirm", invented), noForms: true}), "confirm_unknown")
			a.phrase(raw{args: order("x")})
			codes(t, a.send(a.server, raw{args: with(order("x"), "confirm", invented), noForms: true}), "confirm_unknown")
		}},
		{"a phrase is invented, the client can ask", consent.Auto, func(t *testing.T, a *attack) {
			codes(t, a.send(a.server, raw{args: with(order("x"), "confirm", invented)}), "confirm_not_accepted")
		}},
		{"a phrase is invented in the mode human", consent.Human, func(t *testing.T, a *attack) {
			for _, noForms := range []bool{true, false} {
				codes(t, a.send(a.server, raw{args: with(order("x"), "confirm", invented), noForms: noForms}), "confirm_not_accepted")
			}
		}},
		{"confirm is set to the key number", consent.Auto, func(t *testing.T, a *attack) {
			for _, mode := range consent.Modes {
				a.consent.Mode = mode
				for _, noForms := range []bool{true, false} {
					for _, confirm := range []string{a.key, "yes", "terminate " + a.key} {
						args := terminate(a.key)
						a.send(a.server, raw{tool: "terminate_license", args: args, noForms: noForms})
						codes(t, a.send(a.server, raw{tool: "terminate_license", args: with(args, "confirm", confirm), noForms: noForms}),
							"confirm_unknown", "confirm_not_accepted")
					}
				}
			}
		}},
		{"arguments change between preview and phrase", consent.Auto, func(t *testing.T, a *attack) {
			phrase := a.phrase(raw{args: order("cheap")})
			for name, value := range map[string]any{"title": "dear", "period": "36", "product": "PLESK_12_WEB_PRO", "WPBSites": "1000"} {
				codes(t, a.send(a.server, raw{args: with(with(order("cheap"), name, value), "confirm", phrase), noForms: true}), "confirm_mismatch")
			}
		}},
		{"arguments change between question and answer", consent.Auto, func(t *testing.T, a *attack) {
			state := a.question(raw{args: order("cheap")})
			for name, value := range map[string]any{"title": "dear", "period": "36", "WPBSites": "1000", "comment": "x"} {
				codes(t, a.send(a.server, raw{args: with(order("cheap"), name, value), state: state, answers: accepts(product)}), "confirm_unknown")
			}
			codes(t, a.send(a.server, raw{tool: "terminate_license", args: terminate(a.key), state: state, answers: accepts(product)}), "confirm_unknown")
			codes(t, a.send(a.server, raw{args: with(order("cheap"), "confirm", invented), state: state, answers: accepts(product)}), "confirm_not_accepted")
		}},
		{"arguments change after the approval", consent.Human, func(t *testing.T, a *attack) {
			id := a.approved(raw{args: order("cheap")})
			for name, value := range map[string]any{"title": "dear", "period": "36", "WPBSites": "1000"} {
				other := a.send(a.server, raw{args: with(order("cheap"), name, value), noForms: true})
				codes(t, other, "approval_required")
				require.NotEqual(t, id, other.StructuredContent["operationId"])
			}
		}},
		{"another caller's phrase", consent.Auto, func(t *testing.T, a *attack) {
			phrase := a.phrase(raw{args: order("x"), caller: "alice"})
			for _, caller := range []string{"bob", ""} {
				codes(t, a.send(a.server, raw{args: with(order("x"), "confirm", phrase), caller: caller, noForms: true}), "confirm_unknown")
			}
		}},
		{"another caller's question", consent.Auto, func(t *testing.T, a *attack) {
			state := a.question(raw{args: order("x"), caller: "alice"})
			for _, caller := range []string{"bob", ""} {
				codes(t, a.send(a.server, raw{args: order("x"), caller: caller, state: state, answers: accepts(product)}), "confirm_unknown")
			}
		}},
		{"another caller's approval", consent.Human, func(t *testing.T, a *attack) {
			id := a.approved(raw{args: order("x"), caller: "alice"})
			other := a.send(a.server, raw{args: order("x"), caller: "bob", noForms: true})
			codes(t, other, "approval_required")
			require.NotEqual(t, id, other.StructuredContent["operationId"])
			a.send(a.server, raw{tool: "get_operation", args: object{"operationId": id}, caller: "bob"})
			require.Equal(t, operations.Proposed, a.state(id))
		}},
		{"the approval is not there yet", consent.Human, func(t *testing.T, a *attack) {
			first := a.send(a.server, raw{args: order("x"), noForms: true})
			codes(t, first, "approval_required")
			for range 3 {
				again := a.send(a.server, raw{args: order("x"), noForms: true})
				codes(t, again, "approval_required")
				require.Equal(t, first.StructuredContent["operationId"], again.StructuredContent["operationId"], "asked once")
			}
			a.send(a.server, raw{tool: "get_operation", args: object{"operationId": first.StructuredContent["operationId"]}})
		}},
		{"the approval is answered as a question", consent.Human, func(t *testing.T, a *attack) {
			a.send(a.server, raw{args: order("x"), noForms: true})
			codes(t, a.send(a.server, raw{args: order("x"), answers: accepts(product), noForms: true}), "confirm_unknown")
		}},
		{"its own question is answered with an empty form", consent.Auto, func(t *testing.T, a *attack) {
			for _, answers := range []object{
				{},
				{"confirm": object{"action": "accept"}},
				{"confirm": object{"action": "accept", "content": object{}}},
				{"confirm": object{"action": "accept", "content": []any{}}},
				{"confirm": object{}},
				{"other": object{"action": "accept", "content": object{"typed": product}}},
				accepts(""), accepts(" "), accepts(true), accepts([]any{product}), accepts(object{"typed": product}),
			} {
				state := a.question(raw{args: order("x")})
				codes(t, a.send(a.server, raw{args: order("x"), state: state, answers: answers}), "declined")
				codes(t, a.send(a.server, raw{args: order("x"), state: state, answers: accepts(product)}), "declined")
			}
		}},
		{"an answer without a question", consent.Auto, func(t *testing.T, a *attack) {
			codes(t, a.send(a.server, raw{args: order("x"), answers: accepts(product)}), "confirm_unknown")
		}},
		{"the state is edited", consent.Auto, func(t *testing.T, a *attack) {
			state := a.question(raw{args: order("x")})
			other := a.question(raw{args: order("y")})
			parts, others := strings.Split(state, "."), strings.Split(other, ".")
			far := base64.RawURLEncoding.EncodeToString([]byte{0, 0, 0, 1, 0, 0, 0, 0})
			edited := []string{
				other,
				others[0] + "." + parts[1] + "." + parts[2],
				parts[0] + "." + far + "." + parts[2],
				parts[0] + "." + parts[1] + "." + others[2],
				parts[0] + "." + parts[1] + ".",
				parts[0] + "." + parts[1],
				parts[0], ".", "..", strings.ToUpper(state), state + "=", state + "A", "x" + state,
			}
			for i := range state {
				b := []byte(state)
				b[i] ^= 1
				edited = append(edited, string(b))
			}
			for _, e := range edited {
				codes(t, a.send(a.server, raw{args: order("x"), state: e, answers: accepts(product)}), "confirm_unknown")
			}
		}},
		{"the state of another process's key", consent.Auto, func(t *testing.T, a *attack) {
			state := a.question(raw{args: order("x")})
			a.consent = &consent.Consent{Mode: consent.Auto, Now: a.clock.now}
			codes(t, a.send(a.bench.server(), raw{args: order("x"), state: state, answers: accepts(product)}), "confirm_unknown")
		}},
		{"the answer comes too late", consent.Auto, func(t *testing.T, a *attack) {
			state := a.question(raw{args: order("x")})
			a.clock.advance(10*time.Minute + time.Second)
			codes(t, a.send(a.server, raw{args: order("x"), state: state, answers: accepts(product)}), "declined")
		}},
		{"the approval comes too late", consent.Human, func(t *testing.T, a *attack) {
			id := a.approved(raw{args: order("x")})
			a.clock.advance(10 * time.Minute)
			codes(t, a.send(a.server, raw{args: order("x"), noForms: true}), "approval_required")
			require.Equal(t, operations.Proposed, a.newest().State)
			require.Equal(t, operations.Expired, a.state(id))
		}},
		{"the licence is renamed between preview and phrase", consent.Auto, func(t *testing.T, a *attack) {
			phrase := a.phrase(raw{tool: "terminate_license", args: terminate(a.key)})
			a.rename()
			codes(t, a.send(a.server, raw{tool: "terminate_license", args: with(terminate(a.key), "confirm", phrase), noForms: true}), "licence_changed")
		}},
		{"the licence is renamed between question and answer", consent.Auto, func(t *testing.T, a *attack) {
			state := a.question(raw{tool: "terminate_license", args: terminate(a.key)})
			a.rename()
			codes(t, a.send(a.server, raw{tool: "terminate_license", args: terminate(a.key), state: state, answers: accepts(a.key)}), "licence_changed")
		}},
		{"the licence is renamed after the approval", consent.Human, func(t *testing.T, a *attack) {
			a.approved(raw{tool: "terminate_license", args: terminate(a.key)})
			a.rename()
			codes(t, a.send(a.server, raw{tool: "terminate_license", args: terminate(a.key), noForms: true}), "licence_changed")
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, row.mode)
			a := &attack{bench: b, server: b.server(), key: b.target().KeyNumber}
			row.try(t, a)
			require.Empty(t, b.sent())
		})
	}
}

// rename edits the licence past the server, as a person does in the customer
// area.
func (a *attack) rename() {
	a.t.Helper()
	_, err := a.client.Edit(a.t.Context(), websoftsolus.Plesk, a.key, "renamed", "")
	require.NoError(a.t, err)
	a.mu.Lock()
	a.writes = nil
	a.mu.Unlock()
}

// TestUsedTwiceSendsOnce replays and races everything that confirms.
func TestUsedTwiceSendsOnce(t *testing.T) {
	once := []string{"POST /license/plesk/order"}
	race := func(a *attack, r raw) (done int) {
		var group sync.WaitGroup
		outcomes := make(chan rawAnswer, 16)
		for range cap(outcomes) {
			group.Go(func() { outcomes <- a.send(a.server, r) })
		}
		group.Wait()
		close(outcomes)
		for o := range outcomes {
			if o.StructuredContent["outcome"] == "done" {
				done++
			} else {
				require.Equal(a.t, "confirm_unknown", o.code(), "%v", o)
			}
		}
		return done
	}
	newAttack := func(t *testing.T, mode consent.Mode) *attack {
		b := newBench(t, mode)
		return &attack{bench: b, server: b.server(), key: b.target().KeyNumber}
	}
	t.Run("phrase", func(t *testing.T) {
		a := newAttack(t, consent.Auto)
		r := raw{args: with(order("x"), "confirm", a.phrase(raw{args: order("x")})), noForms: true}
		require.Equal(t, 16, race(a, r), "each is told the one outcome")
		require.Equal(t, true, a.send(a.server, r).StructuredContent["replayed"])
		require.Equal(t, once, a.sent())
	})
	t.Run("question", func(t *testing.T) {
		a := newAttack(t, consent.Auto)
		r := raw{args: order("x"), state: a.question(raw{args: order("x")}), answers: accepts(product)}
		require.NotZero(t, race(a, r))
		replayed := a.send(a.server, r)
		require.Equal(t, "confirm_unknown", replayed.code())
		require.Contains(t, replayed.StructuredContent["error"].(object)["message"], "used before")
		require.Equal(t, "succeeded", replayed.StructuredContent["state"])
		require.Equal(t, once, a.sent())
	})
	t.Run("approval", func(t *testing.T) {
		a := newAttack(t, consent.Human)
		id := a.approved(raw{args: order("x")})
		require.Equal(t, 16, race(a, raw{args: order("x"), noForms: true}))
		require.Equal(t, once, a.sent())
		o, err := a.service.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, operations.Succeeded, o.State)
		require.Equal(t, operations.ByApproval, o.Confirmed)
		// The same call goes on being the same operation; later it is an identical order.
		require.Equal(t, id, a.send(a.server, raw{args: order("x"), noForms: true}).StructuredContent["operationId"])
		a.clock.advance(11 * time.Minute)
		require.Equal(t, "duplicate", a.send(a.server, raw{args: order("x"), noForms: true}).code())
		require.Equal(t, once, a.sent())
	})
}
