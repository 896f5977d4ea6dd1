package inventory_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
)

// TestCSVComesBackAsItWas: whatever a licence's texts are, they are the same
// after a round trip, and no cell begins a formula.
func TestCSVComesBackAsItWas(t *testing.T) {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "a\r\nb", "a\rb\n", "\"", "\"\"", "a,b", "\r\n", "é\u202e", "\n"}),
		rapid.StringOf(rapid.RuneFrom([]rune("=+-@'\t\r\n\",;ab é\u200b"))),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) inventory.Row {
			r := inventory.Row{
				Family: text.Draw(t, "family"), KeyNumber: text.Draw(t, "key"), Title: text.Draw(t, "title"), Comment: text.Draw(t, "comment"),
				Product: text.Draw(t, "product"), Status: text.Draw(t, "status"), Period: text.Draw(t, "period"), ServerIP: text.Draw(t, "ip"),
				OrderedAt: text.Draw(t, "ordered"), ExpiresAt: text.Draw(t, "expires"), Unread: text.Draw(t, "unread"),
			}
			if rapid.Bool().Draw(t, "with properties") {
				r.Properties, _ = json.Marshal(map[string]string{"p": text.Draw(t, "property")})
			}
			return r
		}), 0, 5).Draw(t, "rows")
		var file bytes.Buffer
		w, err := inventory.NewCSVWriter(&file)
		require.NoError(t, err)
		for _, r := range rows {
			require.NoError(t, w.Write(r))
		}
		require.NoError(t, w.Flush())

		var back []inventory.Row
		require.NoError(t, inventory.ReadCSV(bytes.NewReader(file.Bytes()), func(r inventory.Row) error {
			back = append(back, r)
			return nil
		}))
		require.Len(t, back, len(rows))
		for i := range rows {
			require.Equal(t, rows[i], back[i])
		}
		// As a spreadsheet sees it.
		cells, err := csv.NewReader(&file).ReadAll()
		require.NoError(t, err)
		require.Len(t, cells, 1+len(rows))
		for _, row := range cells {
			for _, cell := range row {
				require.False(t, cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])), "%q", cell)
			}
		}
	})
}

func TestCSVOfOthersIsRefused(t *testing.T) {
	for _, text := range []string{"", "a,b\n", strings.Join(inventory.Columns, ",") + "\nplesk,1\n", strings.Join(inventory.Columns, ",") + "\n\"plesk"} {
		require.Error(t, inventory.ReadCSV(strings.NewReader(text), func(inventory.Row) error { return nil }), "%q", text)
	}
}
