package operations

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
)

// A phrase says what confirming it does and ends in a code that makes it
// unguessable and usable once:
//
//	terminate PLSK.02980001 [7K3Q-X2MD]
//	order PLESK_12_WEB_HOST for 12 months [4T9C-M8RW]
//
// The code is 40 random bits in Crockford's base32. The ledger keeps a digest
// of the phrase only, so that reading the ledger confirms nothing. People and
// models copy phrases, so spaces around it, the code's letter case, a missing
// dash and the letters that base32 leaves out because they look like digits are
// forgiven. The words are not: a phrase that says something else is not the
// phrase.
//
// A host shows the phrase to the person who approves the call. A product that is
// not one plain word stands in «quotation marks», with no bracket in it, so that
// its name cannot pass for the rest of the phrase.

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func orderPhrase(product, period, code string) string {
	months := "months"
	if period == "1" {
		months = "month"
	}
	return fmt.Sprintf("order %s for %s %s [%s]", untrusted.Name(product, maxQuoted), period, months, code)
}

func terminationPhrase(keyNumber, code string) string {
	return fmt.Sprintf("terminate %s [%s]", untrusted.Name(keyNumber, maxQuoted), code)
}

// newCode returns a fresh code such as 7K3Q-X2MD.
func newCode(random io.Reader) (string, error) {
	var bits [8]byte
	if _, err := io.ReadFull(random, bits[:5]); err != nil {
		return "", fmt.Errorf("draw a confirmation code: %w", err)
	}
	n := binary.BigEndian.Uint64(bits[:]) >> 24
	var code [9]byte
	for i := len(code) - 1; i >= 0; i-- {
		if i == 4 {
			code[i] = '-'
			continue
		}
		code[i] = crockford[n&31]
		n >>= 5
	}
	return string(code[:]), nil
}

// codeLetters undoes what hands and eyes do to a code.
var codeLetters = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")

// phraseDigest returns the digest under which the ledger knows a phrase. What
// has not the form of a phrase has none.
func phraseDigest(phrase string) (digest string, ok bool) {
	phrase = strings.TrimSpace(phrase)
	inner, ok := strings.CutSuffix(phrase, "]")
	if !ok {
		return "", false
	}
	open := strings.LastIndexByte(inner, '[')
	if open < 0 {
		return "", false
	}
	words := strings.Join(strings.Fields(inner[:open]), " ")
	code := codeLetters.Replace(strings.ToUpper(inner[open+1:]))
	if words == "" || len(code) != 8 || strings.Trim(code, crockford) != "" {
		return "", false
	}
	sum := sha256.Sum256([]byte(words + " [" + code + "]"))
	return hex.EncodeToString(sum[:]), true
}

// newID returns an operation's id: "op_" and 26 characters of Crockford base32,
// of which the first ten are the time in milliseconds, so that ids sort by age.
func newID(now time.Time, random io.Reader) (string, error) {
	var bits [16]byte
	binary.BigEndian.PutUint64(bits[:8], uint64(now.UnixMilli())<<16)
	if _, err := io.ReadFull(random, bits[6:]); err != nil {
		return "", fmt.Errorf("draw an operation id: %w", err)
	}
	high, low := binary.BigEndian.Uint64(bits[:8]), binary.BigEndian.Uint64(bits[8:])
	var id [26]byte
	for i := len(id) - 1; i >= 0; i-- {
		id[i] = crockford[low&31]
		low = low>>5 | high<<59
		high >>= 5
	}
	return "op_" + string(id[:]), nil
}
