package sandbox

import (
	"strconv"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// Values of License.Status. The API document names none.
const (
	Active     = "active"
	Expired    = "expired"
	Pending    = "pending"    // ordered, not yet approved or paid
	Incomplete = "incomplete" // likewise, in the words of another API
	Terminated = "terminated"
)

// License is one simulated licence as it truly is.
type License struct {
	Environment Environment         `json:"environment"`
	Family      websoftsolus.Family `json:"family"`
	KeyNumber   string              `json:"keyNumber"`
	Title       string              `json:"title"`
	Comment     string              `json:"comment"`
	Product     string              `json:"product"`
	Status      string              `json:"status"`
	Period      string              `json:"period"`            // months
	ServerIP    string              `json:"serverIP"`          // empty until the licence is installed
	OS          string              `json:"os,omitempty"`      // empty where its order takes none
	Options     schemas.Form        `json:"options,omitempty"` // the other options, in the order's order
	OrderID     string              `json:"orderId"`           // the number of the order that made it
	OrderedAt   time.Time           `json:"orderDate"`         // UTC, whole seconds
	ExpiresAt   time.Time           `json:"expirationDate"`    // one period after the last renewal
}

// record is a licence on its shelf, and what reads still show of it.
type record struct {
	License
	late *late // nil: reads show the licence as it is
}

// late is an effect that does not show yet: so many lists and gets, or until a
// time, still see what was before.
type late struct {
	before    *License // nil: there was no such licence
	lists     int
	gets      int
	listUntil time.Time
	getUntil  time.Time
}

// view names who looks: an effect may show in one before the other.
type view int

const (
	inList view = iota
	inGet
)

// seen returns the licence as the view shows it at that time, nil where it
// shows none, and counts the look.
func (r *record) seen(v view, now time.Time) *License {
	if r.late == nil {
		return &r.License
	}
	left, until := &r.late.lists, r.late.listUntil
	if v == inGet {
		left, until = &r.late.gets, r.late.getUntil
	}
	switch {
	case *left > 0:
		*left--
		return r.late.before
	case now.Before(until):
		return r.late.before
	}
	return &r.License
}

// shelf holds a family's licences in one environment, oldest first.
type shelf struct {
	records []*record
	byKey   map[string]*record
	keys    func(n int) string // the key number of the n-th licence
}

// put adds a licence under the next key number.
func (s *shelf) put(l License) *record {
	l.KeyNumber = s.keys(len(s.records))
	r := &record{License: l}
	s.records = append(s.records, r)
	s.byKey[l.KeyNumber] = r
	return r
}

// environment holds everything that live and test do not share.
type environment struct {
	name    Environment
	tokens  map[string]time.Time // token → when it ends
	issued  int                  // tokens so far
	orders  int                  // orders so far, those of the made-up licences too
	shelves map[websoftsolus.Family]*shelf
}

func (e *environment) shelf(family websoftsolus.Family) *shelf { return e.shelves[family] }

// orderID returns the next order's number.
func (e *environment) orderID() string {
	e.orders++
	return strconv.Itoa(700000 + e.orders)
}

// issue returns a new token. The caller holds the lock.
func (s *Sandbox) issue(e *environment) string {
	now := s.now()
	e.issued++
	if e.issued%1000 == 0 { // ended tokens must not pile up
		for token, ends := range e.tokens {
			if !now.Before(ends) {
				delete(e.tokens, token)
			}
		}
	}
	token := s.madeUp("token", e.name, e.issued)
	e.tokens[token] = now.Add(s.lifetime)
	return token
}
