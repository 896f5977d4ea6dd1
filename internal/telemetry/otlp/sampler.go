package otlp

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// sampler decides whether a span is kept: one that continues parent, or begins
// the trace where parent is not valid.
type sampler func(parent traceContext, trace traceID) bool

func always(traceContext, traceID) bool { return true }
func never(traceContext, traceID) bool  { return false }

// ratio keeps this share of traces, the same on every server that sees them
// (TraceIdRatioBased of the OpenTelemetry specification: the low 63 bits of the
// trace's id below a bound).
func ratio(share float64) sampler {
	if share >= 1 {
		return always
	}
	bound := uint64(share * (1 << 63))
	return func(_ traceContext, trace traceID) bool { return binary.BigEndian.Uint64(trace[8:])>>1 < bound }
}

// parentBased does as the parent does, and asks root where there is none.
func parentBased(root sampler) sampler {
	return func(parent traceContext, trace traceID) bool {
		if parent.valid() {
			return parent.sampled
		}
		return root(parent, trace)
	}
}

// newSampler reads OTEL_TRACES_SAMPLER and its argument.
func newSampler(name, argument string) (sampler, error) {
	based, root := strings.CutPrefix(name, "parentbased_")
	var s sampler
	switch based {
	case "":
		return parentBased(always), nil
	case "always_on":
		s = always
	case "always_off":
		s = never
	case "traceidratio":
		share := 1.0
		if argument != "" {
			var err error
			if share, err = strconv.ParseFloat(argument, 64); err != nil || !(share >= 0 && share <= 1) {
				return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG: %q is not a number from 0 to 1", argument)
			}
		}
		s = ratio(share)
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER: %q is not always_on, always_off, traceidratio, or one of these after parentbased_", name)
	}
	if root {
		s = parentBased(s)
	}
	return s, nil
}
