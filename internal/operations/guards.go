package operations

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Guards stand between a wish and a request. The store checks them when an
// operation is proposed and again in the transaction that claims it, because
// between the two anything may have happened.

// guardWindow is how far back the guards look: identical orders within it must
// be acknowledged, and the daily caps count what was claimed within it. It
// rolls; it is not a calendar day.
const guardWindow = 24 * time.Hour

// endedWindow is how long a licence that was terminated cannot be terminated
// again, however long the API goes on showing it.
const endedWindow = time.Hour

// guard names what stands in the way.
type guard string

const (
	identicalOpen guard = "identical order without an outcome"
	identicalDone guard = "identical order not acknowledged"
	notIdentical  guard = "acknowledged operation is not an identical order"
	licenceBusy   guard = "another write to the licence"
	alreadyEnded  guard = "the licence was terminated already"
	capReached    guard = "daily cap"
	// ruleCapReached is a cap of the policy's rule.
	ruleCapReached guard = "cap of the policy's rule"
	// callerCapReached is a cap of the caller's token.
	callerCapReached guard = "daily cap of the caller"
)

// Blocked is a guard that stands in the way of a proposal or a claim.
type Blocked struct {
	guard guard
	Other *Operation // the operation in the way; nil for a cap
	Limit int        // the cap
	// reason says which cap of which rule; of ruleCapReached alone.
	reason string
}

func (e *Blocked) Error() string {
	if e.Other != nil {
		return fmt.Sprintf("blocked by %s: %s", e.Other.ID, e.guard)
	}
	return "blocked: " + string(e.guard)
}

// refusal puts a guard into words, for the caller of the call under the context.
// Of another caller's operation it says no more than that there is one.
func (e *Blocked) refusal(ctx context.Context, o *Operation) *Refusal {
	if e.Other != nil && !visible(ctx, e.Other) {
		return e.foreign(o)
	}
	switch e.guard {
	case identicalOpen:
		return refuse(o.Kind, CodeInProgress, RetryAfterChange,
			fmt.Sprintf("the identical order %s is %s, so its outcome is not known yet", e.Other.ID, stateWords[e.Other.State]),
			nextGetOperation(e.Other.ID)).about(e.Other).because(e)
	case identicalDone:
		return refuse(o.Kind, CodeDuplicate, RetryAfterChange,
			fmt.Sprintf("the identical order %s succeeded at %s%s", e.Other.ID, e.Other.ClaimedAt.Format(time.RFC3339), keyWords(e.Other)),
			fmt.Sprintf("ask the person whether they want another one; only then call again with duplicateOf %q", e.Other.ID)).about(e.Other).because(e)
	case notIdentical:
		return refuse(o.Kind, CodeDuplicate, RetryAfterChange,
			fmt.Sprintf("duplicateOf %q is not an identical order that succeeded here", o.DuplicateOf),
			"leave duplicateOf out unless a refusal named it").because(e)
	case alreadyEnded:
		return refuse(o.Kind, CodeDuplicate, RetryNever,
			fmt.Sprintf("%s terminated it already, at %s; the API may show it a while longer", e.Other.ID, e.Other.SettledAt.Format(time.RFC3339)),
			"nothing is left to do").about(e.Other).because(e)
	case licenceBusy:
		return refuse(o.Kind, CodeInProgress, RetryAfterChange,
			fmt.Sprintf("the %s %s of the same licence is %s", deed(e.Other.Kind), e.Other.ID, stateWords[e.Other.State]),
			nextGetOperation(e.Other.ID)).about(e.Other).because(e)
	case ruleCapReached:
		return refuse(o.Kind, CodeCapReached, RetryAfterChange,
			"the policy's cap of "+e.reason+" is reached",
			"tell the person; they can wait, or change the policy").because(e)
	case callerCapReached:
		return refuse(o.Kind, CodeCapReached, RetryAfterChange,
			fmt.Sprintf("this caller's cap of %d %ss in 24 hours is reached", e.Limit, deed(o.Kind)),
			"tell the person; they can wait, or ask whoever runs the server for a higher cap of their token").because(e)
	default:
		flag := "--max-orders-per-day"
		if o.Kind == Terminate {
			flag = "--max-terminations-per-day"
		}
		return refuse(o.Kind, CodeCapReached, RetryAfterChange,
			fmt.Sprintf("the cap of %d %ss in 24 hours is reached", e.Limit, deed(o.Kind)),
			fmt.Sprintf("tell the person; they can wait, or restart the server with a higher %s", flag)).because(e)
	}
}

