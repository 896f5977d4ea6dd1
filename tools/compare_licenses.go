package tools

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) compareLicensesTool() Tool {
	return define(Tool{
		Name:  "compare_licenses",
		Title: "Compare licences",
		Description: "Compares all licences with the person's servers (servers or csv): licences that match no server (possibly paid for nothing), servers with none, matches twice. " +
			"An equal IP is certain, a name in title or comment probable: ask before you act on it. " +
			"since: what is new, gone, relabelled or changed against an earlier snapshot. If partial, nothing is called gone.",
		effect: reads,
	}, s.compareLicenses)
}

func (s *Set) compareLicenses(ctx context.Context, in schemas.CompareLicensesInput) (*schemas.ComparisonOutput, error) {
	families, err := s.familiesAsked(ctx, in.Family)
	if err != nil {
		return nil, err
	}
	servers, err := serversGiven(in)
	if err != nil {
		return nil, err
	}
	// Before the licences are read: reading them makes the next snapshot.
	var since *inventory.Snapshot
	var noSnapshot error
	if in.Since != "" {
		since, noSnapshot = s.snapshot(ctx, in.Since, families)
		if noSnapshot != nil && !errors.Is(noSnapshot, inventory.ErrNoSnapshot) {
			return nil, noSnapshot
		}
	}
	ctx, cancel := s.Inventory.WithDeadline(ctx, readFor)
	defer cancel()
	inv, err := s.Inventory.Read(ctx, families, inventory.Options{Progress: progressFrom(ctx)})
	if err != nil {
		return nil, err
	}
	if noSnapshot != nil { // there is one to compare with from now on
		return nil, wrongField("compare_licenses", "since", in.Since, noSnapshot.Error())
	}
	out := &schemas.ComparisonOutput{
		Environment: s.Environment,
		Total:       len(inv.Entries),
		Counts:      countsOutput(inv.Count(inv.Entries)),
		Partial:     inv.Partial(),
		Unread:      unreadOutput(inv.Unread),
	}
	if len(servers) > 0 {
		out.Servers = serversOutput(servers, inv, inventory.CompareServers(servers, inv), in.Limit)
	}
	if since != nil {
		diff, err := inventory.DiffSince(since, inv)
		if err != nil {
			return nil, err
		}
		out.Changes = changesOutput(since, diff, in.Limit)
	}
	return out, nil
}

func (s *Set) snapshot(ctx context.Context, since string, families []websoftsolus.Family) (*inventory.Snapshot, error) {
	if s.Inventory.Snapshots == nil {
		return nil, errors.New("this server keeps no snapshots")
	}
	return s.Inventory.Snapshots.Load(ctx, since, families)
}

