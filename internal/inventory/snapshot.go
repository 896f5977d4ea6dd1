package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Snapshot is a complete inventory as it was found at a time.
type Snapshot struct {
	ID string // "snap_", the time, and a part of the content's hash
	// TakenAt is when the licences were first found like this, SeenAt when last.
	TakenAt, SeenAt time.Time
	Parts           []Part // one a family, in the order of websoftsolus.Families
}

// Part is one family of a snapshot.
type Part struct {
	Family websoftsolus.Family
	// Hash is the hex SHA-256 of Licenses. Two parts of one hash are the same, and
	// a store keeps their licences once.
	Hash string
	// Licenses is a JSON array of Recorded, by key number; nil where List left it
	// out.
	Licenses json.RawMessage
}

// Recorded is one licence of a snapshot.
type Recorded struct {
	KeyNumber string `json:"k"`
	Title     string `json:"t,omitempty"`
	Comment   string `json:"c,omitempty"`
	Product   string `json:"p,omitempty"`
	Status    string `json:"s,omitempty"`
	Period    string `json:"m,omitempty"`
	ServerIP  string `json:"i,omitempty"`
	OrderedAt string `json:"o,omitempty"`
	ExpiresAt string `json:"e,omitempty"`
	// Properties is the API's answer, or a text with its hash where it is larger
	// than maxRecorded.
	Properties json.RawMessage `json:"x,omitempty"`
}

// Families lists the families of a snapshot.
func (s *Snapshot) Families() []websoftsolus.Family {
	families := make([]websoftsolus.Family, len(s.Parts))
	for i, p := range s.Parts {
		families[i] = p.Family
	}
	return families
}

// Covers says whether the snapshot holds all of the families.
func (s *Snapshot) Covers(families []websoftsolus.Family) bool {
	held := s.Families()
	return !slices.ContainsFunc(families, func(f websoftsolus.Family) bool { return !slices.Contains(held, f) })
}

// ErrNoSnapshot: no snapshot answers to what was asked for.
var ErrNoSnapshot = errors.New("no such snapshot")

// Snapshots keeps snapshots. Any number of processes may share one store. What
// it cannot do is a failure of the store.
type Snapshots interface {
	// Save keeps a snapshot. One that is the same as the newest of its families
	// only moves that one's SeenAt, and gives it its ID and TakenAt back. What
	// retention no longer keeps is dropped.
	Save(ctx context.Context, s *Snapshot) error
	// Load returns, with its licences, the snapshot of an id, or for "last" the
	// newest, or for an RFC 3339 time the newest taken at or before it. It holds
	// the families, and maybe more. The error is ErrNoSnapshot where there is
	// none.
	Load(ctx context.Context, since string, families []websoftsolus.Family) (*Snapshot, error)
	// List returns every snapshot without its licences, newest first.
	List(ctx context.Context) ([]Snapshot, error)
}

// maxRecorded is how many bytes of properties a snapshot keeps of one licence.
const maxRecorded = 16 << 10

// record is a licence as a snapshot has it.
func record(e Entry) Recorded {
	l := e.License
	r := Recorded{
		KeyNumber: e.KeyNumber, Title: l.Title, Comment: l.Comment, Product: l.Product, Status: l.Status, Period: l.Period,
		ServerIP: l.ServerIP, OrderedAt: l.OrderedAt, ExpiresAt: l.ExpiresAt, Properties: l.Properties,
	}
	if len(l.Properties) > maxRecorded || !json.Valid(l.Properties) {
		sum := sha256.Sum256(l.Properties)
		r.Properties = json.RawMessage(`"SHA-256 ` + hex.EncodeToString(sum[:]) + `"`)
	}
	return r
}

// NewSnapshot returns a complete inventory as a snapshot.
func NewSnapshot(inv *Inventory, now time.Time) *Snapshot {
	now = now.UTC().Truncate(time.Microsecond)
	s := &Snapshot{TakenAt: now, SeenAt: now}
	whole := sha256.New()
	for _, family := range websoftsolus.Families {
		if !slices.Contains(inv.Families, family) {
			continue
		}
		recorded := []Recorded{}
		for _, e := range inv.Entries {
			if e.Family == family && e.License != nil {
				recorded = append(recorded, record(e))
			}
		}
		encoded, err := json.Marshal(recorded)
		if err != nil {
			panic("inventory: a licence is no JSON: " + err.Error()) // texts, and JSON that was checked
		}
		sum := sha256.Sum256(encoded)
		part := Part{Family: family, Hash: hex.EncodeToString(sum[:]), Licenses: encoded}
		whole.Write([]byte(string(family) + part.Hash))
		s.Parts = append(s.Parts, part)
	}
	s.ID = "snap_" + now.Format("20060102T150405") + "_" + hex.EncodeToString(whole.Sum(nil)[:4])
	return s
}

// savedSnapshot is the last one that this process saved.
type savedSnapshot struct {
	content string
	at      time.Time
}

// remember gives a complete inventory to the store of snapshots. Pages of one
// search read the same licences again within a minute; that is one snapshot.
func (r *Reader) remember(ctx context.Context, inv *Inventory) {
	if r.Snapshots == nil {
		return
	}
	s := NewSnapshot(inv, r.Now())
	var content strings.Builder
	for _, p := range s.Parts {
		content.WriteString(string(p.Family) + p.Hash)
	}
	r.mu.Lock()
	again := r.saved.content == content.String() && s.TakenAt.Sub(r.saved.at) < time.Minute
	r.mu.Unlock()
	if again {
		return
	}
	if err := r.Snapshots.Save(ctx, s); err != nil {
		r.Logger.Warn("keeping a snapshot of the licences", "error", err)
		return
	}
	r.mu.Lock()
	r.saved = savedSnapshot{content.String(), s.SeenAt}
	r.mu.Unlock()
}
