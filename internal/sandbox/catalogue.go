package sandbox

import (
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// Product is one thing that can be ordered.
type Product struct {
	Name  string // what an order carries as product
	Label string // what a person reads
	// Generation says which option rules a Plesk order of it follows. Where it
	// is empty the name decides, and plesk12 where the name shows none. The other
	// families have none.
	Generation schemas.Generation
}

// defaultCatalogue holds names in the style of similar APIs. The API document
// shows none.
var defaultCatalogue = map[websoftsolus.Family][]Product{
	websoftsolus.Plesk: {
		{"PLESK_10_AND_LATER_UNLIMITED_DOMAINS", "Plesk 10 and later, unlimited domains", schemas.Plesk10},
		{"PLESK_12_WEB_ADMIN", "Plesk 12 Web Admin", schemas.Plesk12},
		{"PLESK_12_WEB_PRO", "Plesk 12 Web Pro", schemas.Plesk12},
		{"PLESK_12_WEB_HOST", "Plesk 12 Web Host", schemas.Plesk12},
		{"PLESK_12_VPS_WEB_HOST", "Plesk 12 Web Host for VPS", schemas.Plesk12},
	},
	websoftsolus.CPanel: {
		{"CPANEL_WHM_DEDICATED", "cPanel & WHM for a dedicated server", ""},
		{"CPANEL_WHM_VPS", "cPanel & WHM for a VPS", ""},
	},
	websoftsolus.Virtuozzo: {
		{"VIRTUOZZO_CONTAINERS_4", "Virtuozzo Containers 4", ""},
		{"VIRTUOZZO_CONTAINERS_6", "Virtuozzo Containers 6", ""},
	},
}

// graded returns the products with their generation filled in.
func graded(family websoftsolus.Family, products []Product) []Product {
	products = slices.Clone(products)
	for i := range products {
		p := &products[i]
		if family != websoftsolus.Plesk || p.Generation != "" {
			continue
		}
		p.Generation = schemas.Plesk12
		if shown, ok := schemas.GenerationOf(p.Name); ok {
			p.Generation = shown
		}
	}
	return products
}

// Products returns what can be ordered in a family.
func (s *Sandbox) Products(family websoftsolus.Family) []Product {
	return slices.Clone(s.catalogue[family])
}

// product returns the catalogue's product of that name, nil where it has none.
func (s *Sandbox) product(family websoftsolus.Family, name string) *Product {
	for i, p := range s.catalogue[family] {
		if p.Name == name {
			return &s.catalogue[family][i]
		}
	}
	return nil
}
