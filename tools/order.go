package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// What the four order tools share: a preview, then a confirmed order.

// orderProtocol ends the description of every order tool.
const orderProtocol = " Costs money. With confirm \"\" nothing is sent: the person is asked, or a preview with a confirm phrase comes back. Show it to the person; only when they agree, call again with the same arguments and that phrase. " +
	"It works once, for 10 minutes; again, it returns the outcome. For several: preview each, show all, confirm one by one, stop at the first unknown."

// order previews or places an order. Its input is valid. The warnings are for
// the preview, beside those that every order gets.
func (s *Set) order(ctx context.Context, in schemas.Order, warnings ...string) (any, error) {
	request := operations.OrderRequest{
		Tool:        in.Tool,
		Family:      in.Family,
		Product:     in.Product,
		Title:       in.Title,
		Comment:     in.Comment,
		Period:      in.Period,
		Form:        make([]operations.Field, len(in.Form)),
		DuplicateOf: in.DuplicateOf,
	}
	for i, f := range in.Form {
		request.Form[i] = operations.Field{Name: f.Name, Value: f.Value}
		if f.Name == "serverIP" {
			request.ServerIP = f.Value
		}
	}
	return s.confirmed(ctx, confirmable{
		kind:    operations.Order,
		confirm: in.Confirm,
		propose: func(choose operations.Choose) (*operations.Preview, error) {
			request.Choose = choose
			request.Warnings = append(s.productWarnings(ctx, in.Family, in.Product), warnings...)
			return s.Operations.ProposeOrder(ctx, request)
		},
		perform: func(choose operations.Choose) (*operations.Result, error) {
			request.Choose = choose
			return s.Operations.ConfirmOrder(ctx, request, in.Confirm)
		},
	})
}

// productWarnings checks the product softly against what can be ordered: the
// API document does not say how names are written, so a name that is missing
// from the list is worth a warning, never a refusal.
func (s *Set) productWarnings(ctx context.Context, family websoftsolus.Family, product string) []string {
	orderable, err := s.API.OrderableVersions(ctx, family)
	if err != nil {
		return []string{"the orderable versions could not be read, so the product name was not checked"}
	}
	if !orderable.Unambiguous {
		return nil
	}
	names := make([]string, len(orderable.Versions))
	for i, v := range orderable.Versions {
		if v.Product == product {
			return nil
		}
		names[i] = v.Product
	}
	warning := fmt.Sprintf("%s is not among the %d orderable products", untrusted.Name(product, maxQuoted), len(names))
	if nearest := nearestNames(product, names, 3); len(nearest) > 0 {
		for i, name := range nearest {
			nearest[i] = untrusted.Name(name, maxQuoted)
		}
		warning += "; the nearest are " + strings.Join(nearest, ", ")
	}
	return []string{warning}
}

// nearestNames returns up to n of names, those first that take the fewest edits
// to become name, letter case aside.
func nearestNames(name string, names []string, n int) []string {
	name = strings.ToUpper(name)
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return levenshtein.ComputeDistance(name, strings.ToUpper(a)) - levenshtein.ComputeDistance(name, strings.ToUpper(b))
	})
	return sorted[:min(n, len(sorted))]
}
