package sandbox

import (
	"net/http"
	"strconv"
)

// The shapes of the answer to an order that was taken. Neither a key number nor
// an active licence is promised.
var orderShapes = []shape[outcome, answer]{
	{"key-object", func(o outcome) answer { return jsonAnswer(http.StatusOK, object{{"keyNumber", o.key()}}) }},
	{"key-snake", func(o outcome) answer { return jsonAnswer(http.StatusOK, object{{"key_number", o.key()}}) }},
	{"key-wrapped", func(o outcome) answer {
		return jsonAnswer(http.StatusOK, object{{"success", true}, {"data", object{{"keyNumber", o.key()}}}})
	}},
	{"key-string", func(o outcome) answer { return jsonAnswer(http.StatusOK, o.key()) }},
	{"key-text", func(o outcome) answer { return text(http.StatusOK, o.key()) }},
	{"key-created", func(o outcome) answer { return jsonAnswer(http.StatusCreated, object{{"keyNumber", o.key()}}) }},
	{"license", func(o outcome) answer { return jsonAnswer(http.StatusOK, properties(o.licenses[0])) }},
	{"id-only", func(o outcome) answer {
		number, _ := strconv.Atoi(o.licenses[0].OrderID) // made by this package
		return jsonAnswer(http.StatusOK, object{{"id", number}})
	}},
	{"order-id", func(o outcome) answer { return jsonAnswer(http.StatusOK, object{{"orderId", o.licenses[0].OrderID}}) }},
	{"pending", func(o outcome) answer {
		return jsonAnswer(http.StatusOK, object{{"orderId", o.licenses[0].OrderID}, {"status", Pending}})
	}},
	{"pending-key", func(o outcome) answer {
		return jsonAnswer(http.StatusAccepted, object{{"keyNumber", o.key()}, {"status", Pending}})
	}},
	{"incomplete", func(o outcome) answer { return jsonAnswer(http.StatusOK, object{{"status", Incomplete}}) }},
	{"success", func(outcome) answer { return jsonAnswer(http.StatusOK, object{{"success", true}}) }},
	{"one", func(outcome) answer { return jsonAnswer(http.StatusOK, 1) }},
	{"empty", func(outcome) answer { return answer{status: http.StatusOK} }},
	{"created", func(outcome) answer { return answer{status: http.StatusCreated} }},
	{"no-content", func(outcome) answer { return answer{status: http.StatusNoContent} }},
	{"location", func(o outcome) answer {
		return answer{status: http.StatusCreated, header: http.Header{"Location": {o.location}}}
	}},
}

// newStatus is the status of a licence whose order is answered in that shape.
func newStatus(orderShape string) string {
	switch orderShape {
	case "pending", "pending-key":
		return Pending
	case "incomplete":
		return Incomplete
	}
	return Active
}

// The shapes of the answer to an edit or a termination that was done.
var doneShapes = []shape[struct{}, answer]{
	{"success", func(struct{}) answer { return jsonAnswer(http.StatusOK, object{{"success", true}}) }},
	{"one", func(struct{}) answer { return jsonAnswer(http.StatusOK, 1) }},
	{"true", func(struct{}) answer { return jsonAnswer(http.StatusOK, true) }},
	{"text", func(struct{}) answer { return text(http.StatusOK, "OK") }},
	{"empty", func(struct{}) answer { return answer{status: http.StatusOK} }},
	{"no-content", func(struct{}) answer { return answer{status: http.StatusNoContent} }},
}

func text(status int, body string) answer {
	return answer{status: status, contentType: textType, body: body}
}
