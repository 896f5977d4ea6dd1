package inventory

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The CSV of licences: UTF-8, commas, a header with the names of Columns, one
// licence a line, RFC 4180 quoting. A cell that begins with one of
//
//	= + - @ ' tab carriage-return
//
// has an apostrophe before it, since a spreadsheet takes the first four for the
// beginning of a formula (OWASP, "CSV Injection"). So a reader takes one
// apostrophe off every cell that begins with one, and has the same data again;
// ReadCSV does.

// Columns are the columns of the CSV. properties is the API's answer as compact
// JSON, and unread is why a licence, or a family where there is no keyNumber,
// could not be read; both are empty otherwise.
var Columns = []string{"family", "keyNumber", "title", "comment", "product", "status", "period", "serverIP", "orderedAt", "expiresAt", "unread", "properties"}

// Row is one line of an export.
type Row struct {
	Family     string          `json:"family"`
	KeyNumber  string          `json:"keyNumber,omitempty"` // empty for a family that could not be listed
	Title      string          `json:"title,omitempty"`
	Comment    string          `json:"comment,omitempty"`
	Product    string          `json:"product,omitempty"`
	Status     string          `json:"status,omitempty"`
	Period     string          `json:"period,omitempty"`
	ServerIP   string          `json:"serverIP,omitempty"`
	OrderedAt  string          `json:"orderedAt,omitempty"`
	ExpiresAt  string          `json:"expiresAt,omitempty"`
	Unread     string          `json:"unread,omitempty"`     // why it could not be read
	Properties json.RawMessage `json:"properties,omitempty"` // compact; nil where they are not asked for
}

// NewRow makes a row of an entry; unread is why it has no properties.
func NewRow(e Entry, unread error, properties bool) Row {
	r := Row{Family: string(e.Family), KeyNumber: e.KeyNumber}
	if unread != nil {
		r.Unread = unread.Error()
	}
	l := e.License
	if l == nil {
		return r
	}
	r.Title, r.Comment, r.Product, r.Status, r.Period = l.Title, l.Comment, l.Product, l.Status, l.Period
	r.ServerIP, r.OrderedAt, r.ExpiresAt = l.ServerIP, l.OrderedAt, l.ExpiresAt
	if properties {
		var compact bytes.Buffer
		if json.Compact(&compact, l.Properties) == nil {
			r.Properties = compact.Bytes()
		}
	}
	return r
}

func (r *Row) texts() []*string {
	return []*string{&r.Family, &r.KeyNumber, &r.Title, &r.Comment, &r.Product, &r.Status, &r.Period, &r.ServerIP, &r.OrderedAt, &r.ExpiresAt, &r.Unread}
}

// CSVWriter writes rows.
type CSVWriter struct{ table *csv.Writer }

// NewCSVWriter writes the header.
func NewCSVWriter(w io.Writer) (*CSVWriter, error) {
	table := csv.NewWriter(w)
	return &CSVWriter{table}, table.Write(Columns)
}

// Write writes a row.
func (w *CSVWriter) Write(r Row) error {
	cells := make([]string, 0, len(Columns))
	for _, text := range r.texts() {
		cells = append(cells, GuardCell(*text))
	}
	return w.table.Write(append(cells, GuardCell(string(r.Properties))))
}

// Flush writes out what is buffered.
func (w *CSVWriter) Flush() error {
	w.table.Flush()
	return w.table.Error()
}

// GuardCell makes a cell that no spreadsheet takes for a formula.
func GuardCell(text string) string {
	if text != "" && strings.IndexByte("=+-@'\t\r", text[0]) >= 0 {
		return "'" + text
	}
	return text
}

// UnguardCell is the text of which GuardCell made a cell.
func UnguardCell(cell string) string { return strings.TrimPrefix(cell, "'") }

// ReadCSV reads what CSVWriter wrote and calls visit with every row, in order.
// It ends early with visit's error.
func ReadCSV(r io.Reader, visit func(Row) error) error {
	reader := &records{in: bufio.NewReader(r)}
	header, err := reader.next()
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	if !slices.Equal(header, Columns) {
		return errors.New("the header is not " + strings.Join(Columns, ","))
	}
	for line := 2; ; line++ {
		cells, err := reader.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && len(cells) != len(Columns) {
			err = fmt.Errorf("it has %d cells, not %d", len(cells), len(Columns))
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", line, err)
		}
		var row Row
		texts := row.texts()
		for i, text := range texts {
			*text = UnguardCell(cells[i])
		}
		if properties := UnguardCell(cells[len(texts)]); properties != "" {
			row.Properties = json.RawMessage(properties)
		}
		if err := visit(row); err != nil {
			return err
		}
	}
}

// records reads the records of a CSV exactly. encoding/csv writes every text,
// but reads a CR LF inside one as LF.
type records struct{ in *bufio.Reader }

// next returns a record, io.EOF after the last.
func (r *records) next() ([]string, error) {
	if _, err := r.in.Peek(1); err != nil {
		return nil, err
	}
	var (
		cells  []string
		cell   strings.Builder
		quoted bool // inside quotes
	)
	for {
		b, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && quoted:
			return nil, io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			return append(cells, cell.String()), nil
		case err != nil:
			return nil, err
		case b == '"' && quoted:
			if following, _ := r.in.Peek(1); len(following) == 1 && following[0] == '"' {
				_, _ = r.in.Discard(1)
				cell.WriteByte('"')
			} else {
				quoted = false
			}
		case b == '"' && cell.Len() == 0:
			quoted = true
		case quoted:
			cell.WriteByte(b)
		case b == ',':
			cells = append(cells, cell.String())
			cell.Reset()
		case b == '\n':
			return append(cells, strings.TrimSuffix(cell.String(), "\r")), nil
		default:
			cell.WriteByte(b)
		}
	}
}
