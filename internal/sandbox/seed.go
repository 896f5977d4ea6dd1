package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

var defaultCounts = map[websoftsolus.Family]int{websoftsolus.Plesk: 12, websoftsolus.CPanel: 6, websoftsolus.Virtuozzo: 4}

// environment returns live or test, made up on first use. The caller holds the
// lock.
func (s *Sandbox) environment(name Environment) *environment {
	if e := s.environments[name]; e != nil {
		return e
	}
	e := &environment{
		name:    name,
		tokens:  make(map[string]time.Time),
		shelves: make(map[websoftsolus.Family]*shelf, len(websoftsolus.Families)),
	}
	for i, family := range websoftsolus.Families {
		stream := uint64(i)
		if name == Test {
			stream += 100
		}
		// A generator of its own, so that the number of licences in one family
		// does not change those of another.
		dice := rand.New(rand.NewPCG(s.seed, stream))
		shelf := &shelf{byKey: make(map[string]*record, s.counts[family]), keys: s.keyNumbers(name, family)}
		if len(s.catalogue[family]) > 0 {
			for n := range s.counts[family] {
				shelf.put(s.example(e, family, n, dice))
			}
		}
		e.shelves[family] = shelf
	}
	s.environments[name] = e
	return e
}

// keyNumbers returns the key number of a shelf's n-th licence. Only Plesk's
// format is known: PLSK. and eight digits. Live and test keys are far apart, so
// that one taken for the other is seen.
func (s *Sandbox) keyNumbers(name Environment, family websoftsolus.Family) func(n int) string {
	first := 2980001
	if name == Test {
		first = 2900001
	}
	if s.seed != 0 {
		first += int(rand.New(rand.NewPCG(s.seed, 1000)).Uint32N(4000))
	}
	switch {
	case family == websoftsolus.Plesk:
		return func(n int) string { return fmt.Sprintf("PLSK.%08d", first+n) }
	case family == websoftsolus.CPanel && s.ipKeys:
		// 198.18.0.0/15, reserved for benchmarks, is the largest range that is
		// nobody's.
		return func(n int) string {
			n += first % 2900001 % 1000
			return netip.AddrFrom4([4]byte{198, 18 + byte(n>>16&1), byte(n >> 8), byte(n)}).String()
		}
	case family == websoftsolus.CPanel:
		return func(n int) string { return fmt.Sprintf("L%07d", first+n) }
	default:
		return func(n int) string { return fmt.Sprintf("V%07d", first+n) }
	}
}

// documentationIP returns an address of the ranges that RFC 5737 keeps for
// documentation.
func documentationIP(dice *rand.Rand) string {
	networks := [...][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}
	network := networks[dice.IntN(len(networks))]
	return netip.AddrFrom4([4]byte{network[0], network[1], network[2], byte(1 + dice.IntN(254))}).String()
}

var purposes = [...]string{"web", "mail", "shop", "staging", "backup", "database"}

// example makes up a licence, and says so in its title. One comment in five is
// empty and one in seven holds letters beyond ASCII; one licence in ten has
// expired, never the first.
func (s *Sandbox) example(e *environment, family websoftsolus.Family, n int, dice *rand.Rand) License {
	products := s.catalogue[family]
	product := products[dice.IntN(len(products))]
	ordered := s.now().UTC().Truncate(time.Second).Add(-time.Duration(dice.IntN(3*365*24)) * time.Hour)
	l := License{
		Environment: e.name,
		Family:      family,
		Title:       fmt.Sprintf("example %s server %d (made-up data)", purposes[dice.IntN(len(purposes))], n+1),
		Comment:     fmt.Sprintf("made-up licence for srv%d.example.com", n+1),
		Product:     product.Name,
		Status:      Active,
		ServerIP:    documentationIP(dice),
		OrderID:     e.orderID(),
		OrderedAt:   ordered,
	}
	if e.name == Test {
		l.Title = "test " + l.Title
	}
	switch {
	case n%5 == 4:
		l.Comment = ""
	case n%7 == 6:
		l.Comment = fmt.Sprintf("serveur de démonstration n° %d", n+1)
	}
	for _, option := range schemas.RuleSetFor(family, product.Generation).Options {
		switch {
		case option.Name == "period":
			l.Period = option.Allowed[dice.IntN(len(option.Allowed))]
		case option.Name == "os":
			l.OS = option.Allowed[dice.IntN(len(option.Allowed))]
		case option.Array:
			chosen := dice.IntN(3)
			for i := range chosen {
				l.Options = append(l.Options, schemas.Field{Name: fmt.Sprintf("%s[%d]", option.Name, i), Value: option.Allowed[i*2]})
			}
		case option.Neutral != "":
			value := option.Neutral
			if dice.IntN(4) == 0 {
				value = option.Allowed[dice.IntN(len(option.Allowed))]
			}
			l.Options = append(l.Options, schemas.Field{Name: option.Name, Value: value})
		}
	}
	l.ExpiresAt = renewed(ordered, l.Period)
	if n%10 == 9 && s.now().After(l.ExpiresAt) {
		l.Status = Expired
	}
	for l.Status == Active && !l.ExpiresAt.After(s.now()) {
		l.ExpiresAt = renewed(l.ExpiresAt, l.Period)
	}
	return l
}

// renewed returns the time one period, in months, later.
func renewed(t time.Time, period string) time.Time {
	months, _ := strconv.Atoi(period) // the rules let nothing else through
	return t.AddDate(0, max(months, 1), 0)
}

// ordered makes a licence from an order's form, which has passed the rules.
func (e *environment) ordered(family websoftsolus.Family, form Form, now time.Time) License {
	l := License{
		Environment: e.name,
		Family:      family,
		Status:      Active,
		OrderID:     e.orderID(),
		OrderedAt:   now.UTC().Truncate(time.Second),
	}
	named := map[string]*string{
		"product": &l.Product, "title": &l.Title, "comment": &l.Comment,
		"period": &l.Period, "serverIP": &l.ServerIP, "os": &l.OS,
	}
	for _, f := range form {
		if field := named[f.Name]; field != nil {
			*field = f.Value
			continue
		}
		l.Options = append(l.Options, schemas.Field{Name: f.Name, Value: f.Value})
	}
	l.ExpiresAt = renewed(l.OrderedAt, l.Period)
	return l
}
