package tools

import (
	"context"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) listLicensesTool() Tool {
	return define(Tool{
		Name:  "list_licenses",
		Title: "List licences",
		Description: "Lists licences by family and key number, with counts. details adds title, comment, product, status and IP; fields chooses columns instead. " +
			"query keeps licences in which every word is found (key, title, comment, product, status, IP) and reads all: name a family where you can. " +
			"partial true: some could not be read (see unread); those are not gone.",
		effect: reads,
	}, s.listLicenses)
}

// usualColumns are those of a licence whose details are asked for. The others
// are asked for by name: fifty licences have to fit into an answer that a model
// can read.
var usualColumns = []string{"title", "comment", "product", "status", "serverIP"}

func (s *Set) listLicenses(ctx context.Context, in schemas.ListLicensesInput) (*schemas.LicensesOutput, error) {
	families, err := s.familiesAsked(ctx, in.Family)
	if err != nil {
		return nil, err
	}
	after, err := decodeCursor(ctx, in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.Inventory.WithDeadline(ctx, readFor)
	defer cancel()
	inv, err := s.Inventory.List(ctx, families)
	if err != nil {
		return nil, err
	}
	options := inventory.Options{Fresh: in.Fresh, Progress: progressFrom(ctx)}
	query := inventory.ParseQuery(in.Query)
	if !query.Empty() {
		if err := s.Inventory.Details(ctx, inv, 0, len(inv.Entries), options); err != nil {
			return nil, err
		}
		inv.Entries = slices.DeleteFunc(inv.Entries, func(e inventory.Entry) bool { return !query.Finds(e) })
	}

	start := 0
	if after.Key != "" {
		start = inventory.After(inv.Entries, after.Family, after.Key)
	}
	end := min(start+in.Limit, len(inv.Entries))
	out := &schemas.LicensesOutput{Environment: s.Environment, Licenses: []*schemas.License{}}
	if end < len(inv.Entries) {
		out.NextCursor = encodeCursor(ctx, in, inv.Entries[end-1])
	}
	if query.Empty() && (in.Details || len(in.Fields) > 0) {
		all := len(inv.Entries)
		if err := s.Inventory.Details(ctx, inv, start, end, options); err != nil {
			return nil, err
		}
		end -= all - len(inv.Entries) // some ended since they were listed
	}
	columns := in.Fields
	if len(columns) == 0 {
		columns = usualColumns
	}
	for _, e := range inv.Entries[start:end] {
		out.Licenses = append(out.Licenses, entryOutput(e, columns))
	}
	out.Total = len(inv.Entries)
	out.Counts = countsOutput(inv.Count(inv.Entries))
	out.Partial = inv.Partial()
	out.Unread = unreadOutput(inv.Unread)
	return out, nil
}

// familiesAsked are the families that a call is about: the one it names, or all
// that are offered.
func (s *Set) familiesAsked(ctx context.Context, name string) ([]websoftsolus.Family, error) {
	if name == "" {
		return s.familiesOf(ctx), nil
	}
	family, err := s.family(ctx, name)
	if err != nil {
		return nil, err
	}
	return []websoftsolus.Family{family}, nil
}
