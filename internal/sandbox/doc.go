// Package sandbox simulates the WebSoftSolus API over real HTTP, for tests and
// for trying the server out: strict about what it takes, made-up in what it
// holds, and able to answer in every shape and to fail in every way that the
// client has to live with.
//
// [New] makes a [Sandbox], which is an http.Handler. [Sandbox.Start] puts it
// behind a listener of its own, [Run] is the command. [Sandbox.Credentials] are
// what a client logs in with. [Sandbox.Requests] says what arrived,
// [Sandbox.Effects] what it changed, [Sandbox.Licenses] what there is: a test
// compares them with what the client was told.
//
// # What it takes
//
// The API document is followed to the letter. A request passes these checks in
// this order, and the first that fails answers:
//
//   - the path, which is taken as it came (404), and the method (405 with Allow);
//   - "Authorization: Bearer …" with a token of this environment that has not
//     expired (401). Live and test/ share credentials, and neither tokens nor
//     data. A token in the URL is none;
//   - the parameters can be read (400), and a body is declared as
//     application/x-www-form-urlencoded (415) and below 1 MiB (413);
//   - the key number is that of a licence of this family (404). A long Plesk key
//     (PLSK.02980001.0000) is not;
//   - every parameter is one that the request takes, is there once, and has an
//     allowed value (422, naming every field that is at fault). An order is held
//     to schemas.CheckForm by the rules of its product, which has to be in the
//     catalogue.
//
// "Parameters can be passed via the URL", says the document, so the query counts
// as the body does. One parameter in both is refused, since nothing says which
// of them wins. A secret in the query is refused too, although the document does
// not forbid it: a client that does so writes it into every access log.
//
// # What is assumed
//
// The document shows two answers, the token and a list. ASSUMED is all of this:
// the status codes above and the shape of refusals; that a repeated termination
// is a 404; that an order is answered with {"keyNumber":…}, and an edit or a
// termination with {"success":true}; that an order makes a licence at once, which
// is active and has no serverIP where the order names none; the names and values
// of a licence's properties; the names of products; the key numbers of cPanel and
// Virtuozzo; that test takes the same login and secret as live.
//
// # Dialects
//
// A [Dialect] chooses a shape for each of these aspects, e.g.
// "list:object,order:id-only"; [Dialects] lists every choice and the whole sets
// that have a name. The first choice of an aspect is its default.
//
//	list        a list with licences (shapes_read.go)
//	empty       a list without
//	get         a licence's properties
//	versions    the orderable versions
//	order       the answer to an order (shapes_write.go)
//	edit        the answer to an edit
//	terminate   the answer to a termination
//	terminated  a terminated licence is gone (404), unlisted, or listed with that status
//	errors      refusals, also inside a 200 (shapes_error.go)
//	charset     UTF-8, or Latin-1, declared or not
//	content     the Content-Type: declared, text/html as PHP says by itself, or none
//
// # Faults
//
// [Sandbox.Inject] and [ParseFaults] make things go wrong: see [Fault]. Whether a
// fault strikes before or after the effect is the point of most of them: the
// client cannot tell, and [Sandbox.Effects] can. Requests are in the journal
// whether a fault strikes them or not. A late effect hides a licence, or what it
// was changed to, from reads; writes act on what there truly is.
//
// # Data
//
// All licences, names and credentials are made up, and titles say so. Addresses
// are of the ranges kept for documentation. Two sandboxes with one
// [Options.Seed] and one clock hold the same data and, asked one request after
// the other, answer alike, faults included.
package sandbox

//go:generate go test . -run TestEachDialectEmitsWhatItsNameSays -update
