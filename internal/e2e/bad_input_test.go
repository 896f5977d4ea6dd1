package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// valid holds one right call of each tool. Every row of the table below breaks
// one thing in it.
func valid(key string) map[string]object {
	return map[string]object{
		"list_licenses":           {"family": "plesk", "query": "web", "details": false, "limit": 5, "cursor": ""},
		"get_license":             {"family": "plesk", "keyNumber": key},
		"list_orderable_versions": {"family": "plesk"},
		"order_plesk10_license": {"product": "PLESK_10_AND_LATER_UNLIMITED_DOMAINS", "title": "t", "comment": "c", "period": "1", "os": "LINUX",
			"WPBSites": "0", "applications": "0", "CBMClients": "0", "languagePack": "0", "antivirus": "0", "confirm": ""},
		"order_plesk12_license": {"product": "PLESK_12_WEB_HOST", "title": "t", "comment": "c", "period": "1",
			"WPBSites": "0", "WPBOptions": "0", "applications": "0", "languagePack": "0", "antivirus": "0", "confirm": ""},
		"order_cpanel_license": {"product": "CPANEL_WHM_VPS", "title": "t", "comment": "c", "period": "1", "serverIP": "192.0.2.1",
			"addons": []any{"CLOUDLINUX"}, "confirm": ""},
		"order_virtuozzo_license": {"product": "VIRTUOZZO_CONTAINERS_4", "title": "t", "comment": "c", "period": "1", "os": "LINUX", "confirm": ""},
		"edit_license":            {"family": "plesk", "keyNumber": key, "title": "t", "comment": "c"},
		"terminate_license":       {"family": "plesk", "keyNumber": key, "confirm": ""},
		"get_operation":           {"operationId": "op_00000000000000000000000000"},
		"list_operations":         {"state": "succeeded", "kind": "order", "family": "plesk", "limit": 5, "cursor": ""},
	}
}

// required are the fields that a tool cannot do without (design of the tools).
var required = map[string][]string{
	"get_license":             {"family", "keyNumber"},
	"list_orderable_versions": {"family"},
	"order_plesk10_license":   {"product", "title", "period", "os", "confirm"},
	"order_plesk12_license":   {"product", "title", "period", "confirm"},
	"order_cpanel_license":    {"product", "title", "period", "serverIP", "confirm"},
	"order_virtuozzo_license": {"product", "title", "period", "os", "confirm"},
	"edit_license":            {"family", "keyNumber"},
	"terminate_license":       {"family", "keyNumber", "confirm"},
	"get_operation":           {"operationId"},
}

// undone is what a refusal of a writing tool must say.
func undone(tool string) string {
	switch {
	case strings.HasPrefix(tool, "order_"):
		return "nothing was ordered"
	case tool == "edit_license":
		return "the licence was not changed"
	case tool == "terminate_license":
		return "the licence was not terminated"
	}
	return ""
}

