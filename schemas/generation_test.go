package schemas_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

func TestGenerationIsReadFromPlainNamesOnly(t *testing.T) {
	const none = schemas.Generation("")
	for product, want := range map[string]schemas.Generation{
		"PLESK_10_AND_LATER_UNLIMITED_DOMAINS": schemas.Plesk10,
		"PLESK_10_AND_LATER_10_DOMAINS_FOR_VZ": schemas.Plesk10,
		"PLESK_11_WEB_HOST":                    schemas.Plesk10,
		"Plesk 10 and later":                   schemas.Plesk10,
		"PLESK_12_WEB_HOST":                    schemas.Plesk12,
		"PLESK_12_VPS_WEB_HOST":                schemas.Plesk12,
		"plesk-12-web-pro":                     schemas.Plesk12,
		"PLESK12_WEB_ADMIN":                    schemas.Plesk12,
		"Plesk Panel 12.5 Web Pro":             schemas.Plesk12,
		"Plesk Onyx 17.8":                      schemas.Plesk12,
		"PLESK_OBSIDIAN_18":                    schemas.Plesk12,
		"PLESK_12_10_DOMAINS":                  schemas.Plesk12, // 10 counts domains

		"PLESK_100_DOMAINS":        none, // no such release
		"PLESK_10_DOMAINS":         none, // may be either
		"PLESK_POWER_PACK_10":      none, // counts something
		"POWER_PACK_10":            none, // no Plesk in it
		"PLESK_12_MONTHS":          none,
		"PLESK_10_TO_12":           none, // shows both
		"PLESK_95":                 none, // Plesk 9.5
		"PLESK_9":                  none,
		"PLESK_19":                 none, // not known
		"PLESK_1012":               none,
		"PLESK_012":                none,
		"PLESK_10X":                none, // not a whole word
		"PLESK_UNLIMITED_DOMAINS":  none,
		"10_PLESK":                 none, // before the word
		"CPANEL_WHM_12":            none,
		"VIRTUOZZO_CONTAINERS_4":   none,
		"":                         none,
		"PLESK_١٢_WEB_HOST":        none, // other digits are no release
		"PLESK_WEB_HOST_UNLIMITED": none,
	} {
		got, shown := schemas.GenerationOf(product)
		require.Equal(t, want, got, product)
		require.Equal(t, want != none, shown, product)
	}
}
