// Package consent decides who confirms an order or a termination, and asks the
// person where the client can.
//
// Start with [Consent]. [Consent.Way] puts the mode of --confirm, the verdict of
// token and policy, and what the client can do together into one of three ways: the phrase of the preview, a question to the person through the client
// (elicitation), or an approval outside the model's reach. docs/consent.md says
// which mode is for whom.
//
// # Asking through the client
//
// One handler serves both eras of the protocol. It proposes the operation and
// returns a [Question]; whoever serves the call asks it, and calls the handler
// again with the same arguments and the [Answer] in the context ([With]). From
// 2026-07-28 on the client does so by itself, with the question's sealed state;
// an older client is asked while its call waits ([Consent.Ask]).
//
// The state names the operation and is sealed to the caller, the tool, its
// arguments and a time (seal.go). It holds nothing else: what counts is in the
// ledger, which lets an operation be claimed once.
//
// Text of others stands in lines of its own in a question, never in our
// sentences (lines.go, plain.go).
package consent
