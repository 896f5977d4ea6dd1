package websoftsolus

import "slices"

// recognised is the one table of field names: what an answer may call each
// common field. Letter case, underscores and dashes do not count; earlier names
// win.
var recognised = map[string][]string{
	"keyNumber": {"keyNumber", "key", "license", "licence", "licenseKey", "licenseNumber"},
	"title":     {"title", "name", "label"},
	"comment":   {"comment", "note", "description"},
	"product":   {"product", "version", "type"},
	"status":    {"status", "state"},
	"period":    {"period"},
	"serverIP":  {"serverIP", "ip", "ipAddress"},
	"orderedAt": {"orderDate", "created", "creation", "createdAt", "creationDate", "orderedAt"},
	"expiresAt": {"expirationDate", "expires", "expiry", "renewDate", "expiresAt", "expiration"},
	"orderID":   {"orderId", "order", "orderNumber", "id"},
	"version":   {"product", "version", "name", "id", "title"},
	"label":     {"label", "title", "name", "description", "version"},

	// What an answer may call its own words.
	"message": {"message", "msg", "description", "detail"},
	// What an answer may call the number of everything that there is.
	"total": {"total", "count", "totalCount", "totalItems", "totalResults", "totalRecords", "recordsTotal"},
	"pages": {"pages", "totalPages", "pageCount", "lastPage"},
	"more":  {"next", "nextPage", "nextCursor", "nextPageToken", "hasMore", "hasNext", "more"},
}

var (
	// wrappers are names of objects and arrays that hold the answer proper.
	wrappers = []string{"data", "licenses", "licences", "license", "licence", "results", "result", "items", "list", "keys", "response",
		"orderableVersions", "versions", "products", "properties", "order"}
	// abouts are names of objects that speak of the answer and hold none of it.
	abouts = []string{"meta", "metadata", "links", "pagination", "paging"}
	// envelope are names of scalars beside an answer in one object.
	envelope = []string{"success", "status", "state", "result", "code", "message", "msg", "error", "errors"}
	// complaints are names under which an answer says what went wrong.
	complaints = []string{"error", "errors", "errorMessage", "fault", "faultstring", "exception", "warning", "warnings", "message", "messages"}
)

// named says whether a name is one of those, letter case and the like aside.
func named(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return alike(n, name) })
}

// unwrap returns what the one wrapping object holds, if the value is one: an
// object with a single member that is an array or object, or with one under a
// known wrapper's name.
func unwrap(value any) (any, bool) {
	members, ok := value.(object)
	if !ok {
		return value, false
	}
	if inner := members.only(); isContainer(inner) {
		return inner, true
	}
	for _, name := range wrappers {
		if inner := members.get(name); isContainer(inner) {
			return inner, true
		}
	}
	return value, false
}

func isContainer(value any) bool {
	switch value.(type) {
	case []any, object:
		return true
	}
	return false
}
