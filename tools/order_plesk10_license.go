package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) orderPlesk10Tool() Tool {
	return define(Tool{
		Name:        "order_plesk10_license",
		Title:       "Order a Plesk 10 or 11 licence",
		Description: "Orders a new licence for Plesk 10 or 11. Options left out are sent as \"0\" (none). For Plesk 12 and later use order_plesk12_license." + orderProtocol,
		effect:      orders,
		family:      websoftsolus.Plesk,
	}, func(ctx context.Context, in schemas.OrderPlesk10Input) (any, error) {
		return s.order(ctx, in.Order())
	})
}
