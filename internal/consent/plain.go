package consent

import (
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// Plain makes text of others safe to stand in a line that a person reads: as
// untrusted.Cell does, and with no web address that a program would make a link
// of. Letters stay as they are, because the person has to type some of them.
func Plain(s string, limit int) string { return links.Replace(untrusted.Cell(s, limit)) }

// links writes addresses as people write those that must not be followed.
var links = strings.NewReplacer("://", "[:]//", "www.", "www[.]", "WWW.", "WWW[.]", "mailto:", "mailto[:]", "javascript:", "javascript[:]")
