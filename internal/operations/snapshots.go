package operations

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Retention of snapshots. The newest is always kept.
const (
	keepAllFor   = 48 * time.Hour
	keepDailyFor = 90 * 24 * time.Hour // the newest of each day
	// keepBytes bounds the licences of one base URL, as they are kept. A thousand
	// licences take about 80 kB.
	keepBytes = 64 << 20
)

// Snapshots keeps snapshots of the licences in the ledger, for this
// environment's base URL. The ledger is opened with the first call.
func (s *Service) Snapshots() inventory.Snapshots { return serviceSnapshots{s} }

type serviceSnapshots struct{ service *Service }

func (s serviceSnapshots) Save(ctx context.Context, snapshot *inventory.Snapshot) error {
	store, err := s.service.ledger(ctx)
	if err != nil {
		return err
	}
	return store.SaveSnapshot(ctx, s.service.baseURL, snapshot, keepBytes)
}

// Load is the one of them whose failure is told to who asked: as a *Refusal.
func (s serviceSnapshots) Load(ctx context.Context, since string, families []websoftsolus.Family) (*inventory.Snapshot, error) {
	store, err := s.service.ledger(ctx)
	if err != nil {
		return nil, noSnapshots(err)
	}
	found, err := store.LoadSnapshot(ctx, s.service.baseURL, since, families)
	if err != nil && !errors.Is(err, inventory.ErrNoSnapshot) {
		return nil, noSnapshots(err)
	}
	return found, err
}

func noSnapshots(err error) *Refusal {
	r := unreadable(err)
	r.Message = "the snapshots cannot be read: " + err.Error()
	return r
}

func (s serviceSnapshots) List(ctx context.Context) ([]inventory.Snapshot, error) {
	store, err := s.service.ledger(ctx)
	if err != nil {
		return nil, err
	}
	return store.ListSnapshots(ctx, s.service.baseURL)
}

// SaveSnapshot keeps a snapshot, or moves the newest one's time where nothing
// changed, and drops what retention does not keep.
func (l *ledger) SaveSnapshot(ctx context.Context, baseURL string, s *inventory.Snapshot, most int64) error {
	compressed := make([][]byte, len(s.Parts))
	for i, part := range s.Parts {
		var err error
		if compressed[i], err = compress(part.Licenses); err != nil {
			return err
		}
	}
	return l.transact(ctx, func(tx *transaction) error {
		known, err := snapshots(ctx, tx, baseURL)
		if err != nil {
			return err
		}
		newest := slices.IndexFunc(known, func(k inventory.Snapshot) bool { return slices.Equal(k.Families(), s.Families()) })
		if newest >= 0 && samePartsAs(&known[newest], s) {
			s.ID, s.TakenAt = known[newest].ID, known[newest].TakenAt
		}
		for i, part := range s.Parts {
			if _, err := tx.ExecContext(ctx, `INSERT INTO snapshot_contents (hash, size, licences) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING`,
				part.Hash, len(compressed[i]), compressed[i]); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO snapshot_parts (base_url, snapshot_id, family, hash) VALUES (?, ?, ?, ?) ON CONFLICT (base_url, snapshot_id, family) DO NOTHING`,
				baseURL, s.ID, part.Family, part.Hash); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO snapshots (base_url, id, families, taken_at, seen_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (base_url, id) DO UPDATE SET seen_at = excluded.seen_at WHERE snapshots.seen_at < excluded.seen_at`,
			baseURL, s.ID, joinFamilies(s.Families()), micros(s.TakenAt), micros(s.SeenAt)); err != nil {
			return err
		}
		return prune(ctx, tx, baseURL, s.SeenAt, most)
	})
}

func samePartsAs(a, b *inventory.Snapshot) bool {
	return slices.EqualFunc(a.Parts, b.Parts, func(a, b inventory.Part) bool { return a.Family == b.Family && a.Hash == b.Hash })
}

