// Package logging adds to every log line what its context knows: the id of the
// request, and who makes it.
package logging

import (
	"context"
	"log/slog"
	"slices"
)

type attributesKey struct{}

// With returns a context whose log lines carry the attributes.
func With(ctx context.Context, attributes ...slog.Attr) context.Context {
	earlier, _ := ctx.Value(attributesKey{}).([]slog.Attr)
	return context.WithValue(ctx, attributesKey{}, slices.Concat(earlier, attributes))
}

// NewHandler returns a handler that writes through next, with the attributes of
// the context that a line is logged under.
func NewHandler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if attributes, ok := ctx.Value(attributesKey{}).([]slog.Attr); ok {
		record = record.Clone()
		record.AddAttrs(attributes...)
	}
	return h.Handler.Handle(ctx, record)
}

func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attributes)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
