package operations

import (
	"context"
	"encoding/base64"
	"encoding/json"
)

const (
	defaultPage = 20
	maxPage     = 200
)

// position is what a cursor holds: the last operation of the page before, and
// the list it belongs to. Operations never move in the list, so a cursor stays
// good whatever is recorded meanwhile.
type position struct {
	After  int64  `json:"a"`
	State  State  `json:"s,omitempty"`
	Kind   Kind   `json:"k,omitempty"`
	Family string `json:"f,omitempty"`
}

func (l *ledger) List(ctx context.Context, baseURL string, f Filter) (*Page, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)

	where, args := `base_url = ?`, []any{baseURL}
	only := func(condition string, value any) {
		where += " AND " + condition
		args = append(args, value)
	}
	here := position{State: f.State, Kind: f.Kind, Family: string(f.Family)}
	if f.Cursor != "" {
		var from position
		decoded, err := base64.RawURLEncoding.DecodeString(f.Cursor)
		if err != nil || json.Unmarshal(decoded, &from) != nil {
			return nil, errWrongCursor
		}
		here.After = from.After
		if from != here || from.After <= 0 {
			return nil, errWrongCursor
		}
		only("seq < ?", from.After)
	}
	if f.State != "" {
		only("state = ?", f.State)
	}
	if f.Kind != "" {
		only("kind = ?", f.Kind)
	}
	if f.Family != "" {
		only("family = ?", f.Family)
	}
	// One more than asked for tells whether there is a next page.
	args = append(args, limit+1)
	return reading(ctx, l, func(ctx context.Context) (*Page, error) {
		rows, err := l.read.QueryContext(ctx, `SELECT `+columns+` FROM operations WHERE `+where+` ORDER BY seq DESC LIMIT ?`, args...)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		page, next := &Page{Operations: make([]Operation, 0, limit)}, here
		for rows.Next() {
			seq, o, err := scan(rows)
			if err != nil {
				return nil, err
			}
			if len(page.Operations) == limit {
				encoded, _ := json.Marshal(next) // a number and three strings always marshal
				page.NextCursor = base64.RawURLEncoding.EncodeToString(encoded)
				break
			}
			page.Operations = append(page.Operations, *o)
			next.After = seq
		}
		return page, rows.Err()
	})
}