// prune drops the snapshots that retention does not keep, and the licences that
// no snapshot has any more.
func prune(ctx context.Context, tx *transaction, baseURL string, now time.Time, most int64) error {
	known, err := snapshots(ctx, tx, baseURL)
	if err != nil {
		return err
	}
	sizes, err := contentSizes(ctx, tx, baseURL)
	if err != nil {
		return err
	}
	var (
		total   int64
		counted = map[string]bool{}
		days    = map[string]bool{}
		full    = false
	)
	for i, s := range known { // the newest first
		added := int64(0)
		for _, part := range s.Parts {
			if !counted[part.Hash] {
				added += sizes[part.Hash]
			}
		}
		day := joinFamilies(s.Families()) + s.SeenAt.Format(time.DateOnly)
		age := now.Sub(s.SeenAt)
		full = full || total+added > most // what is older than one that found no room goes too
		if i == 0 || !full && (age < keepAllFor || age < keepDailyFor && !days[day]) {
			days[day] = true
			total += added
			for _, part := range s.Parts {
				counted[part.Hash] = true
			}
			continue
		}
		for _, statement := range []string{
			`DELETE FROM snapshot_parts WHERE base_url = ? AND snapshot_id = ?`,
			`DELETE FROM snapshots WHERE base_url = ? AND id = ?`,
		} {
			if _, err := tx.ExecContext(ctx, statement, baseURL, s.ID); err != nil {
				return err
			}
		}
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM snapshot_contents WHERE NOT EXISTS (SELECT 1 FROM snapshot_parts WHERE snapshot_parts.hash = snapshot_contents.hash)`)
	return err
}

func contentSizes(ctx context.Context, q querier, baseURL string) (map[string]int64, error) {
	rows, err := q.QueryContext(ctx, `SELECT c.hash, c.size FROM snapshot_contents c WHERE EXISTS (SELECT 1 FROM snapshot_parts p WHERE p.hash = c.hash AND p.base_url = ?)`, baseURL)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sizes := map[string]int64{}
	for rows.Next() {
		var (
			hash string
			size int64
		)
		if err := rows.Scan(&hash, &size); err != nil {
			return nil, err
		}
		sizes[hash] = size
	}
	return sizes, rows.Err()
}

// snapshots returns those of a base URL without their licences, newest first.
func snapshots(ctx context.Context, q querier, baseURL string) ([]inventory.Snapshot, error) {
	rows, err := q.QueryContext(ctx, `SELECT s.id, s.taken_at, s.seen_at, p.family, p.hash FROM snapshots s
		JOIN snapshot_parts p ON p.base_url = s.base_url AND p.snapshot_id = s.id
		WHERE s.base_url = ? ORDER BY s.seen_at DESC, s.taken_at DESC, s.id`, baseURL)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []inventory.Snapshot
	for rows.Next() {
		var (
			id          string
			taken, seen int64
			part        inventory.Part
		)
		if err := rows.Scan(&id, &taken, &seen, &part.Family, &part.Hash); err != nil {
			return nil, err
		}
		if len(found) == 0 || found[len(found)-1].ID != id {
			found = append(found, inventory.Snapshot{ID: id, TakenAt: time.UnixMicro(taken).UTC(), SeenAt: time.UnixMicro(seen).UTC()})
		}
		last := &found[len(found)-1]
		last.Parts = append(last.Parts, part)
	}
	for i := range found {
		slices.SortFunc(found[i].Parts, func(a, b inventory.Part) int {
			return slices.Index(websoftsolus.Families, a.Family) - slices.Index(websoftsolus.Families, b.Family)
		})
	}
	return found, rows.Err()
}

func (l *ledger) ListSnapshots(ctx context.Context, baseURL string) ([]inventory.Snapshot, error) {
	return reading(ctx, l, func(ctx context.Context) ([]inventory.Snapshot, error) { return snapshots(ctx, l.read, baseURL) })
}

// LoadSnapshot finds a snapshot of the families and reads its licences.
func (l *ledger) LoadSnapshot(ctx context.Context, baseURL, since string, families []websoftsolus.Family) (*inventory.Snapshot, error) {
	known, err := l.ListSnapshots(ctx, baseURL)
	if err != nil {
		return nil, err
	}
	s, err := choose(known, since, families)
	if err != nil {
		return nil, err
	}
	for i := range s.Parts {
		part := &s.Parts[i]
		compressed, err := reading(ctx, l, func(ctx context.Context) (licences []byte, err error) {
			err = l.read.QueryRowContext(ctx, `SELECT licences FROM snapshot_contents WHERE hash = ?`, part.Hash).Scan(&licences)
			return licences, err
		})
		if errors.Is(err, sql.ErrNoRows) { // dropped since
			return nil, inventory.ErrNoSnapshot
		}
		if err != nil {
			return nil, err
		}
		if part.Licenses, err = decompress(compressed); err != nil {
			return nil, fmt.Errorf("read snapshot %s: %w", s.ID, err)
		}
	}
	return s, nil
}

// choose finds the snapshot that since means among those known, newest first.
func choose(known []inventory.Snapshot, since string, families []websoftsolus.Family) (*inventory.Snapshot, error) {
	known = slices.DeleteFunc(slices.Clone(known), func(s inventory.Snapshot) bool { return !s.Covers(families) })
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: none of %s was kept yet; one is with each complete inventory", inventory.ErrNoSnapshot, joinFamilies(families))
	}
	if since == "last" {
		return &known[0], nil
	}
	if at, err := time.Parse(time.RFC3339, since); err == nil {
		var found *inventory.Snapshot
		for i := range known {
			if !known[i].TakenAt.After(at) && (found == nil || known[i].TakenAt.After(found.TakenAt)) {
				found = &known[i]
			}
		}
		if found != nil {
			return found, nil
		}
		oldest := slices.MinFunc(known, func(a, b inventory.Snapshot) int { return a.TakenAt.Compare(b.TakenAt) })
		return nil, fmt.Errorf("%w: the oldest of %s is %s, taken at %s", inventory.ErrNoSnapshot, joinFamilies(families), oldest.ID, oldest.TakenAt.Format(time.RFC3339))
	}
	for i := range known {
		if known[i].ID == since {
			return &known[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %q of %s; the newest is %s", inventory.ErrNoSnapshot, since, joinFamilies(families), known[0].ID)
}

func joinFamilies(families []websoftsolus.Family) string {
	names := make([]string, len(families))
	for i, f := range families {
		names[i] = string(f)
	}
	return strings.Join(names, ",")
}

func compress(licences []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(licences); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func decompress(compressed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
