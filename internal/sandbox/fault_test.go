package sandbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func faults(t testing.TB, words string) []sandbox.Fault {
	t.Helper()
	f, err := sandbox.ParseFaults(words)
	require.NoError(t, err)
	return f
}

// TestEachFaultStrikesBeforeOrAfterTheEffect orders one licence with each fault
// in force, and looks at both sides: what the client saw, and what there is.
func TestEachFaultStrikesBeforeOrAfterTheEffect(t *testing.T) {
	broken := func(t *testing.T, _ reply, err error) { require.Error(t, err) }
	cutShort := func(t *testing.T, r reply, err error) {
		require.Equal(t, 200, r.status)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	status := func(want int) func(*testing.T, reply, error) {
		return func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, want, r.status)
		}
	}
	for kind, saw := range map[string]func(*testing.T, reply, error){
		"drop": broken,
		"reset": func(t *testing.T, _ reply, err error) {
			require.ErrorIs(t, err, syscall.ECONNRESET)
		},
		"garbled": func(t *testing.T, _ reply, err error) {
			require.ErrorContains(t, err, "malformed HTTP")
		},
		"truncated":  cutShort,
		"status=500": status(500),
		"status":     status(503),
		"html": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 200, r.status)
			require.Contains(t, r.body, "<html>")
		},
		"status=429 retry-after=1500ms": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 429, r.status)
			require.Equal(t, "2", r.header.Get("Retry-After"))
		},
		"status=502 body=html": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 502, r.status)
			require.Contains(t, r.body, "<html>")
		},
		"status=504 body=empty": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 504, r.status)
			require.Empty(t, r.body)
		},
		"status=200 body=success-false": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 200, r.status)
			require.Contains(t, r.body, `"success":false`)
		},
		"status=204": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, reply{204, r.header, ""}, r)
		},
		"status=202": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 202, r.status)
			require.JSONEq(t, `{"success":true}`, r.body)
		},
		"redirect": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 307, r.status)
			require.Equal(t, "/license/virtuozzo/order", r.header.Get("Location"))
		},
		"redirect=https://example.com/": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, "https://example.com/", r.header.Get("Location"))
		},
		"cut": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 200, r.status)
			require.NotEmpty(t, r.body)
			require.False(t, json.Valid([]byte(r.body)))
		},
		"oversized": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Len(t, r.body, 9<<20)
			require.True(t, json.Valid([]byte(r.body)))
		},
		"oversized=1000": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Len(t, r.body, 1000)
		},
		"deep=300": func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, strings.Repeat("[", 300)+strings.Repeat("]", 300), r.body)
		},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(kind+" "+when, func(t *testing.T) {
				c := start(t, sandbox.Options{Faults: faults(t, "order "+kind+" "+when)})
				r, err := c.try("POST", "license/virtuozzo/order", "application/x-www-form-urlencoded", encode(orders["virtuozzo"].form...))
				saw(t, r, err)
				done := 0
				if when == "after" {
					done = 1
				}
				require.Len(t, c.sandbox.Effects(), done)
				require.Len(t, c.sandbox.Licenses(websoftsolus.Virtuozzo), 4+done)
				requests := c.sandbox.Requests()
				require.Len(t, requests, 1, "one request arrived, and it is in the journal")
				require.Equal(t, r.status, requests[0].Status)
				require.Len(t, requests[0].Faults, 1)
				require.Equal(t, 1, c.sandbox.Counts().Faults)
				require.Equal(t, 200, c.get("license/virtuozzo").status, "other requests are not struck")
			})
		}
	}
}

func TestHangLastsUntilTheClientGoes(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		c := start(t, sandbox.Options{Faults: faults(t, "terminate hang "+when)})
		c.http.Timeout = 50 * time.Millisecond
		_, err := c.try("DELETE", "license/plesk/PLSK.02980001", "", "")
		var timeout net.Error
		require.True(t, errors.As(err, &timeout) && timeout.Timeout(), "%v", err)
		require.Equal(t, when == "after", len(c.sandbox.Effects()) == 1)
	}
}

