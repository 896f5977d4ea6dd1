package tools

import (
	"context"

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
		return s.order(ctx, in.Order())
	})
}
