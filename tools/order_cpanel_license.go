package tools

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) orderCPanelTool() Tool {
	return define(Tool{
		Name:        "order_cpanel_license",
		Title:       "Order a cPanel & WHM licence",
		Description: "Orders a new licence for cPanel & WHM, bound to one server's IP address, which cannot be changed later." + orderProtocol,
		effect:      orders,
		family:      websoftsolus.CPanel,
	}, func(ctx context.Context, in schemas.OrderCPanelInput) (any, error) {
		var warnings []string
		if in.Confirm == "" && !consent.From(ctx).Answered() {
			warnings = s.serverWarnings(ctx, in.ServerIP)
		}
		return s.order(ctx, in.Order(), warnings...)
	})
}

// A preview looks through so many licences for the server's address, and takes
// so long over it at most: it is a courtesy, not a condition.
const (
	serverCheckLicences = 200
	serverCheckTime     = 5 * time.Second
)

// serverWarnings points out the cPanel licences that a server has already: one
// licence is bound to one address, so a second is rarely meant. It can only tell
// where the API shows addresses, and says so where it could not look at all of
// them.
func (s *Set) serverWarnings(ctx context.Context, serverIP string) []string {
	ctx, cancel := s.Inventory.WithDeadline(ctx, serverCheckTime)
	defer cancel()
	unchecked := func(what string) string {
		return fmt.Sprintf("%s, so server %s may have a licence already", what, serverIP)
	}
	inv, err := s.Inventory.List(ctx, []websoftsolus.Family{websoftsolus.CPanel})
	if err != nil {
		return []string{unchecked("the cPanel licences could not be listed")}
	}
	// Its error is that the caller has gone; what is unread then has no properties.
	_ = s.Inventory.Details(ctx, inv, 0, min(len(inv.Entries), serverCheckLicences), inventory.Options{Fresh: true})
	var warnings []string
	read := 0
	for _, e := range inv.Entries {
		l := e.License
		if l == nil {
			continue
		}
		read++
		if sameAddress(l.ServerIP, serverIP) || sameAddress(e.KeyNumber, serverIP) {
			warnings = append(warnings, fmt.Sprintf("server %s has cPanel licence %s already (title %s, status %s)", serverIP, untrusted.Name(e.KeyNumber, maxQuoted), untrusted.Line(l.Title, maxQuoted), untrusted.Line(l.Status, maxQuoted)))
		}
	}
	if read < len(inv.Entries) {
		warnings = append(warnings, unchecked(fmt.Sprintf("%d of %d cPanel licences were not looked at", len(inv.Entries)-read, len(inv.Entries))))
	}
	return warnings
}

// sameAddress compares two IP addresses, however they are written.
func sameAddress(a, b string) bool {
	first, err := netip.ParseAddr(a)
	if err != nil {
		return false
	}
	second, err := netip.ParseAddr(b)
	return err == nil && first.Unmap() == second.Unmap()
}
