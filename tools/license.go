package tools

import (
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// licenseOutput shows one licence. Properties are left out unless asked for:
// they repeat the named fields.
func licenseOutput(l *websoftsolus.License, properties bool) *schemas.License {
	if l == nil {
		return nil
	}
	out := &schemas.License{
		Family:    string(l.Family),
		KeyNumber: fieldText(l.KeyNumber, maxFieldText),
		Title:     fieldText(l.Title, maxFieldText),
		Comment:   fieldText(l.Comment, maxFieldText),
		Product:   fieldText(l.Product, maxFieldText),
		Status:    fieldText(l.Status, maxFieldText),
		Period:    fieldText(l.Period, maxFieldText),
		ServerIP:  fieldText(l.ServerIP, maxFieldText),
		OrderedAt: fieldText(l.OrderedAt, maxFieldText),
		ExpiresAt: fieldText(l.ExpiresAt, maxFieldText),
	}
	if properties {
		out.Properties = rawJSON(l.Properties)
	}
	return out
}

// formOutput shows form fields as they are sent, in their order. The values of an
// order hold nothing hidden; an edit sends back what the licence held.
func formOutput(fields []operations.Field) schemas.Form {
	form := make(schemas.Form, len(fields))
	for i, f := range fields {
		form[i] = schemas.Field{Name: f.Name, Value: fieldText(f.Value, maxFieldText)}
	}
	return form
}
