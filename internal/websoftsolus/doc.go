// Package websoftsolus is a client of the WebSoftSolus REST API: the access
// token, licences, orders, and the errors of all of them. It knows nothing of
// MCP.
//
//	client := &websoftsolus.Client{BaseURL: "https://api.websoftsolus.com/", Login: login, Secret: secret}
//	keys, err := client.ListKeys(ctx, websoftsolus.Plesk)
//
// A token is fetched when the first call needs one, shared by all, and renewed
// before it expires. For the test environment the base URL ends in "test/"; a
// client has one base URL, so live and test tokens never mix.
//
// # Reads and writes
//
// Reads ([Client.ListKeys], [Client.GetLicense], [Client.OrderableVersions]) are
// tried up to four times on what may pass: a broken connection, 429, 502, 503,
// 504. Pauses grow and are drawn by chance; Retry-After is honoured up to 30
// seconds, and a longer one is the caller's to wait.
//
// Writes ([Client.Order], [Client.Edit], [Client.Terminate]) are sent once. No
// redirect is followed, and net/http is given nothing that it could send a
// second time. A write that fails says in [Error.Outcome] whether it certainly
// had no effect or may have had one; the latter has to be found out by reading.
// A yes is one only if the answer clearly says so, and in doubt the outcome is
// Unknown: a yes that was none would hide a failed order, a no that was none
// would have it ordered twice.
//
// # Answers
//
// The API's document shows two answers and leaves every other shape open, so the
// decoders (decode_*.go) take all that similar APIs use; docs/api.md lists them.
// What is recognised goes into named fields, and the whole answer is kept as it
// came. What is not recognised is an error, never an empty result: a key that
// was left out of a list would later look like a new one.
//
// A list that says that there is more, or holds what is no key, is an error too.
//
// Every error is an *[Error]. None holds a secret or a token: where an answer
// repeats one, it is blotted out before anything is read.
package websoftsolus
