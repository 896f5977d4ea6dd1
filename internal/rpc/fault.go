package rpc

import "context"

// The library answers every error of a resource's or a prompt's handler as an
// internal error. A handler that knows better says so with Fail, and Answer puts
// that in its place.

type faultKey struct{}

// faultSlot holds what a handler said.
type faultSlot struct{ said *Error }

func withFaultSlot(ctx context.Context) (context.Context, *faultSlot) {
	slot := &faultSlot{}
	return context.WithValue(ctx, faultKey{}, slot), slot
}

// Fail has the request under the context answered with an error of that code. It
// returns the error, for the handler to return.
func Fail(ctx context.Context, e *Error) error {
	if slot, ok := ctx.Value(faultKey{}).(*faultSlot); ok {
		slot.said = e
	}
	return e
}
