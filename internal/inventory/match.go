package inventory

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Certainty says how sure a match is.
type Certainty string

const (
	// Certain: the licence's address, or a key number that is one, is the
	// server's.
	Certain Certainty = "certain"
	// Probable: the licence's title or comment names the server.
	Probable Certainty = "probable"
)

// Match is one licence that belongs to one server.
type Match struct {
	Server    int // index of the server
	Entry     int // index of the licence in the inventory
	Certainty Certainty
	By        string // "serverIP", "keyNumber", "title" or "comment"
}

// Comparison is what licences and servers have to do with each other. Indexes
// are those of the servers and of the inventory's entries.
type Comparison struct {
	Matches   []Match // by server; the certain ones of a server first
	Unmatched []int   // licences that match no server
	// Unjudged are licences that match none, as far as could be seen: their
	// properties were not read.
	Unjudged []int
	Without  []int // servers that no licence matches
	// Undecided are servers that no licence matches, of those that could be read:
	// of a partial inventory nothing is missing for sure.
	Undecided []int
	// Twice holds the matches of a server that has several licences of one
	// family, by server and family.
	Twice [][]Match
	// Shared holds the matches of a licence that belongs to several servers.
	Shared [][]Match
}

// CompareServers finds which licences belong to which servers. An address is
// compared in its one form, IPv6 too. A name is found in a title or a comment as
// a whole word, whatever its letter case.
func CompareServers(servers []Server, inv *Inventory) *Comparison {
	c := &Comparison{}
	byIP := map[netip.Addr][]int{}
	byName := map[string][]int{}
	for i, s := range servers {
		if s.IP.IsValid() {
			byIP[s.IP] = append(byIP[s.IP], i)
		}
		if name := wordsOf(s.Name); len(name) > 0 {
			byName[strings.Join(name, " ")] = append(byName[strings.Join(name, " ")], i)
		}
	}
	longest := 0 // words of a name
	for name := range byName {
		longest = max(longest, strings.Count(name, " ")+1)
	}

	for at, e := range inv.Entries {
		found := map[int]Match{}
		match := func(servers []int, certainty Certainty, by string) {
			for _, server := range servers {
				if _, better := found[server]; !better {
					found[server] = Match{server, at, certainty, by}
				}
			}
		}
		if l := e.License; l != nil {
			for _, ip := range addresses(l.ServerIP) {
				match(byIP[ip], Certain, "serverIP")
			}
		}
		for _, ip := range addresses(e.KeyNumber) {
			match(byIP[ip], Certain, "keyNumber")
		}
		if l := e.License; l != nil {
			eachName(l.Title, longest, func(name string) { match(byName[name], Probable, "title") })
			eachName(l.Comment, longest, func(name string) { match(byName[name], Probable, "comment") })
		}
		var own []Match
		for _, m := range found {
			own = append(own, m)
		}
		slices.SortFunc(own, func(a, b Match) int { return a.Server - b.Server })
		c.Matches = append(c.Matches, own...)
		switch {
		case len(own) == 0 && e.License == nil:
			c.Unjudged = append(c.Unjudged, at)
		case len(own) == 0:
			c.Unmatched = append(c.Unmatched, at)
		case len(own) > 1:
			c.Shared = append(c.Shared, own)
		}
	}
	slices.SortStableFunc(c.Matches, func(a, b Match) int {
		return cmp.Or(a.Server-b.Server, cmp.Compare(a.Certainty, b.Certainty), a.Entry-b.Entry) // "certain" < "probable"
	})
	c.judgeServers(len(servers), inv)
	return c
}

// judgeServers finds the servers with no licence, and with too many.
func (c *Comparison) judgeServers(servers int, inv *Inventory) {
	perFamily := make([]map[websoftsolus.Family][]Match, servers)
	for _, m := range c.Matches {
		if perFamily[m.Server] == nil {
			perFamily[m.Server] = map[websoftsolus.Family][]Match{}
		}
		family := inv.Entries[m.Entry].Family
		perFamily[m.Server][family] = append(perFamily[m.Server][family], m)
	}
	for server, families := range perFamily {
		switch {
		case families == nil && inv.Complete():
			c.Without = append(c.Without, server)
		case families == nil:
			c.Undecided = append(c.Undecided, server)
		}
		for _, family := range websoftsolus.Families {
			if len(families[family]) > 1 {
				c.Twice = append(c.Twice, families[family])
			}
		}
	}
}

// addresses are those in a text: usually one, or several with commas or spaces
// between them.
func addresses(text string) (found []netip.Addr) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }) {
		if ip, ok := parseIP(word); ok && !slices.Contains(found, ip) {
			found = append(found, ip)
		}
	}
	return found
}

// wordsOf takes a text apart into words in lower case. Dots, dashes and
// underscores belong to a word where they stand inside it, as in a host name:
// srv1 is no word of srv1.example.com.
func wordsOf(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-' && r != '_'
	})
	kept := words[:0]
	for _, word := range words {
		if word = strings.Trim(word, ".-_"); word != "" {
			kept = append(kept, word)
		}
	}
	return kept
}

// eachName calls found with every run of up to so many words of a text.
func eachName(text string, longest int, found func(name string)) {
	words := wordsOf(text)
	for from := range words {
		for to := from + 1; to <= min(from+longest, len(words)); to++ {
			found(strings.Join(words[from:to], " "))
		}
	}
}
