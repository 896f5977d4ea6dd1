package operations

import (
	"context"
	"time"
)

// Await is Get for a caller who has time: it looks again every second, for as
// long as d, while the operation waits for a person's approval or its outcome is
// not known. An approved operation of the caller's own is performed, once. tell
// is called after every look that was not the last, with how long it has waited
// so far. It returns early when ctx ends or the
// server stops. The error is that of Get.
func (s *Service) Await(ctx context.Context, id string, d time.Duration, tell func(o *Operation, waited time.Duration)) (*Operation, error) {
	pausing, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.closing, stop)()
	for waited := time.Duration(0); ; waited += time.Second {
		o, err := s.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if s.MayConfirm(ctx, o) {
			// What became of it is in the operation, whatever the error; one that was
			// not claimed can be asked for again.
			_, refused := s.ConfirmApproved(ctx, id)
			if o, err = s.Get(context.WithoutCancel(ctx), id); err != nil {
				return nil, err
			}
			if o.State == Proposed {
				return nil, refused
			}
		}
		open := o.Waiting(s.now()) || o.State.Open()
		if !open || waited >= d {
			return o, nil
		}
		tell(o, waited)
		if s.sleep(pausing, time.Second) != nil {
			return o, nil
		}
	}
}
