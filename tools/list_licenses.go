package tools

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) listLicensesTool() Tool {
	return define(Tool{
		Name:  "list_licenses",
		Title: "List licences",
		Description: "Lists licences by family and key number, one request a family. details adds title, product, status, IP and dates: one more request for each licence shown. " +
			"query keeps the licences in which every word is found (key, title, comment, product, status, IP); it reads the details of all, so name a family where you can. " +
			"partial true means that some could not be read (unread says which): those are not gone.",
		effect: reads,
	}, s.listLicenses)
}

// entry is one licence on its way to the answer.
type entry struct {
	family  websoftsolus.Family
	key     string
	license *websoftsolus.License // nil until its details are read
}

func (s *Set) listLicenses(ctx context.Context, in schemas.ListLicensesInput) (*schemas.LicensesOutput, error) {
	families := s.familiesOf(ctx)
	if in.Family != "" {
		family, err := s.family(ctx, in.Family)
		if err != nil {
			return nil, err
		}
		families = []websoftsolus.Family{family}
	}
	after, err := decodeCursor(in)
	if err != nil {
		return nil, err
	}
	entries, unread, err := s.inventory(ctx, families)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(in.Query))
	if len(words) > 0 {
		failed, err := s.readDetails(ctx, entries)
		if err != nil {
			return nil, err
		}
		unread = append(unread, failed...)
		entries = slices.DeleteFunc(entries, func(e entry) bool { return !e.matches(words) })
	}

	start, _ := slices.BinarySearchFunc(entries, after, func(e entry, c cursor) int {
		if c.isZero() {
			return 1
		}
		if order := compareKeys(e.family, e.key, c.Family, c.Key); order != 0 {
			return order
		}
		return -1 // the entry at the cursor was shown already
	})
	page := entries[start:min(start+in.Limit, len(entries))]
	if in.Details && len(words) == 0 {
		failed, err := s.readDetails(ctx, page)
		if err != nil {
			return nil, err
		}
		unread = append(unread, failed...)
	}

	out := &schemas.LicensesOutput{
		Environment: s.Environment,
		Licenses:    make([]*schemas.License, len(page)),
		Total:       len(entries),
		Partial:     len(unread) > 0,
		Unread:      unread,
	}
	for i, e := range page {
		if e.license != nil {
			out.Licenses[i] = licenseOutput(e.license, false)
		} else {
			out.Licenses[i] = &schemas.License{Family: string(e.family), KeyNumber: fieldText(e.key, maxFieldText)}
		}
	}
	if start+len(page) < len(entries) && len(page) > 0 {
		last := page[len(page)-1]
		out.NextCursor = encodeCursor(in, last.family, last.key)
	}
	return out, nil
}

// inventory lists the keys of the families, one request each, in the order of
// compareKeys. A family that cannot be listed is unread; where none can, the
// first failure is the error.
func (s *Set) inventory(ctx context.Context, families []websoftsolus.Family) ([]entry, []schemas.Unread, error) {
	listed := make([][]string, len(families))
	failures := make([]error, len(families))
	var group sync.WaitGroup
	for i, family := range families {
		group.Go(func() { listed[i], failures[i] = s.API.ListKeys(ctx, family) })
	}
	group.Wait()

	var entries []entry
	unread := []schemas.Unread{}
	for i, family := range families {
		if failures[i] != nil {
			unread = append(unread, schemas.Unread{Family: string(family), Message: fieldText(failures[i].Error(), maxFieldText)})
			continue
		}
		for _, key := range listed[i] {
			entries = append(entries, entry{family: family, key: key})
		}
	}
	if len(unread) == len(families) {
		return nil, nil, failures[0]
	}
	slices.SortFunc(entries, func(a, b entry) int { return compareKeys(a.family, a.key, b.family, b.key) })
	return entries, unread, nil
}

// readDetails reads the properties of each entry, a bounded number at a time,
// and returns those that could not be read. Its error is the caller's going
// away, and nothing else.
func (s *Set) readDetails(ctx context.Context, entries []entry) ([]schemas.Unread, error) {
	failures := make([]error, len(entries))
	var group errgroup.Group
	group.SetLimit(s.concurrency())
	for i := range entries {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			entries[i].license, failures[i] = s.API.GetLicense(ctx, entries[i].family, entries[i].key)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var unread []schemas.Unread
	for i, err := range failures {
		if err != nil {
			unread = append(unread, schemas.Unread{
				Family:    string(entries[i].family),
				KeyNumber: fieldText(entries[i].key, maxFieldText),
				Message:   fieldText(err.Error(), maxFieldText),
			})
		}
	}
	return unread, nil
}

// matches says whether every word is found somewhere in the licence. One whose
// details could not be read is judged by its key number alone; the answer is
// partial then.
func (e entry) matches(words []string) bool {
	text := strings.ToLower(e.key)
	if l := e.license; l != nil {
		text = strings.ToLower(strings.Join([]string{e.key, l.NamedKey, l.Title, l.Comment, l.Product, l.Status, l.ServerIP}, "\n"))
	}
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// compareKeys is the one order of licences: families as the API document names
// them, key numbers within. It depends on nothing but the licence, so a cursor
// stays right while others come and go.
func compareKeys(familyA websoftsolus.Family, keyA string, familyB websoftsolus.Family, keyB string) int {
	return cmp.Or(
		cmp.Compare(slices.Index(websoftsolus.Families, familyA), slices.Index(websoftsolus.Families, familyB)),
		strings.Compare(keyA, keyB),
	)
}
