package tools

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// cursor names the last licence of a page, and the search it belongs to. It
// holds nothing that the caller has not seen.
type cursor struct {
	Family websoftsolus.Family `json:"f"`
	Key    string              `json:"k"`
	Only   string              `json:"o,omitempty"` // the family asked for
	Query  string              `json:"q,omitempty"`
}

func (c cursor) isZero() bool { return c == cursor{} }

func encodeCursor(in schemas.ListLicensesInput, family websoftsolus.Family, key string) string {
	encoded, _ := json.Marshal(cursor{Family: family, Key: key, Only: in.Family, Query: in.Query}) // four strings always marshal
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// decodeCursor reads the cursor of a call; the zero cursor is the first page.
// One that this server did not give out for the same family and query is
// refused: it would skip licences unseen.
func decodeCursor(in schemas.ListLicensesInput) (cursor, error) {
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
	if c.Only != in.Family || c.Query != in.Query {
		return wrong("cursor belongs to another family or query; repeat those of the page that returned it, or leave cursor out to start anew")
	}
	return c, nil
}
