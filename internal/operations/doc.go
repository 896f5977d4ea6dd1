// Package operations holds the life of every write: an order, an edit or a
// termination, from its proposal to its outcome. It keeps the one promise of
// this program: nothing is bought, changed or ended that was not asked for and
// confirmed, and nothing is ever done twice.
//
// Start with [NewService]. An order or a termination takes two calls:
// [Service.ProposeOrder] records what would be sent and returns a phrase that
// says what it does; [Service.ConfirmOrder], with the same arguments and that
// phrase, sends it. [Service.Edit] needs no confirmation, because the previous
// values are kept and can be put back.
//
// # Why nothing is sent twice
//
// An operation is a row of the ledger (a [Store]; [OpenSQLite] opens the one in
// a file, [OpenPostgres] the one in a database that servers on several machines
// share). Before the first byte of a request leaves, the row steps from
// proposed to sending in one committed transaction: the claim. Whatever number
// of goroutines and processes hold the phrase, one claim wins and one request
// is sent; every other caller is given that operation's recorded outcome. A
// request is never repeated, whatever became of it.
//
// # What is known of an outcome
//
// The API's clear yes is succeeded, its clear no is rejected. Anything else is
// unknown, and unknown is found out by looking (reconcile.go), never by sending
// again: new key numbers against the baseline that was read before an order,
// the licence itself for an edit or a termination. What cannot be told stays
// unknown, with the keys that could be it, until a person says so with
// [Service.Resolve]. A process that dies between the claim and the outcome
// leaves sending; after its deadline any process may make that unknown and look,
// one at a time. [Service.Watch] does so for as long as a server runs.
//
// Which step may follow which is the table in transitions.go. Every step is
// kept in a history whose rows are chained by hash (history.go), and
// [Service.Verify] finds a row that was changed or is missing.
//
// # Errors
//
// A [Refusal] says that a write was not done, or that its outcome is unknown,
// in words a person can be shown. A read of the API that fails before anything
// is sent passes through as *websoftsolus.Error.
package operations
