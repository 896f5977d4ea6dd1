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
	o, err := one(ctx, l.read, `id = ?`, id)
	return o, l.explain(err)
}

func (l *ledger) ByPhrase(ctx context.Context, digest string) (*Operation, error) {
	o, err := one(ctx, l.read, `phrase = ?`, digest)
	return o, l.explain(err)
}

func (l *ledger) Open(ctx context.Context, baseURL string) ([]Operation, error) {
	found, err := many(ctx, l.read, `base_url = ? AND state IN `+openStates, baseURL)
	return found, l.explain(err)
}

const lastWrite = `base_url = ? AND family = ? AND licence = ? AND kind IN ('edit', 'terminate') AND claimed_at > 0
	ORDER BY claimed_at DESC, seq DESC LIMIT 1`

func (l *ledger) LastWrite(ctx context.Context, baseURL string, family websoftsolus.Family, keyNumber string) (*Operation, error) {
	o, err := oneOrNone(ctx, l.read, lastWrite, baseURL, family, canonicalKey(keyNumber))
	return o, l.explain(err)
}

func (l *ledger) ServerOrders(ctx context.Context, baseURL, serverIP string) ([]Operation, error) {
	found, err := many(ctx, l.read, `base_url = ? AND server_ip = ? AND kind = 'order' AND state IN `+claimedStates+`
		AND NOT EXISTS (SELECT 1 FROM operations AS t WHERE t.base_url = operations.base_url AND t.family = operations.family
			AND t.licence = operations.licence AND t.licence <> '' AND t.kind = 'terminate' AND t.state = 'succeeded')`, baseURL, serverIP)
	slices.Reverse(found)
	return found, l.explain(err)
}

func (l *ledger) Baseline(ctx context.Context, id string) ([]string, error) {
	var encoded string
	err := l.read.QueryRowContext(ctx, `SELECT key_numbers FROM baselines WHERE operation_id = ?`, id).Scan(&encoded)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, l.explain(err)
	}
	var keys []string
	if err := json.Unmarshal([]byte(encoded), &keys); err != nil {
		return nil, fmt.Errorf("read a baseline from the ledger: %w", err)
	}
	return keys, nil
}

func (l *ledger) TakenKeys(ctx context.Context, o *Operation) (map[string]bool, error) {
	rows, err := l.read.QueryContext(ctx, taken, o.BaseURL, o.Family, o.ID, micros(o.ClaimedAt))
	if err != nil {
		return nil, l.explain(err)
	}
	defer rows.Close()
	keys := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, l.explain(err)
		}
		keys[key] = true
	}
	return keys, l.explain(rows.Err())
}

func (l *ledger) EndedSince(ctx context.Context, o *Operation) ([]Operation, error) {
	found, err := many(ctx, l.read, `base_url = ? AND family = ? AND kind = 'terminate' AND claimed_at >= ? AND state IN `+claimedStates,
		o.BaseURL, o.Family, micros(o.ClaimedAt))
	return found, l.explain(err)
}

func (l *ledger) Rivals(ctx context.Context, o *Operation, since time.Time) ([]Operation, error) {
	const others = `base_url = ? AND family = ? AND kind = 'order' AND id <> ? AND `
	open, err := many(ctx, l.read, others+`state IN `+openStates, o.BaseURL, o.Family, o.ID)
	if err != nil {
		return nil, l.explain(err)
	}
	keyless, err := many(ctx, l.read, others+`state = 'succeeded' AND licence = '' AND claimed_at > ?`, o.BaseURL, o.Family, o.ID, micros(since))
	return append(open, keyless...), l.explain(err)
}
