package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func BenchmarkDecodeGetLicense(b *testing.B) {
	raw := json.RawMessage(`{"family":"plesk","keyNumber":"PLSK.02980001"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schemas.Decode[schemas.GetLicenseInput]("get_license", raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeOrder(b *testing.B) {
	raw := json.RawMessage(full["order_plesk12_license"])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schemas.Decode[schemas.OrderPlesk12Input]("order_plesk12_license", raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnmarshalOrder is what encoding/json takes for the same arguments,
// judging nothing.
func BenchmarkUnmarshalOrder(b *testing.B) {
	raw := json.RawMessage(full["order_plesk12_license"])
	b.ReportAllocs()
	for b.Loop() {
		var in schemas.OrderPlesk12Input
		if err := json.Unmarshal(raw, &in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRefusedOrder(b *testing.B) {
	raw := json.RawMessage(`{"product":"PLESK_10","title":"","period":12,"CBMClients":"UNLIMITED"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schemas.Decode[schemas.OrderPlesk12Input]("order_plesk12_license", raw); err == nil {
			b.Fatal("taken")
		}
	}
}