func TestDelayedEffectComesThoughTheClientHasGone(t *testing.T) {
	c := start(t, sandbox.Options{Faults: faults(t, "terminate delay=150ms times=1")})
	c.http.Timeout = 30 * time.Millisecond
	_, err := c.try("DELETE", "license/plesk/PLSK.02980001", "", "")
	require.Error(t, err)
	require.Empty(t, c.sandbox.Effects())
	require.Eventually(t, func() bool { return len(c.sandbox.Effects()) == 1 }, 5*time.Second, 5*time.Millisecond)
}

func TestDelaysAreWaitedWithoutHoldingOthersUp(t *testing.T) {
	c := start(t, sandbox.Options{Latency: sandbox.For(time.Millisecond), Faults: faults(t, "order delay=100ms-120ms; order delay=50ms after")})
	began := time.Now()
	ordered := make(chan time.Duration)
	go func() {
		c.try("POST", "license/virtuozzo/order", "application/x-www-form-urlencoded", encode(orders["virtuozzo"].form...))
		ordered <- time.Since(began)
	}()
	require.Eventually(t, func() bool { return c.sandbox.Counts().Requests[sandbox.Order] == 1 }, time.Second, time.Millisecond)
	require.Equal(t, 200, c.get("license/plesk").status)
	select {
	case <-ordered:
		t.Fatal("the list waited for the order")
	default:
	}
	require.GreaterOrEqual(t, <-ordered, 150*time.Millisecond)
}

func TestSlowAnswerIsWholeAndTakesItsTime(t *testing.T) {
	c := start(t, sandbox.Options{})
	whole := c.get("license/plesk").body
	c.sandbox.Inject(faults(t, "list slow=60ms")...)
	began := time.Now()
	require.Equal(t, whole, c.get("license/plesk").body)
	require.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond)
}

func TestExpiredTokensMeetTheNextRequest(t *testing.T) {
	c := start(t, sandbox.Options{Faults: faults(t, "write expire-tokens times=1; list expire-tokens after times=1")})
	require.Equal(t, 401, c.delete("license/plesk/PLSK.02980001").status)
	require.Equal(t, 401, c.get("license/plesk").status, "the token stays wrong")
	c.token = c.login()
	require.Equal(t, 200, c.delete("license/plesk/PLSK.02980001").status)
	require.Equal(t, 200, c.get("license/plesk").status)
	require.Len(t, c.sandbox.Effects(), 1)
}

