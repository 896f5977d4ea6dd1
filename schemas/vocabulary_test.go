package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// TestEnumsAreTheVocabulary: a list can be asked for every state, kind and
// family that there is, and for no other.
func TestEnumsAreTheVocabulary(t *testing.T) {
	var schema struct {
		Properties struct {
			State  struct{ Enum []operations.State }
			Kind   struct{ Enum []operations.Kind }
			Family struct{ Enum []websoftsolus.Family }
		}
	}
	require.NoError(t, json.Unmarshal(schemas.InputSchema("list_operations"), &schema))
	require.Equal(t, []operations.State{
		operations.Proposed, operations.Sending, operations.Succeeded, operations.Rejected,
		operations.Unknown, operations.NotApplied, operations.Declined, operations.Expired,
	}, schema.Properties.State.Enum)
	require.Equal(t, []operations.Kind{operations.Order, operations.Edit, operations.Terminate}, schema.Properties.Kind.Enum)
	require.Equal(t, websoftsolus.Families, schema.Properties.Family.Enum)
}
