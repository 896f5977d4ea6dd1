package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) orderPlesk12Tool() Tool {
	return define(Tool{
		Name:        "order_plesk12_license",
		Title:       "Order a Plesk 12 or later licence",
		Description: "Orders a new licence for Plesk 12 or later. Options left out are sent as \"0\" (none). For Plesk 10 and 11, with os and CBMClients, use order_plesk10_license." + orderProtocol,
		effect:      orders,
		family:      websoftsolus.Plesk,
	}, func(ctx context.Context, in schemas.OrderPlesk12Input) (any, error) {
		return s.order(ctx, in.Order())
	})
}