func TestLateEffectsShowLater(t *testing.T) {
	lists := func(c *caller, key string) bool {
		return strings.Contains(c.get("license/virtuozzo").body, `"`+key+`"`)
	}
	gets := func(c *caller, key string) int { return c.get("license/virtuozzo/" + key).status }
	order := func(c *caller) {
		require.Equal(t, 200, c.post("license/virtuozzo/order", orders["virtuozzo"].form...).status)
	}
	const made = "V2980005"

	t.Run("by reads", func(t *testing.T) {
		c := start(t, sandbox.Options{Faults: faults(t, "order late=2")})
		order(c)
		require.Len(t, c.sandbox.Licenses(websoftsolus.Virtuozzo), 5, "it is there")
		require.Equal(t, []bool{false, false, true}, []bool{lists(c, made), lists(c, made), lists(c, made)})
		require.Equal(t, []int{404, 404, 200}, []int{gets(c, made), gets(c, made), gets(c, made)})
	})
	t.Run("in the list alone", func(t *testing.T) {
		c := start(t, sandbox.Options{Faults: faults(t, "order late=1 in=list")})
		order(c)
		require.Equal(t, 200, gets(c, made))
		require.Equal(t, []bool{false, true}, []bool{lists(c, made), lists(c, made)})
	})
	t.Run("in get alone", func(t *testing.T) {
		c := start(t, sandbox.Options{Faults: faults(t, "order late=1 in=get")})
		order(c)
		require.True(t, lists(c, made))
		require.Equal(t, []int{404, 200}, []int{gets(c, made), gets(c, made)})
	})
	t.Run("by the clock", func(t *testing.T) {
		at := newClock()
		c := start(t, sandbox.Options{Now: at.Now, Faults: faults(t, "order late=5s")})
		order(c)
		at.advance(5*time.Second - 1)
		require.False(t, lists(c, made))
		require.Equal(t, 404, gets(c, made))
		at.advance(1)
		require.True(t, lists(c, made))
		require.Equal(t, 200, gets(c, made))
	})
	t.Run("an edit", func(t *testing.T) {
		c := start(t, sandbox.Options{Faults: faults(t, "edit late=1")})
		require.Equal(t, 200, c.put("license/virtuozzo/V2980001", "title", "new", "comment", "").status)
		require.Contains(t, c.get("license/virtuozzo/V2980001").body, "(made-up data)")
		require.Contains(t, c.get("license/virtuozzo/V2980001").body, `"title":"new"`)
	})
	t.Run("a termination", func(t *testing.T) {
		c := start(t, sandbox.Options{Faults: faults(t, "terminate late=1")})
		require.Equal(t, 200, c.delete("license/virtuozzo/V2980001").status)
		require.Equal(t, []bool{true, false}, []bool{lists(c, "V2980001"), lists(c, "V2980001")})
		require.Equal(t, []int{200, 404}, []int{gets(c, "V2980001"), gets(c, "V2980001")})
		require.Equal(t, 404, c.delete("license/virtuozzo/V2980001").status, "writes act on what there is")
	})
}

func TestFaultsCombine(t *testing.T) {
	c := start(t, sandbox.Options{Faults: faults(t, "order late=1; order drop after times=1; order status=500 times=1")})
	_, err := c.try("POST", "license/virtuozzo/order", "application/x-www-form-urlencoded", encode(orders["virtuozzo"].form...))
	require.Error(t, err)
	require.Len(t, c.sandbox.Effects(), 1)
	require.Len(t, c.keys("virtuozzo"), 4)
	require.Len(t, c.keys("virtuozzo"), 5)
	require.Equal(t, 500, c.post("license/virtuozzo/order", orders["virtuozzo"].form...).status, "the second waited for its turn")
	require.Equal(t, 200, c.post("license/virtuozzo/order", orders["virtuozzo"].form...).status)
}

func TestFaultStrikesWhatItNames(t *testing.T) {
	requests := []struct {
		name, method, path string
		form               []string
	}{
		{"token", "POST", "access/token", nil},
		{"list", "GET", "license/plesk", nil},
		{"get", "GET", "license/plesk/PLSK.02980001", nil},
		{"versions", "GET", "license/cpanel/order", nil},
		{"edit", "PUT", "license/plesk/PLSK.02980002", []string{"title", "x", "comment", ""}},
		{"order", "POST", "license/virtuozzo/order", orders["virtuozzo"].form},
		{"terminate", "DELETE", "license/plesk/PLSK.02980002", nil},
		{"unknown", "GET", "nowhere", nil},
	}
	for words, struck := range map[string]string{
		"any status=599":                                    "token list get versions edit order terminate unknown",
		"read status=599":                                   "list get versions",
		"write status=599":                                  "edit order terminate",
		"token status=599":                                  "token",
		"list status=599":                                   "list",
		"unknown status=599":                                "unknown",
		"any status=599 method=GET":                         "list get versions unknown",
		"any status=599 family=plesk":                       "list get edit terminate",
		"any status=599 path=license/*/order":               "versions order",
		"any status=599 path=license/plesk/PLSK.0298000[2]": "edit terminate",
		"write status=599 family=cpanel":                    "",
	} {
		c := start(t, sandbox.Options{})
		c.sandbox.Inject(faults(t, words)...)
		var names []string
		for _, r := range requests {
			if c.do(r.method, r.path, r.form...).status == 599 {
				names = append(names, r.name)
			}
		}
		require.Equal(t, struck, strings.Join(names, " "), words)
	}
}

