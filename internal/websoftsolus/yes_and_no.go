package websoftsolus

import (
	"strconv"
	"strings"
)

// Which words are a yes, a no, or neither. A sentence is matched whole: "the
// licence was terminated" is a yes, and "the licence must be active to be
// terminated" is not.

var (
	saysYes = compiled(`(?i)^(ok|okay|yes|true|1|done|success|successful|successfully|succeeded` +
		`|((the|your) )?((licen[cs]e|order|key|request|changes?|title|comment)( [\w.:-]*\d[\w.:-]*)? )?((has|have) been |was |were |is )?(successfully )?` +
		`(updated|edited|changed|modified|saved|terminated|cancell?ed|deleted|removed|created|ordered|placed|accepted|registered|processed|completed?)( successfully)?)[.!]*$`)

	saysPending = compiled(`(?i)^((the|your) )?((licen[cs]e|order|key|request) )?(is )?(now )?` +
		`(pending|incomplete|awaiting|waiting|queued|unpaid|processing|in progress)( for)?( payment| approval| validation| activation| processing)?[.!]*$`)

	// A status is a word or two, as pending_payment.
	startsPending = compiled(`(?i)^(pending|incomplete|await|waiting|queued|unpaid|processing|in[ _-]?progress)`)

	saysNo = compiled(`(?i)\b(not|no|cannot|can't|could ?n[o']t|unable|error|fail\w*|denied|declin\w*|refus\w*|reject\w*|invalid|forbidden|unauthori[sz]ed|insufficient|missing|unknown|exception|expired|suspended|cancell?ed|abort\w*)\b`)

	looksLikeErrorCode = compiled(`(?i)^(e|err|error|http|code|status|exception|fault|fail\w*|denied|invalid)[._:-]?\d|_`)
)

// yesStates are the one-word states that are a yes: to an order, and to any other
// write.
var yesStates = map[bool]map[string]bool{
	true:  states("active created ordered"),
	false: states("active updated saved terminated cancelled canceled deleted removed ended"),
}

func states(own string) map[string]bool {
	all := map[string]bool{}
	for _, state := range strings.Fields("ok okay success succeeded successful done complete completed accepted true yes 1 200 201 202 204 " + own) {
		all[state] = true
	}
	return all
}

// looksLikeKey tells a key from a word: what may stand in a path and has a digit
// in it, as PLSK.02980001, L1234567 and an address have.
func looksLikeKey(text string) bool {
	return CheckKeyNumber(text) == nil && strings.ContainsAny(text, "0123456789") && len(text) >= 4
}

// looksLikeID tells an order's number from a word and from 0.
func looksLikeID(text string) bool {
	return CheckKeyNumber(text) == nil && strings.ContainsAny(text, "123456789") && !strings.HasPrefix(text, "-")
}

// isNumber tells a whole number above 1: 1 alone is a yes.
func isNumber(text string) bool {
	return strings.Trim(text, "0123456789") == "" && strings.TrimLeft(text, "0") != "" && text != "1"
}

// isHTTPError tells a status that an API may write into its answer.
func isHTTPError(text string) bool {
	status, err := strconv.Atoi(text)
	return err == nil && status >= 400 && status < 600
}
