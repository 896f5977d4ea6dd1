package operations

import (
	"fmt"
	"slices"
)

// transitions says which state may follow which. The empty state is before the
// operation is recorded: an edit, which needs no confirmation, begins as
// sending. A state without successors is final.
var transitions = map[State][]State{
	"":       {Proposed, Sending},
	Proposed: {Sending, Declined, Expired},
	Sending:  {Succeeded, Rejected, Unknown},
	Unknown:  {Succeeded, NotApplied},

	Succeeded:  nil,
	Rejected:   nil,
	NotApplied: nil,
	Declined:   nil,
	Expired:    nil,
}

// learning lists the states in which more may become known without a step: the
// candidates of an order whose outcome is unknown, and the key number of an
// order that the API took without naming one.
var learning = []State{Unknown, Succeeded}

// ImpossibleStep is a step that the table of transitions does not have.
type ImpossibleStep struct {
	From, To State
}

func (e *ImpossibleStep) Error() string {
	if e.From == "" {
		return fmt.Sprintf("an operation cannot begin as %s", e.To)
	}
	return fmt.Sprintf("an operation cannot step from %s to %s", e.From, e.To)
}

// checkStep returns an *ImpossibleStep unless to may follow from.
func checkStep(from, to State) error {
	if slices.Contains(transitions[from], to) || from == to && slices.Contains(learning, from) {
		return nil
	}
	return &ImpossibleStep{From: from, To: to}
}

// Final says whether nothing can follow.
func (s State) Final() bool {
	next, known := transitions[s]
	return known && len(next) == 0
}

// Open says whether the outcome is still to be known: the request may be on its
// way, or nobody knows yet what became of it.
func (s State) Open() bool { return s == Sending || s == Unknown }

// claimed lists the states in which a request may have taken effect or did: the
// ones that count against the daily caps.
var claimed = []State{Sending, Unknown, Succeeded}
