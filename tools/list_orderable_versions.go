package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) listOrderableVersionsTool() Tool {
	return define(Tool{
		Name:        "list_orderable_versions",
		Title:       "List orderable versions",
		Description: "Lists the products that can be ordered now in a family; an order names one of them as product. For Plesk, generation says which order tool takes it: plesk10 (Plesk 10 and 11) is order_plesk10_license, plesk12 (12 and later) is order_plesk12_license. The API gives no prices.",
		effect:      reads,
	}, s.listOrderableVersions)
}

func (s *Set) listOrderableVersions(ctx context.Context, in schemas.ListOrderableVersionsInput) (*schemas.OrderableVersionsOutput, error) {
	family, err := s.family(ctx, in.Family)
	if err != nil {
		return nil, err
	}
	orderable, err := s.API.OrderableVersions(ctx, family)
	if err != nil {
		return nil, err
	}
	out := &schemas.OrderableVersionsOutput{
		Environment: s.Environment,
		Family:      in.Family,
		Versions:    make([]schemas.OrderableVersion, 0, len(orderable.Versions)),
		Raw:         rawJSON(orderable.Raw),
	}
	for _, v := range orderable.Versions {
		version := schemas.OrderableVersion{
			Product: fieldText(v.Product, maxFieldText),
			Label:   fieldText(v.Label, maxFieldText),
		}
		if family == websoftsolus.Plesk {
			if generation, shown := schemas.GenerationOf(v.Product); shown {
				version.Generation = string(generation)
			}
		}
		out.Versions = append(out.Versions, version)
	}
	return out, nil
}