func TestFaultsCountTheirTimes(t *testing.T) {
	c := start(t, sandbox.Options{})
	statuses := func(n int) (seen []int) {
		for range n {
			seen = append(seen, c.get("license/plesk").status)
		}
		return seen
	}
	c.sandbox.Inject(faults(t, "list status=503 skip=1 times=2")...)
	require.Equal(t, []int{200, 503, 503, 200, 200}, statuses(5))
	state := c.sandbox.Faults()
	require.Len(t, state, 1)
	require.Equal(t, 2, state[0].Struck)
	c.sandbox.ClearFaults()
	require.Empty(t, c.sandbox.Faults())

	c.sandbox.Inject(sandbox.Fault{On: sandbox.List, Kind: sandbox.Status, Probability: 0.25})
	failed := 0
	for _, status := range statuses(400) {
		if status == http.StatusServiceUnavailable {
			failed++
		}
	}
	require.InDelta(t, 100, failed, 40)
}

func TestFaultsAreReadBackAsWritten(t *testing.T) {
	for _, words := range []string{
		"order drop after times=1",
		"any status=429 retry-after=2s times=3",
		"read status=503 body=html p=0.1",
		"order delay=1s-3s",
		"list slow=200ms skip=2",
		"order late=2 in=list",
		"terminate late=5s",
		"get truncated after path=license/plesk/*",
		"any expire-tokens skip=5 times=1",
		"get oversized=10000000", "get deep=500", "write redirect=https://example.com/",
		"write reset method=PUT family=cpanel", "token hang", "list cut", "versions html", "unknown garbled",
	} {
		f := faults(t, words)
		require.Len(t, f, 1)
		require.Equal(t, f, faults(t, f[0].String()), words)
		require.ElementsMatch(t, strings.Fields(words), strings.Fields(f[0].String()))
	}
	require.Len(t, faults(t, " order drop ;; list hang before; "), 2)
	require.Empty(t, faults(t, ""))
}

func TestWrongFaultsAreRefused(t *testing.T) {
	for words, part := range map[string]string{
		"drop":                         "endpoint and a kind",
		"orders drop":                  `no endpoint "orders"`,
		"order explode":                `no kind "explode"`,
		"order drop=1":                 "takes no value",
		"order drop sometimes":         "not one of",
		"order drop times=many":        "times=many",
		"order drop times=-1":          "out of range",
		"order drop p=2":               "out of range",
		"order status=99":              "no final HTTP status",
		"order status=abc":             "invalid syntax",
		"order status=500 body=gif":    `no body "gif"`,
		"order delay":                  "takes a time",
		"order delay=3s-1s":            "ends before it begins",
		"order delay=soon":             "invalid duration",
		"order late":                   "reads or a time",
		"order late=2 in=both":         "list or get",
		"order drop family=windows":    "no family",
		"order drop path=[":            "syntax error",
		"order drop; list implode":     "implode",
		"order status retry-after=-1s": "out of range",
	} {
		_, err := sandbox.ParseFaults(words)
		require.ErrorContains(t, err, part, words)
	}
	require.Panics(t, func() { sandbox.New(sandbox.Options{}).Inject(sandbox.Fault{Kind: "explode"}) })
}

func FuzzFaultsAreReadBackAsWritten(f *testing.F) {
	f.Add("order drop after times=1; read status=503 body=html p=0.1")
	f.Add("any status=429 retry-after=2s skip=3; order late=2 in=list; get deep=500 path=license/*/*")
	f.Fuzz(func(t *testing.T, words string) {
		read, err := sandbox.ParseFaults(words)
		if err != nil {
			return
		}
		for _, fault := range read {
			again, err := sandbox.ParseFaults(fault.String())
			require.NoError(t, err, fault.String())
			require.Equal(t, []sandbox.Fault{fault}, again)
		}
	})
}
