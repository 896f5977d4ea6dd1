package operations

// crashPoint names a moment at which a process may die. The service and the
// ledger call their crash hook at each, so that a test can end the process
// there and see that whoever opens the ledger next comes to the truth. Outside
// of tests the hook does nothing.
type crashPoint string

const (
	crashBeforeTransaction crashPoint = "before a ledger transaction"
	crashBeforeCommit      crashPoint = "before a ledger commit"
	crashAfterCommit       crashPoint = "after a ledger commit"
	crashBeforeClaim       crashPoint = "read what must be read, before the claim"
	crashAfterClaim        crashPoint = "claimed, before the request"
	crashAfterAnswer       crashPoint = "answered, before the outcome is recorded"
	crashAfterOutcome      crashPoint = "outcome recorded, before anybody is told"
	crashBeforeLook        crashPoint = "outcome unknown, before looking"
	crashAfterLook         crashPoint = "looked, before the finding is recorded"
)

// crashPoints lists them in the order in which an operation meets them.
var crashPoints = []crashPoint{
	crashBeforeTransaction, crashBeforeCommit, crashAfterCommit,
	crashBeforeClaim, crashAfterClaim, crashAfterAnswer, crashAfterOutcome,
	crashBeforeLook, crashAfterLook,
}

func survive(crashPoint) {}
