package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// BenchmarkSnapshot makes a snapshot of 5,000 licences.
func BenchmarkSnapshot(b *testing.B) {
	inv := &inventory.Inventory{Families: onlyPlesk}
	for i := range 5000 {
		key := fmt.Sprintf("PLSK.%08d", i)
		e := licence(websoftsolus.Plesk, key, "example web server (made-up data)", "made-up licence for srv.example.com", "192.0.2.1")
		e.License.Properties = []byte(`{"keyNumber":"` + key + `","title":"example web server (made-up data)","comment":"made-up licence for srv.example.com","product":"PLESK_12_WEB_HOST","status":"active","period":"12","serverIP":"192.0.2.1","options":{"WPBSites":"0","WPBOptions":"0","applications":"0","languagePack":"0","antivirus":"0"},"orderDate":"2024-11-13 17:17:55","expirationDate":"2026-12-13 17:17:55"}`)
		inv.Entries = append(inv.Entries, e)
	}
	now := time.Now()
	for b.Loop() {
		inventory.NewSnapshot(inv, now)
	}
}
