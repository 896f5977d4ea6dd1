package inventory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// licence makes an entry whose properties were read.
func licence(family websoftsolus.Family, key, title, comment, ip string) inventory.Entry {
	return inventory.Entry{Family: family, KeyNumber: key, License: &websoftsolus.License{
		Family: family, KeyNumber: key, Title: title, Comment: comment, ServerIP: ip, Properties: []byte(`{"keyNumber":"` + key + `","sites":3}`)}}
}

func servers(t *testing.T, nameAndIP ...[2]string) []inventory.Server {
	t.Helper()
	var all []inventory.Server
	for _, s := range nameAndIP {
		server, err := inventory.ParseServer(s[0], s[1])
		require.NoError(t, err)
		all = append(all, server)
	}
	return all
}

func TestALicenceMatchesByAddressOrByName(t *testing.T) {
	for _, row := range []struct {
		name, ip string
		entry    inventory.Entry
		want     string // certainty and by; empty for no match
	}{
		{"", "192.0.2.1", licence("cpanel", "L1", "", "", "192.0.2.1"), "certain serverIP"},
		{"", "192.0.2.1", licence("cpanel", "L1", "", "", "192.0.2.10"), ""},
		{"", "192.0.2.1", licence("cpanel", "L1", "", "", "198.51.100.1, 192.0.2.1"), "certain serverIP"},
		{"", "2001:db8::1", licence("cpanel", "L1", "", "", "2001:0DB8:0:0:0:0:0:1"), "certain serverIP"},
		{"", "::ffff:192.0.2.1", licence("cpanel", "L1", "", "", "192.0.2.1"), "certain serverIP"},
		{"192.0.2.1", "", licence("cpanel", "L1", "", "", "192.0.2.1"), "certain serverIP"},
		{"", "198.18.0.1", licence("cpanel", "198.18.0.1", "", "", ""), "certain keyNumber"},
		{"", "192.0.2.1", inventory.Entry{Family: "cpanel", KeyNumber: "192.0.2.1"}, "certain keyNumber"},
		{"srv1", "", licence("plesk", "P", "for SRV1, rack 2", "", ""), "probable title"},
		{"srv1.example.com", "", licence("plesk", "P", "", "on srv1.example.com.", ""), "probable comment"},
		{"srv1.example.com", "", licence("plesk", "P", "https://SRV1.example.com:8443/", "", ""), "probable title"},
		{"srv1", "", licence("plesk", "P", "srv1.example.com", "", ""), ""},
		{"srv1", "", licence("plesk", "P", "srv10", "", ""), ""},
		{"srv1", "", licence("plesk", "P", "old-srv1", "", ""), ""},
		{"example.com", "", licence("plesk", "P", "srv1.example.com", "", ""), ""},
		{"web server 1", "", licence("plesk", "P", "the Web  Server 1 (shop)", "", ""), "probable title"},
		{"web server 1", "", licence("plesk", "P", "web server 12", "", ""), ""},
		{"démo", "", licence("plesk", "P", "serveur DÉMO", "", ""), "probable title"},
		{"srv1", "192.0.2.1", licence("plesk", "P", "srv1", "", "192.0.2.1"), "certain serverIP"},
		{"srv1", "192.0.2.1", licence("plesk", "P", "srv1", "", "192.0.2.2"), "probable title"},
		{"...", "", licence("plesk", "P", "...", "", ""), ""},
	} {
		c := inventory.CompareServers(servers(t, [2]string{row.name, row.ip}), &inventory.Inventory{Entries: []inventory.Entry{row.entry}})
		got := ""
		if len(c.Matches) > 0 {
			got = fmt.Sprintf("%s %s", c.Matches[0].Certainty, c.Matches[0].By)
		}
		require.Equal(t, row.want, got, "%s %s in %+v", row.name, row.ip, row.entry.License)
	}
}

func TestAComparisonNamesWhatIsOverAndWhatIsMissing(t *testing.T) {
	inv := &inventory.Inventory{Families: websoftsolus.Families, Entries: []inventory.Entry{
		licence("plesk", "P1", "", "", "192.0.2.1"),
		licence("plesk", "P2", "also for one", "", ""),
		licence("plesk", "P3", "nobody's", "", "203.0.113.9"),
		licence("plesk", "P4", "one or two", "", ""),
		licence("virtuozzo", "V1", "", "", "192.0.2.1"),
		licence("virtuozzo", "V2", "", "", "192.0.2.2"),
	}}
	list := servers(t, [2]string{"one", "192.0.2.1"}, [2]string{"two", "192.0.2.2"}, [2]string{"three", ""})
	c := inventory.CompareServers(list, inv)
	require.Equal(t, []int{2}, c.Unmatched)
	require.Equal(t, []int{2}, c.Without)
	require.Empty(t, c.Undecided)
	require.Empty(t, c.Unjudged)
	require.Len(t, c.Twice, 1, "two families on one server are no mistake")
	require.Equal(t, []inventory.Match{
		{Server: 0, Entry: 0, Certainty: inventory.Certain, By: "serverIP"},
		{Server: 0, Entry: 1, Certainty: inventory.Probable, By: "title"},
		{Server: 0, Entry: 3, Certainty: inventory.Probable, By: "title"},
	}, c.Twice[0])
	require.Len(t, c.Shared, 1)
	require.Equal(t, 3, c.Shared[0][0].Entry)
	require.Len(t, c.Shared[0], 2)

	// A licence that was not read matches nothing, and nothing is said of it.
	inv.Entries[2].License = nil
	inv.Unread = []inventory.Unread{{Family: "plesk", KeyNumber: "P3", Err: inventory.ErrDeadline}}
	c = inventory.CompareServers(list, inv)
	require.Empty(t, c.Unmatched)
	require.Equal(t, []int{2}, c.Unjudged)
	require.Empty(t, c.Without)
	require.Equal(t, []int{2}, c.Undecided)
}