// TestBadInputIsNamedAndNothingIsSent breaks every field of every tool in every
// way, and holds each answer to naming the field, and the wire to silence.
func TestBadInputIsNamedAndNothingIsSent(t *testing.T) {
	api := newAPI(t)
	c := connect(t, eras[0], api.variables(t, filepath.Join(t.TempDir(), "ledger.db")))
	key := firstKey(t, c, "plesk")
	api.take()

	refuse := func(tool string, args object, field string) {
		t.Helper()
		failure := c.refused(t, tool, args)
		require.Equal(t, "invalid_input", failure["code"], "%s %v: %v", tool, args, failure)
		require.Equal(t, "not_done", failure["outcome"])
		require.Equal(t, "after_change", failure["retry"])
		require.Contains(t, failure["message"], undone(tool))
		fields := []any{}
		for _, p := range failure["problems"].([]any) {
			problem := p.(object)
			require.NotEmpty(t, problem["message"])
			fields = append(fields, problem["field"])
		}
		require.Contains(t, fields, field, "%s %v: %v", tool, args, failure)
		require.Empty(t, api.take(), "%s %v sent a request", tool, args)
	}

	for tool, args := range valid(key) {
		for _, field := range required[tool] {
			missing := with(args, field, nil)
			delete(missing, field)
			refuse(tool, missing, field)
		}
		refuse(tool, with(args, "surprise", "1"), "surprise")
		for field, value := range args {
			refuse(tool, with(args, field, nil), field)
			refuse(tool, with(args, field, object{"a": 1}), field)
			if _, text := value.(string); text {
				refuse(tool, with(args, field, 12), field)
				refuse(tool, with(args, field, []any{"1"}), field)
				refuse(tool, with(args, field, strings.Repeat("x", 5000)), field)
			} else {
				refuse(tool, with(args, field, "1"), field)
			}
			if slices.Contains([]string{"family", "period", "os", "WPBSites", "WPBOptions", "applications", "CBMClients", "languagePack", "antivirus", "state", "kind", "serverIP", "operationId"}, field) {
				refuse(tool, with(args, field, "wrong"), field)
			}
			if field == "keyNumber" {
				for _, wrong := range []string{"", "order", "ORDER", "../x", "a/b", `a\b`, "a?b", "a#b", "a%2fb", "..", ".", "a b", "a\nb"} {
					refuse(tool, with(args, field, wrong), field)
				}
			}
			if field == "title" || field == "product" {
				refuse(tool, with(args, field, ""), field)
				refuse(tool, with(args, field, "a\x00b"), field)
			}
		}
	}
	refuse("edit_license", object{"family": "plesk", "keyNumber": key}, "title")
	refuse("list_licenses", object{"limit": 0}, "limit")
	refuse("list_licenses", object{"limit": 100000}, "limit")
	refuse("list_licenses", object{"cursor": "made up"}, "cursor")
	refuse("order_cpanel_license", with(valid(key)["order_cpanel_license"], "addons", []any{"CLOUDLINUX", "NONE_SUCH"}), "addons[1]")
	refuse("order_cpanel_license", with(valid(key)["order_cpanel_license"], "addons", []any{"CLOUDLINUX", "CLOUDLINUX"}), "addons[1]")
	refuse("order_plesk12_license", with(valid(key)["order_plesk12_license"], "product", "PLESK_10_AND_LATER_UNLIMITED_DOMAINS"), "product")
	refuse("order_plesk10_license", with(valid(key)["order_plesk10_license"], "product", "PLESK_12_WEB_HOST"), "product")

	failure := c.refused(t, "order_plesk12_license", with(with(valid(key)["order_plesk12_license"], "CBMClients", "UNLIMITED"), "period", "13"))
	require.Len(t, failure["problems"], 2, "every problem at once")
	require.Contains(t, failure["message"], "order_plesk10_license", "names the tool that takes the option")
	require.Empty(t, api.take())
}

// TestPhrasesThatDoNotConfirm tries every phrase that must not work.
func TestPhrasesThatDoNotConfirm(t *testing.T) {
	api := newAPI(t)
	c := connect(t, eras[1], api.variables(t, filepath.Join(t.TempDir(), "ledger.db")))
	order := valid("")["order_plesk12_license"]
	mine := c.ok(t, "order_plesk12_license", order)["confirm"]
	other := c.ok(t, "order_virtuozzo_license", valid("")["order_virtuozzo_license"])["confirm"]
	api.take()

	for name, row := range map[string]struct {
		args object
		code string
	}{
		"made up":                    {with(order, "confirm", "order PLESK_12_WEB_HOST for 1 month [AAAA-AAAA]"), "confirm_unknown"},
		"only the code":              {with(order, "confirm", strings.Trim(mine.(string)[strings.Index(mine.(string), "["):], "[]")), "confirm_unknown"},
		"yes":                        {with(order, "confirm", "yes"), "confirm_unknown"},
		"of another operation":       {with(order, "confirm", other), "confirm_mismatch"},
		"with another title":         {with(with(order, "title", "u"), "confirm", mine), "confirm_mismatch"},
		"with another period":        {with(with(order, "period", "12"), "confirm", mine), "confirm_mismatch"},
		"with another option":        {with(with(order, "antivirus", "PREMIUM_ANTIVIRUS"), "confirm", mine), "confirm_mismatch"},
		"with another comment":       {with(with(order, "comment", ""), "confirm", mine), "confirm_mismatch"},
		"words changed, code intact": {with(order, "confirm", strings.Replace(mine.(string), "1 month", "36 months", 1)), "confirm_unknown"},
	} {
		failure := c.refused(t, "order_plesk12_license", row.args)
		require.Equal(t, row.code, failure["code"], "%s: %v", name, failure)
		require.Contains(t, failure["message"], "nothing was ordered", name)
		require.Equal(t, "not_done", failure["outcome"], name)
		for _, line := range lines(t, api.take()) {
			require.True(t, strings.HasPrefix(line, "GET "), "%s: %s", name, line)
		}
	}
	require.Equal(t, "done", c.ok(t, "order_plesk12_license", with(order, "confirm", mine))["outcome"], "the right phrase still works")
}

func firstKey(t *testing.T, c *client, family string) string {
	t.Helper()
	listed := c.ok(t, "list_licenses", object{"family": family})["licenses"].([]any)
	require.NotEmpty(t, listed)
	return listed[0].(object)["keyNumber"].(string)
}
