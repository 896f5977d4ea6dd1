package otlp

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
)

type (
	traceID [16]byte
	spanID  [8]byte
)

// traceContext is a span as others refer to it (W3C Trace Context).
type traceContext struct {
	trace   traceID
	span    spanID
	sampled bool
	remote  bool   // a caller's, not ours
	state   string // tracestate, passed on as it came
}

func (c traceContext) valid() bool { return c.trace != traceID{} && c.span != spanID{} }

type traceKey struct{}

func withTrace(ctx context.Context, c traceContext) context.Context {
	return context.WithValue(ctx, traceKey{}, c)
}

// traceOf returns the span that ctx belongs to; the zero value where there is
// none.
func traceOf(ctx context.Context) traceContext {
	c, _ := ctx.Value(traceKey{}).(traceContext)
	return c
}

// joinTrace puts ctx under a caller's span. What is no traceparent changes
// nothing.
func joinTrace(ctx context.Context, parent, state string) context.Context {
	c, ok := parseTraceparent(parent)
	if !ok {
		return ctx
	}
	if validState(state) {
		c.state = state
	}
	return withTrace(ctx, c)
}

// parseTraceparent reads version-trace-span-flags in lower-case hexadecimal. A
// later version than 00 may have more behind that.
func parseTraceparent(text string) (traceContext, bool) {
	c := traceContext{remote: true}
	if len(text) < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' || strings.ContainsAny(text[:55], "ABCDEF") {
		return c, false
	}
	var version, flags [1]byte
	for _, part := range []struct {
		into []byte
		from string
	}{{version[:], text[:2]}, {c.trace[:], text[3:35]}, {c.span[:], text[36:52]}, {flags[:], text[53:55]}} {
		if _, err := hex.Decode(part.into, []byte(part.from)); err != nil {
			return c, false
		}
	}
	if version[0] == 0xff || version[0] == 0 && (len(text) != 55 || flags[0] > 3) || len(text) > 55 && text[55] != '-' {
		return c, false
	}
	c.sampled = flags[0]&1 != 0
	return c, c.valid()
}

// validState says whether a tracestate may be passed on: up to 32 members of
// printable characters, 512 in all.
func validState(state string) bool {
	if len(state) > 512 {
		return false
	}
	members := strings.Split(state, ",")
	for _, member := range members {
		key, _, ok := strings.Cut(strings.TrimSpace(member), "=")
		if !ok || key == "" {
			return false
		}
	}
	return len(members) <= 32 && !strings.ContainsFunc(state, func(r rune) bool { return (r < ' ' || r > '~') && r != '\t' })
}

// newTraceID and newSpanID draw from the runtime's generator, which is seeded by
// the operating system; ids need to be different, not secret. Zero is no id.
func newTraceID() (id traceID) {
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], 1+rand.Uint64N(1<<64-1))
	return id
}

func newSpanID() (id spanID) {
	binary.BigEndian.PutUint64(id[:], 1+rand.Uint64N(1<<64-1))
	return id
}
