package tools

import (
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// preview shows what a confirmation would send, and the phrase that confirms it.
func (s *Set) preview(p *operations.Preview) *schemas.Preview {
	return &schemas.Preview{
		Environment: s.Environment,
		Outcome:     "preview",
		OperationID: p.Operation.ID,
		State:       string(p.Operation.State),
		Confirm:     p.Confirm,
		ExpiresAt:   timestamp(p.Operation.ExpiresAt),
		Request:     formOutput(p.Operation.Request),
		License:     licenseOutput(p.License, true),
		Warnings:    texts(p.Operation.Warnings),
	}
}

// done shows what a write did.
func (s *Set) done(r *operations.Result) *schemas.Done {
	return &schemas.Done{
		Environment:  s.Environment,
		Outcome:      "done",
		OperationID:  r.Operation.ID,
		State:        string(r.Operation.State),
		Certainty:    string(r.Operation.Certainty),
		Family:       string(r.Operation.Family),
		KeyNumber:    fieldText(r.Operation.KeyNumber, maxFieldText),
		KeyCertainty: string(r.Operation.KeyCertainty),
		Candidates:   texts(r.Operation.Candidates),
		OrderID:      fieldText(r.Operation.OrderID, maxFieldText),
		Pending:      r.Operation.Pending,
		License:      licenseOutput(r.License, false),
		Replayed:     r.Replayed,
		Message:      fieldText(r.Operation.Message, maxFieldText),
	}
}

// operationOutput shows a recorded operation. Its phrase is not in the ledger.
func operationOutput(o *operations.Operation) *schemas.Operation {
	return &schemas.Operation{
		OperationID:  o.ID,
		Kind:         string(o.Kind),
		Family:       string(o.Family),
		State:        string(o.State),
		Certainty:    string(o.Certainty),
		KeyNumber:    fieldText(o.KeyNumber, maxFieldText),
		KeyCertainty: string(o.KeyCertainty),
		Candidates:   texts(o.Candidates),
		OrderID:      fieldText(o.OrderID, maxFieldText),
		Pending:      o.Pending,
		Request:      formOutput(o.Request),
		Previous:     snapshotOutput(o),
		Warnings:     texts(o.Warnings),
		DuplicateOf:  o.DuplicateOf,
		ProposedAt:   timestamp(o.ProposedAt),
		ExpiresAt:    timestamp(o.ExpiresAt),
		ApprovedAt:   timestamp(o.ApprovedAt),
		ClaimedAt:    timestamp(o.ClaimedAt),
		SettledAt:    timestamp(o.SettledAt),
		Client:       fieldText(o.Actor.ClientName, maxFieldText),
		Confirmed:    string(o.Confirmed),
		Status:       o.Status,
		Message:      fieldText(o.Message, maxFieldText),
	}
}

// snapshotOutput shows the licence as it was before the operation.
func snapshotOutput(o *operations.Operation) *schemas.License {
	p := o.Previous
	if p == nil {
		return nil
	}
	return &schemas.License{
		Family:    string(o.Family),
		KeyNumber: fieldText(p.KeyNumber, maxFieldText),
		Title:     fieldText(p.Title, maxFieldText),
		Comment:   fieldText(p.Comment, maxFieldText),
		Product:   fieldText(p.Product, maxFieldText),
		Status:    fieldText(p.Status, maxFieldText),
		Period:    fieldText(p.Period, maxFieldText),
		ServerIP:  fieldText(p.ServerIP, maxFieldText),
		OrderedAt: fieldText(p.OrderedAt, maxFieldText),
		ExpiresAt: fieldText(p.ExpiresAt, maxFieldText),
	}
}

// timestamp writes a time as RFC 3339 in UTC, and no time as nothing.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func texts(all []string) []string {
	shown := make([]string, len(all))
	for i, text := range all {
		shown[i] = fieldText(text, maxFieldText)
	}
	return shown
}