// foreign is refusal where another caller's operation stands in the way.
func (e *Blocked) foreign(o *Operation) *Refusal {
	switch e.guard {
	case identicalOpen:
		return refuse(o.Kind, CodeInProgress, RetryAfterChange, "another caller's identical order has no known outcome yet",
			"wait until it has; do not repeat the write meanwhile").because(e)
	case identicalDone:
		return refuse(o.Kind, CodeDuplicate, RetryAfterChange, "another caller's identical order succeeded in the last 24 hours",
			"tell the person; a caller who may see it can acknowledge it, and a different title makes it another order").because(e)
	case alreadyEnded:
		return refuse(o.Kind, CodeDuplicate, RetryNever, "another caller terminated it already; the API may show it a while longer",
			"nothing is left to do").because(e)
	default:
		return refuse(o.Kind, CodeInProgress, RetryAfterChange, "another caller's write to the same licence has no known outcome yet",
			"wait until it has; do not repeat the write meanwhile").because(e)
	}
}

var stateWords = map[State]string{
	Proposed:   "proposed",
	Sending:    "being sent",
	Succeeded:  "done",
	Rejected:   "rejected",
	Unknown:    "of unknown outcome",
	NotApplied: "known not to have taken effect",
	Declined:   "declined",
	Expired:    "expired",
}

func keyWords(o *Operation) string {
	if o.KeyNumber == "" {
		return ""
	}
	return " with key number " + untrusted.Name(o.KeyNumber, maxQuoted)
}

func nextGetOperation(id string) string {
	return fmt.Sprintf("call get_operation with %s until its outcome is known; do not repeat the write meanwhile", id)
}

// orderWarnings are what a preview should point out about an order's options.
// None of it is refused: the API document forbids none of it.
func orderWarnings(r OrderRequest) []string {
	var warnings []string
	if formValue(r.Form, "WPBOptions") == "MLS_SUPPORT" && formValue(r.Form, "WPBSites") == "0" {
		warnings = append(warnings, "WPBOptions MLS_SUPPORT is ordered with WPBSites 0: multi-language support for no sites")
	}
	var installers []string
	for _, addon := range formValues(r.Form, "addons") {
		switch addon {
		case "FANTASTICO", "INSTALLATRON", "SOFTACULOUS":
			installers = append(installers, addon)
		}
	}
	if len(installers) > 1 {
		slices.Sort(installers)
		warnings = append(warnings, fmt.Sprintf("%s do the same job; one of them is usually enough", strings.Join(installers, " and ")))
	}
	return warnings
}

// serverWarning points out that a server already has, or may have, a licence
// that this server ordered.
func serverWarning(ctx context.Context, serverIP string, earlier []Operation) string {
	if len(earlier) == 0 {
		return ""
	}
	o := earlier[0]
	if !visible(ctx, &o) {
		return fmt.Sprintf("another caller made an order for server %s before", serverIP)
	}
	return fmt.Sprintf("an order for server %s was made before: %s, %s%s", serverIP, o.ID, stateWords[o.State], keyWords(&o))
}

// terminationWarnings are what a preview should point out about a licence.
func terminationWarnings(asked string, l *websoftsolus.License) []string {
	var warnings []string
	if l.NamedKey != "" && canonicalKey(l.NamedKey) != canonicalKey(l.KeyNumber) {
		warnings = append(warnings, fmt.Sprintf("asked for %s, the API answered with the licence %s", untrusted.Name(l.KeyNumber, maxQuoted), untrusted.Name(l.NamedKey, maxQuoted)))
	}
	if l.KeyNumber != asked {
		warnings = append(warnings, fmt.Sprintf("the licence answers to %s, not to %s as written", untrusted.Name(l.KeyNumber, maxQuoted), untrusted.Name(asked, maxQuoted)))
	}
	if ended(l.Status) {
		warnings = append(warnings, fmt.Sprintf("the licence's status is already %s", untrusted.Name(l.Status, maxQuoted)))
	}
	return warnings
}
