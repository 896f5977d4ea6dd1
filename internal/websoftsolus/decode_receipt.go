package websoftsolus

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// The answer to a write is a yes only if it clearly says so, and a no only if it
// says nothing else. Everything between is unreadable, its outcome unknown: the
// caller then looks what became of it. So a shape that is missing here costs a
// look, while one taken for the wrong answer costs an order.

// reading is what the parts of an answer say, each by itself.
type reading struct {
	yes     bool // it says that it was done
	pending bool // it says that it was taken and is not done
	no      *Error
	doubt   string // why it cannot be a yes although it looks like one
	key     string
	orderID string
	message string
}

// decodeReceipt reads the 2xx answer to a write. A yes is what the API document
// leaves room for: nothing at all, {"success":true}, 1, true, a text that says
// so, and for an order the key, an order's number, pending, or a Location. An
// error inside is a no.
func decodeReceipt(op string, a *answer, order bool) (*Receipt, error) {
	r := read2xx(a, order)
	switch {
	case r.no != nil && (r.yes || r.pending || r.key != "" || r.orderID != ""):
		return nil, unreadableReceipt(op, a, "the answer says both yes and no: "+r.no.Message)
	case r.no != nil:
		r.no.Op, r.no.Status, r.no.Digest = op, a.status, a.digest
		return nil, r.no
	case r.doubt != "":
		return nil, unreadableReceipt(op, a, r.doubt)
	case !r.yes && !r.pending && r.key == "" && r.orderID == "":
		return nil, unreadableReceipt(op, a, "the answer says neither yes nor no: "+r.message)
	}
	return &Receipt{Status: a.status, Digest: a.digest, KeyNumber: r.key, OrderID: r.orderID, Pending: r.pending, Message: r.message}, nil
}

func unreadableReceipt(op string, a *answer, why string) *Error {
	return &Error{Op: op, Kind: Unreadable, Outcome: Unknown, Status: a.status, Digest: a.digest, Err: errors.New(strings.TrimSuffix(why, ": "))}
}

func read2xx(a *answer, order bool) reading {
	body := bytes.TrimSpace(a.body)
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNonAuthoritativeInfo, http.StatusNoContent:
	default: // 206 is a part, 207 is several answers
		return reading{doubt: "a status that is no answer to this"}
	}
	var r reading
	switch {
	case len(body) == 0:
		r.yes = true
	case isHTML(body):
		return reading{doubt: "the answer is an HTML page: " + htmlText(body)}
	default:
		value, err := decodeJSON(body)
		switch {
		case err == nil:
			r = readJSON(value, order)
		case bytes.ContainsAny(body[:1], `{["<`):
			return reading{doubt: "the answer cannot be read: " + err.Error()}
		default:
			r = readText(string(body), order)
		}
	}
	if order {
		if r.key == "" && r.no == nil && a.status == http.StatusCreated {
			r.key = keyOfLocation(a.header.Get("Location"))
		}
		r.pending = r.pending || a.status == http.StatusAccepted && r.yes
	}
	return r
}

func readJSON(value any, order bool) reading {
	if array, ok := value.([]any); ok && len(array) == 1 {
		value = array[0]
	}
	switch v := value.(type) {
	case object:
		return readObject(v, order)
	case bool:
		if !v {
			return reading{no: &Error{Kind: Rejected, Outcome: NotDone, Message: "false"}}
		}
		return reading{yes: true}
	case string:
		return readText(strings.TrimSpace(v), order)
	case json.Number:
		return readText(v.String(), order)
	case []any:
		if len(v) > 0 {
			return reading{doubt: "the answer is a list of several things"}
		}
	}
	return reading{yes: true} // [] and null, PHP's empty answers
}

// readText reads a text or number that stands alone. An order's may be the key,
// or only digits, which is the order's number: a wrong key would be looked up.
func readText(text string, order bool) reading {
	r := reading{message: message(text)}
	switch {
	case text == "0":
		r.no = &Error{Kind: Rejected, Outcome: NotDone, Message: "0"}
	case text == "":
		r.yes = true
	case saysYes().MatchString(text):
		r.yes = true
	case order && saysPending().MatchString(text):
		r.pending = true
	case order && isNumber(text) && !isHTTPError(text):
		r.orderID, r.message = text, ""
	case order && !isNumber(text) && looksLikeKey(text) && !looksLikeErrorCode().MatchString(text):
		r.key, r.message = text, ""
	}
	return r
}

// readObject reads an object and what it wraps. Each level may say yes or no.
func readObject(outer object, order bool) reading {
	r := reading{yes: len(outer) == 0}
	level := outer
	for range maxDepth {
		readLevel(&r, level, order)
		next, wrapped := unwrap(level)
		if array, ok := next.([]any); ok && len(array) == 1 {
			next = array[0]
		}
		inner, ok := next.(object)
		if !wrapped || !ok {
			break
		}
		level = inner
	}
	r.message = message(r.message)
	return r
}

func readLevel(r *reading, level object, order bool) {
	if failed := errorInside(level); failed != nil && r.no == nil {
		r.no = failed
	}
	if r.message == "" {
		r.message = level.text("message")
	}
	if success := level.get("success"); success != nil && saysYes().MatchString(strings.TrimSpace(scalar(success))) {
		r.yes = true
	}
	// The answer to an edit may be the licence as it now stands, with a status of
	// its own. To a termination it would be no yes by itself, but there its status
	// is one, or a doubt.
	shown := !order && level.shows("title") && level.shows("comment") && !level.has("status", "state", "result", "code")
	r.yes = r.yes || shown
	for _, name := range []string{"result", "status", "state", "code", "statusCode"} {
		switch state := scalar(level.get(name)); {
		case state == "":
		case order && startsPending().MatchString(state):
			r.pending = true
		case yesStates[order][strings.ToLower(state)]:
			r.yes = true
		case isHTTPError(state), saysNo().MatchString(state):
			r.doubt = "the answer's " + name + " is " + untrusted.Name(state, maxMessage)
		}
	}
	switch words := level.text("message"); {
	case saysYes().MatchString(words):
		r.yes = true
	case order && saysPending().MatchString(words):
		r.pending = true
	}
	if order {
		readOrder(r, level)
	}
}

// readOrder looks for the new licence's key and the order's number. A number that
// is called just id may be the request's: beside words that are no yes it proves
// nothing.
func readOrder(r *reading, level object) {
	if key := level.key("keyNumber"); r.key == "" && looksLikeKey(key) {
		r.key = key
	}
	id := level.key("orderID")
	if r.orderID != "" || !looksLikeID(id) {
		return
	}
	words := level.text("message")
	clear := words == "" || r.yes || r.pending || r.key != ""
	if !clear && (saysNo().MatchString(words) || !level.has("orderId", "order", "orderNumber")) {
		r.doubt = "the answer has an id and says " + untrusted.Line(words, maxMessage)
		return
	}
	r.orderID = id
}

// keyOfLocation is the last segment of a new licence's address, if it can be a
// key: .../license/{family}/{keyNumber}.
func keyOfLocation(location string) string {
	at, err := url.Parse(location)
	if err != nil {
		return ""
	}
	segments := strings.Split(strings.Trim(at.Path, "/"), "/")
	if len(segments) < 2 || Family(segments[len(segments)-2]).check("") != nil {
		return ""
	}
	if key := segments[len(segments)-1]; looksLikeKey(key) {
		return key
	}
	return ""
}
