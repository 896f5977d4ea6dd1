package websoftsolus

import (
	"bytes"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// minSecret is how long a secret must be to be blotted out: a shorter one would
// take ordinary text with it.
const minSecret = 6

// blotter returns what replaces secret and token in an answer that repeats them,
// as they are and as JSON and forms write them.
func blotter(secret, authorization string) func([]byte) []byte {
	_, token, _ := strings.Cut(authorization, " ")
	var forms [][]byte
	for _, s := range []string{secret, token} {
		if len(s) < minSecret {
			continue
		}
		quoted := strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`)
		ascii := strconv.QuoteToASCII(s)
		ascii = ascii[1 : len(ascii)-1]
		for _, form := range []string{s, quoted, ascii, slashed(quoted), slashed(ascii), url.QueryEscape(s)} {
			forms = append(forms, []byte(form))
		}
	}
	return func(text []byte) []byte {
		for _, form := range forms {
			if bytes.Contains(text, form) {
				text = bytes.ReplaceAll(text, form, []byte("…"))
			}
		}
		return text
	}
}

// slashed is how PHP writes a JSON text's slashes.
func slashed(text string) string { return strings.ReplaceAll(text, "/", `\/`) }

// cause is an error of the network in words that a person may see.
type cause struct {
	words string
	err   error
}

func (c *cause) Error() string { return c.words }
func (c *cause) Unwrap() error { return c.err }

// inWords drops the URL that net/http puts around an error, which says nothing
// that the operation does not, and what it quotes of an answer it cannot read.
func inWords(err error, hide func([]byte) []byte) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return &cause{"no answer in time", wrapped.Err}
		}
		err = wrapped.Err
	}
	return &cause{message(string(hide([]byte(err.Error())))), err}
}