func TestServersAreReadFromMostCSV(t *testing.T) {
	for text, want := range map[string]string{
		"name,ip\nsrv1,192.0.2.1\nsrv2,\n":                              "srv1 192.0.2.1|srv2 -",
		"\ufeffHostname;IP-Address;Rack\r\nsrv1;192.0.2.1;7\r\n\r\n":    "srv1 192.0.2.1",
		"rack\tip address\tserver name\n7\t2001:DB8::1\t\"srv 1\"\n":    "srv 1 2001:db8::1",
		"srv1,192.0.2.1\n192.0.2.2\nsrv3\n":                             "srv1 192.0.2.1|- 192.0.2.2|srv3 -",
		"ipv4,ipv6,name\n,2001:db8::2,v6\n192.0.2.3,2001:db8::3,both\n": "v6 2001:db8::2|both 192.0.2.3",
		"ip\n192.0.2.1\n":    "- 192.0.2.1",
		" srv1 , 192.0.2.1 ": "srv1 192.0.2.1",
		"":                   "",
	} {
		list, err := inventory.ParseServersCSV(text)
		require.NoError(t, err, "%q", text)
		got := ""
		for i, s := range list {
			if i > 0 {
				got += "|"
			}
			name, ip := s.Name, "-"
			if name == "" {
				name = "-"
			}
			if s.IP.IsValid() {
				ip = s.IP.String()
			}
			got += name + " " + ip
		}
		require.Equal(t, want, got, "%q", text)
	}
	_, err := inventory.ParseServersCSV("name,ip\nsrv1,192.0.2.256\nsrv2,192.0.2.2\n;;\n,\nrack,7\n")
	require.ErrorContains(t, err, `line 2 ip "192.0.2.256"`)
	require.ErrorContains(t, err, `line 6 ip "7"`)
}

func TestADiffNamesEachChangeOnce(t *testing.T) {
	before := &inventory.Inventory{Families: onlyPlesk, Entries: []inventory.Entry{
		licence("plesk", "P1", "same", "", ""),
		licence("plesk", "P2", "old title", "", ""),
		licence("plesk", "P3", "gone", "", ""),
		licence("plesk", "P4", "", "", "192.0.2.1"),
	}}
	before.Entries[1].License.Properties = []byte(`{"keyNumber":"P2","title":"old title","auto":{"renew":false}}`)
	s := inventory.NewSnapshot(before, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	require.Regexp(t, `^snap_20260102T030405_[0-9a-f]{8}$`, s.ID)

	now := &inventory.Inventory{Families: onlyPlesk, Entries: []inventory.Entry{
		licence("plesk", "P1", "same", "", ""),
		licence("plesk", "P2", "new title", "", ""),
		licence("plesk", "P4", "", "", "192.0.2.2"),
		licence("plesk", "P5", "new", "", ""),
	}}
	now.Entries[1].License.Properties = []byte(`{"keyNumber":"P2","title":"new title","auto":{"renew":true}}`)
	d, err := inventory.DiffSince(s, now)
	require.NoError(t, err)
	require.Equal(t, "P5", d.New[0].KeyNumber)
	require.Equal(t, "P3", d.Gone[0].KeyNumber)
	require.Equal(t, "gone", d.Gone[0].Title)
	require.Empty(t, d.NotShown)
	require.Equal(t, []inventory.Changed{
		{Family: "plesk", KeyNumber: "P2", Changes: []inventory.Change{
			{Property: "title", Before: "old title", After: "new title"}, {Property: "auto.renew", Before: "false", After: "true"}}},
		{Family: "plesk", KeyNumber: "P4", Changes: []inventory.Change{{Property: "serverIP", Before: "192.0.2.1", After: "192.0.2.2"}}},
	}, d.Changed)
	require.True(t, d.Changed[0].Changes[0].IsLabel())
	require.False(t, d.Changed[1].Changes[0].IsLabel())

	// A partial inventory calls nothing gone.
	now.Unread = []inventory.Unread{{Family: "plesk", KeyNumber: "P4", Err: errors.New("no")}}
	now.Entries[2].License = nil
	d, err = inventory.DiffSince(s, now)
	require.NoError(t, err)
	require.Empty(t, d.Gone)
	require.Equal(t, "P3", d.NotShown[0].KeyNumber)
	require.Len(t, d.Changed, 1)
}
