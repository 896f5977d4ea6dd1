package e2e

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/postgrestest"
)

type job struct {
	tool    string
	family  string
	product string
	order   object
	form    string
}

// jobs are the main job of each order tool: what is asked for, and the exact form
// that must reach the API.
var jobs = []job{
	{
		tool: "order_plesk10_license", family: "plesk", product: "PLESK_10_AND_LATER_UNLIMITED_DOMAINS",
		order: object{"title": "shop & co", "period": "1", "os": "LINUX", "WPBSites": "100", "CBMClients": "UNLIMITED", "confirm": ""},
		form: form("product", "PLESK_10_AND_LATER_UNLIMITED_DOMAINS", "title", "shop & co", "comment", "", "period", "1", "os", "LINUX",
			"WPBSites", "100", "applications", "0", "CBMClients", "UNLIMITED", "languagePack", "0", "antivirus", "0"),
	},
	{
		tool: "order_plesk12_license", family: "plesk", product: "PLESK_12_WEB_HOST",
		order: object{"title": "Käsekuchen", "comment": "a=b&c", "period": "12", "WPBSites": "10", "WPBOptions": "MLS_SUPPORT", "confirm": ""},
		form: form("product", "PLESK_12_WEB_HOST", "title", "Käsekuchen", "comment", "a=b&c", "period", "12",
			"WPBSites", "10", "WPBOptions", "MLS_SUPPORT", "applications", "0", "languagePack", "0", "antivirus", "0"),
	},
	{
		tool: "order_cpanel_license", family: "cpanel", product: "CPANEL_WHM_VPS",
		order: object{"title": "whm", "period": "3", "serverIP": "192.0.2.77", "addons": []any{"CLOUDLINUX", "KERNELCARE"}, "confirm": ""},
		form: form("product", "CPANEL_WHM_VPS", "title", "whm", "comment", "", "serverIP", "192.0.2.77", "period", "3",
			"addons[0]", "CLOUDLINUX", "addons[1]", "KERNELCARE"),
	},
	{
		tool: "order_virtuozzo_license", family: "virtuozzo", product: "VIRTUOZZO_CONTAINERS_4",
		order: object{"title": "vz", "period": "36", "os": "WINDOWS", "confirm": ""},
		form:  form("product", "VIRTUOZZO_CONTAINERS_4", "title", "vz", "comment", "", "period", "36", "os", "WINDOWS"),
	},
}

// host is a connected client as the main job needs it.
type host interface {
	toolNames(t *testing.T) []string
	ok(t *testing.T, tool string, args object) object // the result of a call that must not fail
}

// TestMainJobOnTheWire takes a licence of each kind from the list to its end,
// in both eras of the protocol, and holds every request to what was asked for.
func TestMainJobOnTheWire(t *testing.T) {
	for _, era := range eras {
		eachJob(t, "stdio/"+era, func(t *testing.T, env []string) host { return connect(t, era, env) })
	}
}

// eachJob does every main job through a client of its own.
func eachJob(t *testing.T, name string, connect func(t *testing.T, env []string) host) {
	for _, job := range jobs {
		t.Run(name+"/"+job.tool, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			mainJob(t, api, connect(t, api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))), job)
		})
	}
}

