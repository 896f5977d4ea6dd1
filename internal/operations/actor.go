package operations

import "context"

type actorKey struct{}

// WithActor says who makes the calls under the context. The transport knows it
// and the calls in between need not.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorFrom returns who makes the call; the zero Actor where nobody said.
func ActorFrom(ctx context.Context) Actor {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	return actor
}
