package otlp

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// What is written here of the standard does as the official SDK does.

// TestTraceparentsAreReadAsTheSDKReadsThem compares with its propagator on
// headers that are right, and on those with something changed.
func TestTraceparentsAreReadAsTheSDKReadsThem(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	same := func(t require.TestingT, parent, state string) {
		theirs := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(),
			propagation.MapCarrier{"traceparent": parent, "tracestate": state}))
		ours := traceOf(joinTrace(context.Background(), parent, state))
		require.Equal(t, theirs.IsValid(), ours.valid(), "%q", parent)
		if theirs.IsValid() {
			require.Equal(t, theirs.TraceID().String(), hex.EncodeToString(ours.trace[:]))
			require.Equal(t, theirs.SpanID().String(), hex.EncodeToString(ours.span[:]))
			require.Equal(t, theirs.IsSampled(), ours.sampled, "%q", parent)
			require.True(t, ours.remote)
		}
	}
	for _, text := range []string{parent, "", "00", parent + "-x", parent + "x", "01" + parent[2:], "01" + parent[2:] + "-later", "ff" + parent[2:],
		strings.ToUpper(parent), parent[:53] + "00", parent[:53] + "03",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"} {
		same(t, text, "")
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(parent)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("0123456789abcdefABCDEFgG- \x00")).Draw(t, "to")
		}
		same(t, string(text), "a=1")
	})
}

func TestTracestatesThatMayBePassedOn(t *testing.T) {
	for state, valid := range map[string]bool{"a=1": true, "a=1,b=2": true, "a=1, b=2": true, "": false, "a": false, "=1": false, "a=\n": false, "a=é": false,
		"a=" + strings.Repeat("x", 511): false, strings.TrimSuffix(strings.Repeat("a=1,", 33), ","): false} {
		require.Equal(t, valid, validState(state), state)
	}
}

// TestSamplingDecidesAsTheSDKDoes compares every sampler on every kind of parent.
func TestSamplingDecidesAsTheSDKDoes(t *testing.T) {
	for _, row := range []struct {
		name, argument string
		theirs         sdktrace.Sampler
	}{
		{"", "", sdktrace.ParentBased(sdktrace.AlwaysSample())},
		{"always_on", "", sdktrace.AlwaysSample()},
		{"always_off", "", sdktrace.NeverSample()},
		{"traceidratio", "", sdktrace.TraceIDRatioBased(1)},
		{"traceidratio", "0", sdktrace.TraceIDRatioBased(0)},
		{"traceidratio", "0.3", sdktrace.TraceIDRatioBased(0.3)},
		{"parentbased_always_on", "", sdktrace.ParentBased(sdktrace.AlwaysSample())},
		{"parentbased_always_off", "", sdktrace.ParentBased(sdktrace.NeverSample())},
		{"parentbased_traceidratio", "0.5", sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.5))},
	} {
		ours, err := newSampler(row.name, row.argument)
		require.NoError(t, err)
		decided := map[bool]int{}
		for i := range 3000 {
			id := newTraceID()
			parent := traceContext{}
			ctx := context.Background()
			if i%3 > 0 {
				parent = traceContext{trace: id, span: newSpanID(), sampled: i%3 == 1, remote: true}
				var flags trace.TraceFlags
				ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
					TraceID: trace.TraceID(id), SpanID: trace.SpanID(parent.span), TraceFlags: flags.WithSampled(parent.sampled), Remote: true}))
			}
			theirs := row.theirs.ShouldSample(sdktrace.SamplingParameters{ParentContext: ctx, TraceID: trace.TraceID(id)}).Decision == sdktrace.RecordAndSample
			require.Equal(t, theirs, ours(parent, id), "%s %s %x", row.name, row.argument, id)
			decided[theirs]++
		}
		if row.argument == "0.3" {
			require.InDelta(t, 900, decided[true], 150)
		}
	}
}
