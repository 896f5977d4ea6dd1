package websoftsolus

import (
	"bytes"
	"errors"
	"net/http"
	"path"
	"strings"
)

// decodeReceipt reads the 2xx answer to a write. A yes is what the API document
// leaves room for: nothing at all, {"success":true}, 1, true, a text, and for an
// order the key, an order's number, pending, or a Location. An error inside is
// a no. An answer that says yes and no, or nothing that is known, is an error
// whose outcome is unknown.
func decodeReceipt(op string, a *answer, order bool) (*Receipt, error) {
	receipt := &Receipt{Status: a.status, Digest: a.digest}
	unreadable := func(why string) error {
		return &Error{Op: op, Kind: Unreadable, Outcome: Unknown, Status: a.status, Digest: a.digest, Err: errors.New(why)}
	}
	if order {
		receipt.KeyNumber = keyOfLocation(a.header.Get("Location"))
	}
	body := bytes.TrimSpace(a.body)
	if a.status == http.StatusPartialContent || a.status == http.StatusResetContent {
		return nil, unreadable("the answer is not whole")
	}
	if len(body) == 0 {
		return receipt, nil
	}
	if isHTML(body) {
		return nil, unreadable("the answer is an HTML page: " + htmlText(body))
	}
	value, err := decodeJSON(body)
	if err != nil {
		return plainReceipt(receipt, body, order, unreadable)
	}
	return jsonReceipt(op, receipt, value, order, unreadable)
}

// plainReceipt reads an answer that is no JSON. What begins like JSON broke off.
func plainReceipt(receipt *Receipt, body []byte, order bool, unreadable func(string) error) (*Receipt, error) {
	text := string(body)
	if strings.ContainsAny(text[:1], `{["<`) {
		return nil, unreadable("the answer cannot be read")
	}
	lower := strings.ToLower(text)
	for _, no := range []string{"error", "fail", "denied", "invalid", "refused", "not found", "exception", "warning"} {
		if strings.Contains(lower, no) {
			return nil, unreadable("the answer is a text that may be an error: " + message(text))
		}
	}
	if order && looksLikeKey(text) {
		receipt.KeyNumber = text
		return receipt, nil
	}
	receipt.Message = message(text)
	receipt.Pending = pending(text)
	return receipt, nil
}

func jsonReceipt(op string, receipt *Receipt, value any, order bool, unreadable func(string) error) (*Receipt, error) {
	if array, ok := value.([]any); ok && len(array) == 1 {
		value = array[0]
	}
	switch v := value.(type) {
	case object:
		return objectReceipt(op, receipt, v, order, unreadable)
	case []any:
		if len(v) == 0 {
			return receipt, nil // PHP's empty answer
		}
		return nil, unreadable("the answer is a list of several things")
	case nil:
		return receipt, nil
	case bool:
		if !v {
			return nil, &Error{Op: op, Kind: Rejected, Outcome: NotDone, Status: receipt.Status, Digest: receipt.Digest, Message: "false"}
		}
		return receipt, nil
	case string:
		if strings.TrimSpace(v) == "" {
			return receipt, nil
		}
		return plainReceipt(receipt, []byte(strings.TrimSpace(v)), order, unreadable)
	}
	number := scalar(value)
	if number == "0" {
		return nil, &Error{Op: op, Kind: Rejected, Outcome: NotDone, Status: receipt.Status, Digest: receipt.Digest, Message: "0"}
	}
	if order && number != "1" {
		receipt.OrderID = number
	}
	return receipt, nil
}

func objectReceipt(op string, receipt *Receipt, members object, order bool, unreadable func(string) error) (*Receipt, error) {
	inner := members
	for range maxDepth {
		next, ok := unwrap(inner)
		if array, isArray := next.([]any); isArray && len(array) == 1 {
			next = array[0]
		}
		nextObject, isObject := next.(object)
		if !ok || !isObject || anyScalar(inner, "keyNumber") {
			break
		}
		inner = nextObject
	}
	if order {
		if key := scalarKey(inner.get(recognised["keyNumber"]...)); key != "" {
			receipt.KeyNumber = key
		} else if key := scalarKey(members.get(recognised["keyNumber"]...)); key != "" {
			receipt.KeyNumber = key
		}
		receipt.OrderID = scalarKey(inner.get(recognised["orderID"]...))
	}
	failed := errorInside(members)
	if failed == nil {
		failed = errorInside(inner)
	}
	if failed != nil {
		if receipt.KeyNumber != "" || receipt.OrderID != "" {
			return nil, unreadable("the answer names a licence or an order and an error: " + failed.Message)
		}
		failed.Op, failed.Status, failed.Digest = op, receipt.Status, receipt.Digest
		return nil, failed
	}
	state := scalar(inner.get("status", "state"))
	receipt.Pending = pending(state)
	receipt.Message, _ = errorWords(object{{"message", inner.get("message", "msg", "description")}})
	known := receipt.KeyNumber != "" || receipt.OrderID != "" || receipt.Pending || len(members) == 0 ||
		truthy(members.get("success")) || truthy(members.get("result")) || truthy(members.get("status")) || truthy(inner.get("status")) ||
		receipt.Message != "" || !order && anyScalar(inner, "keyNumber", "title", "comment")
	if !known {
		return nil, unreadable("the answer says neither yes nor no")
	}
	return receipt, nil
}

func pending(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{"pending", "incomplete", "waiting", "awaiting", "unpaid", "processing", "queued"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// keyOfLocation is the last segment of a new licence's address, if it can be a
// key.
func keyOfLocation(location string) string {
	if location == "" {
		return ""
	}
	last := path.Base(location)
	if CheckKeyNumber(last) != nil {
		return ""
	}
	return last
}

// looksLikeKey tells a key from a sentence: one word with a digit in it.
func looksLikeKey(text string) bool {
	return CheckKeyNumber(text) == nil && strings.ContainsAny(text, "0123456789") && text != "1" && len(text) >= 4
}
