package operations

import (
	"context"
	"time"
)

// followEvery is how often a followed operation is looked up in the ledger,
// where other processes may have moved it on.
const followEvery = time.Second

// Follow calls changed after each change of an operation that a reader of it
// would see, until the function that it returns is called, ctx ends, or the
// service is closed. It makes no request to the API. The error is a *Refusal:
// the caller sees no such operation.
func (s *Service) Follow(ctx context.Context, id string, changed func()) (stop func(), err error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, unreadable(err)
	}
	look := func() (seen, error) {
		o, err := s.load(ctx, store, id)
		if err != nil {
			return seen{}, err
		}
		if o.BaseURL != s.baseURL || !visible(ctx, o) {
			return seen{}, ErrNotFound
		}
		return seen{o.State, o.Certainty, o.KeyNumber, o.KeyCertainty, o.Message, !o.ApprovedAt.IsZero()}, nil
	}
	last, err := look()
	if err != nil {
		return nil, notFound(id)
	}
	ctx, cancel := context.WithCancel(ctx)
	following := s.background(func() {
		defer context.AfterFunc(s.closing, cancel)()
		for s.sleep(ctx, followEvery) == nil {
			now, err := look()
			if err == nil && now != last {
				last = now
				changed()
			}
		}
	})
	if !following {
		cancel()
		return nil, unreadable(errClosed)
	}
	return cancel, nil
}

// seen is what of an operation a change is told of.
type seen struct {
	state        State
	certainty    Certainty
	keyNumber    string
	keyCertainty Certainty
	message      string
	approved     bool
}
