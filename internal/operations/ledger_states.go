package operations

import "context"

func (l *ledger) States(ctx context.Context, baseURL string) (map[State]int, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT state, COUNT(*) FROM operations WHERE base_url = ? GROUP BY state`, baseURL)
	if err != nil {
		return nil, l.explain(err)
	}
	defer rows.Close()
	counted := map[State]int{}
	for rows.Next() {
		var (
			state State
			n     int
		)
		if err := rows.Scan(&state, &n); err != nil {
			return nil, l.explain(err)
		}
		counted[state] = n
	}
	return counted, l.explain(rows.Err())
}

// States counts the operations of this service's base URL by their state. Every
// state is in it, those without an operation too.
func (s *Service) States(ctx context.Context) (map[string]int, error) {
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	counted, err := store.States(ctx, s.baseURL)
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for _, state := range []State{Proposed, Sending, Succeeded, Rejected, Unknown, NotApplied, Declined, Expired} {
		all[string(state)] = counted[state]
	}
	return all, nil
}
