package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Environment is one of the two that the API serves: the same paths, with data
// and tokens of their own.
type Environment string

const (
	Live Environment = "live"
	Test Environment = "test" // the base URL with test/ appended
)

// Options say how a sandbox behaves. The zero value is the API document's
// behaviour with a few licences, no latency and no faults.
type Options struct {
	// Seed decides the made-up data, the credentials, the tokens and the dice of
	// faults: two sandboxes with one seed and one clock answer alike.
	Seed uint64
	// Licenses is how many licences each family starts with, in each
	// environment. Nil means 12 Plesk, 6 cPanel and 4 Virtuozzo; a family that a
	// map leaves out starts empty.
	Licenses map[websoftsolus.Family]int
	// Catalogue is what can be ordered; a family that it leaves out keeps the
	// made-up default.
	Catalogue map[websoftsolus.Family][]Product
	// IPKeys gives cPanel licences an IP address as their key number, as some
	// peers do, in place of L2980001.
	IPKeys bool
	// Login and Secret are made up from the seed where they are empty.
	Login, Secret string
	// TokenLifetime is what a token says and keeps; one hour where it is zero.
	TokenLifetime time.Duration
	// BasePath is where the API begins, "/" where it is empty.
	BasePath string
	// Now is the clock of tokens, dates, the journal and late effects; time.Now
	// where it is nil. Latency and slow answers take real time.
	Now func() time.Time
	// Latency is waited on every request, before its effect.
	Latency Span
	// Dialect is the shape of the answers; the zero value is the default.
	Dialect Dialect
	// Faults are in force from the start.
	Faults []Fault
	// Keep is how many requests and how many effects the journal keeps, the
	// newest; 100,000 where it is zero, none where it is negative. Its counters
	// always count.
	Keep int
	// Control serves the sandbox's own interface under /_sandbox/ (control.go).
	Control bool
}

// Sandbox is a simulated WebSoftSolus API. It is safe for use by many
// goroutines.
type Sandbox struct {
	seed          uint64
	base          string // begins and ends with a slash
	login, secret string
	lifetime      time.Duration
	now           func() time.Time
	latency       Span
	catalogue     map[websoftsolus.Family][]Product
	counts        map[websoftsolus.Family]int
	ipKeys        bool
	control       http.Handler // nil where it is off

	// mu guards what follows. It is never held while a request waits, reads or
	// writes.
	mu           sync.Mutex
	dice         *rand.Rand
	dialect      Dialect
	faults       []*injected
	journal      journal
	environments map[Environment]*environment
}

// New returns a sandbox. The made-up data appears with the first request that
// needs it. New panics if a fault is not a valid one.
func New(opts Options) *Sandbox {
	s := &Sandbox{
		seed:         opts.Seed,
		base:         "/" + strings.Trim(opts.BasePath, "/") + "/",
		login:        opts.Login,
		secret:       opts.Secret,
		lifetime:     opts.TokenLifetime,
		now:          opts.Now,
		latency:      opts.Latency,
		catalogue:    make(map[websoftsolus.Family][]Product, len(websoftsolus.Families)),
		counts:       opts.Licenses,
		ipKeys:       opts.IPKeys,
		dice:         rand.New(rand.NewPCG(opts.Seed, 0x5eed)),
		dialect:      opts.Dialect,
		journal:      newJournal(opts.Keep),
		environments: make(map[Environment]*environment, 2),
	}
	if s.base == "//" {
		s.base = "/"
	}
	if s.login == "" {
		s.login = "reseller-" + s.madeUp("login")[:6] + "@example.com"
	}
	if s.secret == "" {
		s.secret = s.madeUp("secret")
	}
	if s.lifetime == 0 {
		s.lifetime = time.Hour
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.counts == nil {
		s.counts = defaultCounts
	}
	for family, products := range defaultCatalogue {
		if own, ok := opts.Catalogue[family]; ok {
			products = own
		}
		s.catalogue[family] = graded(family, products)
	}
	if opts.Control {
		s.control = s.controlHandler()
	}
	s.Inject(opts.Faults...)
	return s
}

// madeUp returns 40 hex digits that the seed and the words decide: the form of
// the API document's token and, nearly, of its secret.
func (s *Sandbox) madeUp(words ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, s.seed, words))
	return hex.EncodeToString(sum[:20])
}

// Credentials returns the login and the secret that the sandbox takes, in both
// environments. They are made up.
func (s *Sandbox) Credentials() (login, secret string) {
	return s.login, s.secret
}

// SetDialect changes the shape of the answers from the next request on.
func (s *Sandbox) SetDialect(d Dialect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialect = d
}

// ExpireTokens makes every token that was issued so far a wrong one, in both
// environments.
func (s *Sandbox) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireTokens()
}

func (s *Sandbox) expireTokens() {
	for _, e := range s.environments {
		clear(e.tokens)
	}
}

// Licenses returns a family's licences in the live environment as they truly
// are, oldest first, whatever a fault or the dialect makes the list show.
// Terminated ones are left out.
func (s *Sandbox) Licenses(family websoftsolus.Family) []License {
	return s.LicensesIn(Live, family)
}

// LicensesIn is [Sandbox.Licenses] for either environment.
func (s *Sandbox) LicensesIn(name Environment, family websoftsolus.Family) []License {
	s.mu.Lock()
	defer s.mu.Unlock()
	shelf := s.environment(name).shelf(family)
	licenses := make([]License, 0, len(shelf.records))
	for _, r := range shelf.records {
		if r.Status != Terminated {
			licenses = append(licenses, r.License)
		}
	}
	return licenses
}
