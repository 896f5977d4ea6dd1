// Package inventory reads the licences of a reseller at scale: the keys of some
// families, the properties of all or some of them, and what can be said of them
// together. It knows nothing of MCP, of the command line or of a database; the
// tools, the resources and the command "licenses" read through it.
//
// Start with [Reader]. Its List asks for the key numbers of some families, one
// request each. Details reads the properties of entries, a bounded number at a
// time; Read does both. Each does the same for one entry after the other and
// keeps none, for an export. Get reads a single licence.
//
// What it promises:
//
//   - Nothing that could not be read is left out unseen. It is named in
//     Inventory.Unread, and an inventory with one such is Partial: what is
//     missing from it is not gone.
//   - A read that fails is tried again, since a read changes nothing. An API that
//     fails every time is not asked thousands of times.
//   - Who cancels the context stops the requests. A deadline ([Reader.WithDeadline])
//     stops them too, but what was read until then is returned.
//   - Properties are kept for a minute (cache.go) and dropped when this process
//     writes the licence ([Reader.Forgetting]). Callers who want the same licence
//     at one time share one request.
//   - Licences stand in one order ([Compare]) that depends on nothing but
//     themselves, so a page that begins after a licence ([After]) stays right
//     while others come and go.
//
// A *websoftsolus.License that it returns is shared and must not be changed.
package inventory
