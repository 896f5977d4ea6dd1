package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) getLicenseTool() Tool {
	return define(Tool{
		Name:        "get_license",
		Title:       "Get a licence",
		Description: "Reads one licence: its common fields, and under properties everything the API says of it, as it came. Dates may be technical (key files roll monthly), not the end of a contract.",
		effect:      reads,
	}, s.getLicense)
}

func (s *Set) getLicense(ctx context.Context, in schemas.GetLicenseInput) (*schemas.LicenseOutput, error) {
	family, err := s.family(ctx, in.Family)
	if err != nil {
		return nil, err
	}
	license, err := s.Inventory.Get(ctx, family, in.KeyNumber, true)
	if err != nil {
		return nil, err
	}
	return &schemas.LicenseOutput{
		Environment: s.Environment,
		License:     licenseOutput(license, true),
	}, nil
}

// family refuses a family that --families leaves out.
func (s *Set) family(ctx context.Context, name string) (websoftsolus.Family, error) {
	family := websoftsolus.Family(name)
	if !callers.From(ctx).MayUse(family) {
		return "", &notAllowed{what: "family " + name, lacks: "the family " + name}
	}
	if !s.offers(family) {
		return "", &notOffered{what: "family " + name, why: "this server was started with --families that leave it out"}
	}
	return family, nil
}
