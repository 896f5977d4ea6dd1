package inventory

import "github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"

// Counts say how many licences there are. A status is known only of licences
// whose properties were read.
type Counts struct {
	Family map[websoftsolus.Family]int // a family that could not be listed is left out; an empty one is 0
	Status map[string]int              // in the API's own words; "" for a licence that shows none
	// StatusUnknown are the licences whose properties were not read.
	StatusUnknown int
}

// Count counts entries of the inventory, or some of them.
func (inv *Inventory) Count(entries []Entry) Counts {
	c := Counts{Family: map[websoftsolus.Family]int{}, Status: map[string]int{}}
	for _, family := range inv.Families {
		if inv.Listed(family) {
			c.Family[family] = 0
		}
	}
	for _, e := range entries {
		c.Family[e.Family]++
		if e.License == nil {
			c.StatusUnknown++
		} else {
			c.Status[e.License.Status]++
		}
	}
	return c
}
