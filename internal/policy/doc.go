// Package policy decides which writes may be made, and who has to agree to
// them, by the rules of a file that a person wrote (--policy).
//
// [Load] reads the file and says everything that is wrong with it at once, each
// problem with its line and column. [Policy.Decide] takes one write, a
// [Request], and returns a [Decision]: the effect, the caps, and the rule that
// decided. [Strictest] joins that with what the flags and the caller's token
// allow. All of it is free of time, network and ledger; the caps are counted by
// internal/operations, in the transaction that claims an operation.
//
// # Rules
//
// Rules are tried in the order of the file and the first that matches decides.
// A rule matches when each thing that it names matches; what it does not name
// matches anything. Where no rule matches, the file's default decides.
//
// # What is not known
//
// The API does not always say which product a licence is, so a termination or an
// edit may have no product or period to match. A rule that names what is not
// known may match or not. It is then taken both ways, and the strictest of the
// possible decisions holds: what is not known never opens a door.
package policy
