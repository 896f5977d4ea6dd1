package websoftsolus

import (
	"bytes"
	"encoding/json"
	"html"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// toUTF8 converts an answer's body. Latin-1 is read as Windows-1252, as browsers
// do (WHATWG Encoding Standard): it differs only where Latin-1 has control
// characters. A body that is not UTF-8, whatever it says, is taken for that. JSON
// that is UTF-8 stays what it is, whatever charset a server's default puts beside
// it (RFC 8259, section 8.1): a title read wrong would be written back wrong.
func toUTF8(body []byte, contentType string) []byte {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if utf8.Valid(body) && (!saysLatin1(contentType) || json.Valid(body)) {
		return body
	}
	converted, err := charmap.Windows1252.NewDecoder().Bytes(body)
	if err != nil {
		return bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	return converted
}

func saysLatin1(contentType string) bool {
	_, parameters, _ := mime.ParseMediaType(contentType)
	switch strings.ToLower(parameters["charset"]) {
	case "iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252", "us-ascii":
		return true
	}
	return false
}

const maxMessage = 300 // characters of the API's own words

// message makes the API's words fit for an error: one line, nothing hidden, not
// too long.
func message(text string) string {
	text = text[:min(len(text), 16*maxMessage)] // the rest is not looked at
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	return untrusted.Field(text, maxMessage)
}

var (
	htmlStart = compiled(`(?is)^\s*(<!--.*?-->\s*)*<(!doctype|html|head|body|\?xml)\b`)
	htmlTitle = compiled(`(?is)<title[^>]*>(.*?)</title>`)
	htmlHead  = compiled(`(?is)<(head|script|style)\b.*?</(head|script|style)>`)
	htmlTag   = compiled(`(?s)<[^>]*>`)
)

func isHTML(body []byte) bool {
	return htmlStart().Match(body[:min(len(body), 4096)])
}

// htmlText is what a page says: its title and its words.
func htmlText(body []byte) string {
	body = body[:min(len(body), 64<<10)]
	var parts []string
	if m := htmlTitle().FindSubmatch(body); m != nil {
		parts = append(parts, html.UnescapeString(string(m[1])))
	}
	body = htmlHead().ReplaceAll(body, []byte(" "))
	parts = append(parts, html.UnescapeString(htmlTag().ReplaceAllString(string(body), " ")))
	return message(strings.Join(parts, " "))
}
