package tools

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// cursor names the last licence of a page, and the search that it belongs to. It
// holds nothing that the caller has not seen, and lets nobody see more: what a
// caller may read is judged again on every page.
type cursor struct {
	Family websoftsolus.Family `json:"f"`
	Key    string              `json:"k"`
	Search string              `json:"s"` // a digest of the family, the query and the caller
}

func encodeCursor(ctx context.Context, in schemas.ListLicensesInput, last inventory.Entry) string {
	encoded, _ := json.Marshal(cursor{Family: last.Family, Key: last.KeyNumber, Search: search(ctx, in)}) // three strings always marshal
	return base64.RawURLEncoding.EncodeToString(encoded)
}

func search(ctx context.Context, in schemas.ListLicensesInput) string {
	caller := ""
	if c := callers.From(ctx); c != nil {
		caller = c.Name
	}
	encoded, _ := json.Marshal([]string{in.Family, in.Query, caller})
	sum := sha256.Sum256(encoded)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// decodeCursor reads the cursor of a call; the zero cursor is the first page.
// One that this server did not give out for the same family, query and caller is
// refused: it would skip licences unseen.
func decodeCursor(ctx context.Context, in schemas.ListLicensesInput) (cursor, error) {
	if in.Cursor == "" {
		return cursor{}, nil
	}
	wrong := func(message string) (cursor, error) {
		return cursor{}, &schemas.InvalidInput{Tool: "list_licenses", Problems: []schemas.Problem{{
			Field: "cursor", Value: in.Cursor, Message: message,
		}}}
	}
	var c cursor
	decoded, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	if err != nil || json.Unmarshal(decoded, &c) != nil || c.Key == "" || !slices.Contains(websoftsolus.Families, c.Family) {
		return wrong("cursor is not one that list_licenses returned; leave it out to start at the first page")
	}
	if c.Search != search(ctx, in) {
		return wrong("cursor belongs to another family, query or caller; repeat those of the page that returned it, or leave cursor out to start anew")
	}
	return c, nil
}
