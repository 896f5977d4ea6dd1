package tools

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func (s *Set) orderVirtuozzoTool() Tool {
	return define(Tool{
		Name:        "order_virtuozzo_license",
		Title:       "Order a Virtuozzo licence",
		Description: "Orders a new licence for Virtuozzo." + orderProtocol,
		effect:      orders,
		family:      websoftsolus.Virtuozzo,
	}, func(ctx context.Context, in schemas.OrderVirtuozzoInput) (any, error) {
		return s.order(ctx, in.Order())
	})
}