// serversGiven are the servers of both fields.
func serversGiven(in schemas.CompareLicensesInput) ([]inventory.Server, error) {
	var servers []inventory.Server
	for _, given := range in.Servers {
		server, err := inventory.ParseServer(given.Name, given.IP)
		if err != nil {
			return nil, wrongField("compare_licenses", "servers", given.Name+" "+given.IP, "a server "+err.Error())
		}
		servers = append(servers, server)
	}
	if in.CSV != "" {
		more, err := inventory.ParseServersCSV(in.CSV)
		if err != nil {
			return nil, wrongField("compare_licenses", "csv", nil, "csv: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		servers = append(servers, more...)
		if len(servers) == 0 {
			return nil, wrongField("compare_licenses", "csv", nil, "csv holds no server; give lines of name and ip")
		}
	}
	if len(servers) > maxServers {
		return nil, wrongField("compare_licenses", "csv", nil, "csv and servers hold more than 2000 servers; compare them in parts")
	}
	return servers, nil
}

// maxServers bounds a comparison, whichever field the servers come in.
const maxServers = 2000

func wrongField(tool, field string, value any, message string) error {
	return &schemas.InvalidInput{Tool: tool, Problems: []schemas.Problem{{Field: field, Value: value, Message: fieldText(message, maxFieldText)}}}
}

func serversOutput(servers []inventory.Server, inv *inventory.Inventory, c *inventory.Comparison, limit int) *schemas.ServersComparison {
	byServer := grouped(c.Matches, func(m inventory.Match) int { return m.Server })
	out := &schemas.ServersComparison{
		Counts: schemas.ServersCounts{
			Servers: len(servers), Matched: len(byServer), Without: len(c.Without), Undecided: len(c.Undecided),
			Twice: len(c.Twice), Shared: len(c.Shared), Unmatched: len(c.Unmatched), Unjudged: len(c.Unjudged),
		},
		Unmatched: shown(c.Unmatched, limit, func(i int) *schemas.License { return entryOutput(inv.Entries[i], usualColumns) }),
	}
	server := func(i int) schemas.Server {
		given := schemas.Server{Name: fieldText(servers[i].Name, maxFieldText)}
		if servers[i].IP.IsValid() {
			given.IP = servers[i].IP.String()
		}
		return given
	}
	matches := func(matches []inventory.Match) schemas.ServerMatches {
		of := server(matches[0].Server)
		return schemas.ServerMatches{Name: of.Name, IP: of.IP, Licenses: shown(matches, limit, func(m inventory.Match) schemas.MatchedKey {
			e := inv.Entries[m.Entry]
			return schemas.MatchedKey{Family: string(e.Family), KeyNumber: e.KeyNumber, Certainty: string(m.Certainty), By: m.By}
		})}
	}
	out.Without = shown(c.Without, limit, server)
	if len(c.Undecided) > 0 {
		out.Undecided = shown(c.Undecided, limit, server)
	}
	out.Twice = shown(c.Twice, limit, matches)
	out.Matched = shown(byServer, limit, matches)
	out.Shared = shown(c.Shared, limit, func(matches []inventory.Match) schemas.LicenseMatch {
		e := inv.Entries[matches[0].Entry]
		return schemas.LicenseMatch{Family: string(e.Family), KeyNumber: e.KeyNumber, Servers: shown(matches, limit, func(m inventory.Match) schemas.MatchedServer {
			of := server(m.Server)
			return schemas.MatchedServer{Name: of.Name, IP: of.IP, Certainty: string(m.Certainty), By: m.By}
		})}
	})
	return out
}

// grouped takes a list apart where its key changes.
func grouped[T any](all []T, key func(T) int) (groups [][]T) {
	for i, element := range all {
		if i == 0 || key(all[i-1]) != key(element) {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], element)
	}
	return groups
}

// shown makes the first elements of a list ready to be shown; never nil.
func shown[T, Out any](all []T, limit int, show func(T) Out) []Out {
	out := []Out{}
	for _, element := range all[:min(len(all), limit)] {
		out = append(out, show(element))
	}
	return out
}

func changesOutput(since *inventory.Snapshot, d inventory.Diff, limit int) *schemas.Changes {
	var relabelled, changed []inventory.Changed
	for _, c := range d.Changed {
		labels, rest := c, c
		labels.Changes, rest.Changes = nil, nil
		for _, change := range c.Changes {
			if change.IsLabel() {
				labels.Changes = append(labels.Changes, change)
			} else {
				rest.Changes = append(rest.Changes, change)
			}
		}
		if len(labels.Changes) > 0 {
			relabelled = append(relabelled, labels)
		}
		if len(rest.Changes) > 0 {
			changed = append(changed, rest)
		}
	}
	recorded := func(r inventory.Recognised) *schemas.License {
		return entryOutput(inventory.Entry{Family: r.Family, KeyNumber: r.KeyNumber, License: &websoftsolus.License{
			Title: r.Title, Comment: r.Comment, Product: r.Product, Status: r.Status, ServerIP: r.ServerIP, ExpiresAt: r.ExpiresAt,
		}}, usualColumns)
	}
	key := func(c inventory.Changed) schemas.ChangedKey {
		return schemas.ChangedKey{Family: string(c.Family), KeyNumber: c.KeyNumber, Changes: shown(c.Changes, 20, func(c inventory.Change) schemas.PropertyChange {
			return schemas.PropertyChange{Property: fieldText(c.Property, 100), Before: fieldText(c.Before, maxFieldText), After: fieldText(c.After, maxFieldText)}
		})}
	}
	out := &schemas.Changes{
		Since:      schemas.SnapshotShown{SnapshotID: since.ID, TakenAt: since.TakenAt.Format(time.RFC3339), SeenAt: since.SeenAt.Format(time.RFC3339)},
		Counts:     schemas.ChangeCounts{New: len(d.New), Gone: len(d.Gone), NotShown: len(d.NotShown), Relabelled: len(relabelled), Changed: len(changed)},
		New:        shown(d.New, limit, func(e inventory.Entry) *schemas.License { return entryOutput(e, usualColumns) }),
		Gone:       shown(d.Gone, limit, recorded),
		Relabelled: shown(relabelled, limit, key),
		Changed:    shown(changed, limit, key),
	}
	if len(d.NotShown) > 0 {
		out.NotShown = shown(d.NotShown, limit, recorded)
	}
	return out
}
