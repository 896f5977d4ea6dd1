package operations

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

func (l *ledger) Get(ctx context.Context, id string) (*Operation, error) {
	return l.one(ctx, `id = ?`, id)
}

func (l *ledger) ByPhrase(ctx context.Context, digest string) (*Operation, error) {
	return l.one(ctx, `phrase = ?`, digest)
}

func (l *ledger) Open(ctx context.Context, baseURL string) ([]Operation, error) {
	return l.many(ctx, `base_url = ? AND state IN `+openStates, baseURL)
}

const lastWrite = `base_url = ? AND family = ? AND licence = ? AND kind IN ('edit', 'terminate') AND claimed_at > 0
	ORDER BY claimed_at DESC, seq DESC LIMIT 1`

func (l *ledger) LastWrite(ctx context.Context, baseURL string, family websoftsolus.Family, keyNumber string) (*Operation, error) {
	return reading(ctx, l, func(ctx context.Context) (*Operation, error) {
		return oneOrNone(ctx, l.read, lastWrite, baseURL, family, canonicalKey(keyNumber))
	})
}

func (l *ledger) ServerOrders(ctx context.Context, baseURL, serverIP string) ([]Operation, error) {
	found, err := l.many(ctx, `base_url = ? AND server_ip = ? AND kind = 'order' AND state IN `+claimedStates+`
		AND NOT EXISTS (SELECT 1 FROM operations AS t WHERE t.base_url = operations.base_url AND t.family = operations.family
			AND t.licence = operations.licence AND t.licence <> '' AND t.kind = 'terminate' AND t.state = 'succeeded')`, baseURL, serverIP)
	slices.Reverse(found)
	return found, err
}

func (l *ledger) Baseline(ctx context.Context, id string) ([]string, error) {
	return reading(ctx, l, func(ctx context.Context) (keys []string, err error) {
		var encoded string
		err = l.read.QueryRowContext(ctx, `SELECT key_numbers FROM baselines WHERE operation_id = ?`, id).Scan(&encoded)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(encoded), &keys); err != nil {
			return nil, fmt.Errorf("read a baseline from the ledger: %w", err)
		}
		return keys, nil
	})
}

func (l *ledger) TakenKeys(ctx context.Context, o *Operation) (map[string]bool, error) {
	return reading(ctx, l, func(ctx context.Context) (map[string]bool, error) {
		rows, err := l.read.QueryContext(ctx, taken, o.BaseURL, o.Family, o.ID, micros(o.ClaimedAt))
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		keys := map[string]bool{}
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				return nil, err
			}
			keys[key] = true
		}
		return keys, rows.Err()
	})
}

func (l *ledger) EndedSince(ctx context.Context, o *Operation) ([]Operation, error) {
	return l.many(ctx, `base_url = ? AND family = ? AND kind = 'terminate' AND claimed_at >= ? AND state IN `+claimedStates,
		o.BaseURL, o.Family, micros(o.ClaimedAt))
}

func (l *ledger) Rivals(ctx context.Context, o *Operation, since time.Time) ([]Operation, error) {
	const others = `base_url = ? AND family = ? AND kind = 'order' AND id <> ? AND `
	open, err := l.many(ctx, others+`state IN `+openStates, o.BaseURL, o.Family, o.ID)
	if err != nil {
		return nil, err
	}
	keyless, err := l.many(ctx, others+`state = 'succeeded' AND licence = '' AND claimed_at > ?`, o.BaseURL, o.Family, o.ID, micros(since))
	return append(open, keyless...), err
}

// one is one, read by itself.
func (l *ledger) one(ctx context.Context, where string, args ...any) (*Operation, error) {
	return reading(ctx, l, func(ctx context.Context) (*Operation, error) { return one(ctx, l.read, where, args...) })
}

// many is many, read by itself.
func (l *ledger) many(ctx context.Context, where string, args ...any) ([]Operation, error) {
	return reading(ctx, l, func(ctx context.Context) ([]Operation, error) { return many(ctx, l.read, where, args...) })
}