// mainJob is the life of one licence, watched on the wire.
func mainJob(t *testing.T, api *api, c host, job job) {
	family := "/license/" + job.family
	wire := func() []string { return lines(t, api.take()) }

	require.Len(t, c.toolNames(t), 12)
	require.Empty(t, wire(), "listing tools makes no request")

	before := c.ok(t, "list_licenses", object{"family": job.family})
	require.NotZero(t, before["total"])
	require.Equal(t, false, before["partial"])
	require.Equal(t, []string{"POST /access/token", "GET " + family}, wire())

	versions := c.ok(t, "list_orderable_versions", object{"family": job.family})
	require.Contains(t, products(versions), job.product)
	require.Equal(t, []string{"GET " + family + "/order"}, wire())

	order := with(job.order, "product", job.product)
	preview := c.ok(t, job.tool, order)
	require.Equal(t, "preview", preview["outcome"])
	require.Equal(t, "proposed", preview["state"])
	require.NotEmpty(t, preview["expiresAt"])
	require.Equal(t, "live", preview["environment"])
	require.True(t, strings.HasPrefix(preview["confirm"].(string), "order "+job.product+" for "), preview["confirm"])
	for _, line := range wire() { // a preview sends nothing; it checks the product, and a server's other licences
		require.True(t, line == "GET "+family+"/order" || job.family == "cpanel" && strings.HasPrefix(line, "GET "+family), line)
	}

	confirmed := c.ok(t, job.tool, with(order, "confirm", preview["confirm"]))
	require.Equal(t, "done", confirmed["outcome"])
	require.Equal(t, "succeeded", confirmed["state"])
	require.Equal(t, false, confirmed["replayed"])
	require.Equal(t, preview["operationId"], confirmed["operationId"])
	key := confirmed["keyNumber"].(string)
	licence := family + "/" + key
	require.Equal(t, []string{"GET " + family, "POST " + family + "/order " + job.form, "GET " + licence}, wire())

	again := c.ok(t, job.tool, with(order, "confirm", preview["confirm"]))
	require.Equal(t, true, again["replayed"])
	require.Equal(t, key, again["keyNumber"])
	for _, line := range wire() {
		require.True(t, strings.HasPrefix(line, "GET "), "replayed, yet %s", line)
	}

	got := c.ok(t, "get_license", object{"family": job.family, "keyNumber": key})["license"].(object)
	require.Equal(t, job.order["title"], got["title"])
	require.Equal(t, key, got["keyNumber"])
	require.NotEmpty(t, got["properties"])
	require.Equal(t, []string{"GET " + licence}, wire())

	edited := c.ok(t, "edit_license", object{"family": job.family, "keyNumber": key, "title": "renamed + 1"})
	require.Equal(t, "succeeded", edited["state"])
	comment, _ := job.order["comment"].(string)
	require.Equal(t, []string{"GET " + licence, "PUT " + licence + " " + form("title", "renamed + 1", "comment", comment)}, wire()[:2])

	end := object{"family": job.family, "keyNumber": key, "confirm": ""}
	preview = c.ok(t, "terminate_license", end)
	require.True(t, strings.HasPrefix(preview["confirm"].(string), "terminate "+key+" ["), preview["confirm"])
	require.Equal(t, "renamed + 1", preview["license"].(object)["title"])
	require.Equal(t, []string{"GET " + licence}, wire())
	ended := c.ok(t, "terminate_license", with(end, "confirm", preview["confirm"]))
	require.Equal(t, "succeeded", ended["state"])
	require.Equal(t, []string{"GET " + licence, "DELETE " + licence}, wire())

	after := c.ok(t, "list_licenses", object{"family": job.family})
	require.Equal(t, before["total"], after["total"])
	operations := c.ok(t, "list_operations", object{"family": job.family})["operations"].([]any)
	require.Len(t, operations, 3)
	for i, kind := range []string{"terminate", "edit", "order"} {
		require.Equal(t, kind, operations[i].(object)["kind"])
		require.Equal(t, "succeeded", operations[i].(object)["state"])
	}
	one := c.ok(t, "get_operation", object{"operationId": confirmed["operationId"]})["operation"].(object)
	require.Equal(t, key, one["keyNumber"])
}

func products(versions object) []string {
	var names []string
	for _, v := range versions["versions"].([]any) {
		names = append(names, v.(object)["product"].(string))
	}
	return names
}

// TestConfirmedByManyClientsSendsOnce confirms one phrase from four server
// processes on one ledger, eight times each at once.
func TestConfirmedByManyClientsSendsOnce(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { confirmedByManyClientsSendsOnce(t, filepath.Join(t.TempDir(), "ledger.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { confirmedByManyClientsSendsOnce(t, postgrestest.Schema(t)) })
}

func confirmedByManyClientsSendsOnce(t *testing.T, journal string) {
	api := newAPI(t)
	clients := make([]*client, 4)
	for i := range clients {
		clients[i] = connect(t, eras[i%2], api.variables(t, journal))
	}
	for _, job := range jobs {
		order := with(job.order, "product", job.product)
		preview := clients[0].ok(t, job.tool, order)
		order["confirm"] = preview["confirm"]
		api.take()

		keys := make(chan any, 8*len(clients))
		var group sync.WaitGroup
		for _, c := range clients {
			for range 8 {
				group.Go(func() { keys <- c.ok(t, job.tool, order)["keyNumber"] })
			}
		}
		group.Wait()
		close(keys)
		first := <-keys
		for key := range keys {
			require.Equal(t, first, key)
		}
		var posts []string
		for _, line := range lines(t, api.take()) {
			if !strings.HasPrefix(line, "GET ") && line != "POST /access/token" {
				posts = append(posts, line)
			}
		}
		require.Equal(t, []string{"POST /license/" + job.family + "/order " + job.form}, posts)
	}
}
