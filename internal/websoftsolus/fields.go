package websoftsolus

// recognised is the one table of field names: what an answer may call each
// common field. Letter case and underscores do not count; earlier names win.
var recognised = map[string][]string{
	"keyNumber": {"keyNumber", "key_number", "key", "license", "licence", "licenseKey", "license_number", "licenseNumber"},
	"title":     {"title", "name", "label"},
	"comment":   {"comment", "note", "description"},
	"product":   {"product", "version", "type"},
	"status":    {"status", "state"},
	"period":    {"period"},
	"serverIP":  {"serverIP", "server_ip", "ip", "ip_address"},
	"orderedAt": {"orderDate", "order_date", "created", "creation", "createdAt", "creationDate", "orderedAt"},
	"expiresAt": {"expirationDate", "expires", "expiry", "renewDate", "expiresAt", "expiration"},
	"orderID":   {"orderId", "order_id", "order", "orderNumber", "id"},
	"versions":  {"product", "version", "name", "id", "title"},
}

// wrappers are names of objects and arrays that hold the answer proper.
var wrappers = []string{"data", "licenses", "licences", "license", "licence", "results", "result", "items", "list", "keys", "response",
	"orderableVersions", "versions", "products", "properties", "order"}

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
