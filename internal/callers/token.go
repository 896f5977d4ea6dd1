package callers

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// TokenPrefix begins every token of this server, so that scanners find one that
// leaked: wss_ and 52 characters of a to z and 2 to 7, as in wss_[a-z2-7]{52}.
const TokenPrefix = "wss_"

var tokenText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewToken makes a token of 256 random bits, and its hash for the tokens file.
// random is crypto/rand outside tests.
func NewToken(random io.Reader) (token, hash string, err error) {
	var bits [32]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", "", fmt.Errorf("make a token: %w", err)
	}
	token = TokenPrefix + strings.ToLower(tokenText.EncodeToString(bits[:]))
	sum := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(sum[:]), nil
}

// EntryError is what is wrong with a field of an entry.
type EntryError struct{ Field, Message string }

func (e *EntryError) Error() string { return e.Message }

// Check says what is wrong with an entry: one or more *EntryError, joined; nil
// for nothing.
func (e *TokenEntry) Check() error {
	var problems []error
	e.check(func(field, format string, args ...any) {
		problems = append(problems, &EntryError{field, fmt.Sprintf(format, args...)})
	})
	return errors.Join(problems...)
}

// YAML is the entry as an item of the file's list, with a newline at its end,
// indented so far.
func (e *TokenEntry) YAML(indent string) string {
	var b strings.Builder
	lead := indent + "- "
	line := func(name, value string) {
		fmt.Fprintf(&b, "%s%s: %s\n", lead, name, value)
		lead = indent + "  "
	}
	line("name", fmt.Sprintf("%q", e.Name))
	line("sha256", fmt.Sprintf("%q", e.SHA256))
	if e.ReadOnly {
		line("readOnly", "true")
	} else {
		line("scopes", "["+strings.ReplaceAll(scopeList(e.Scopes), " ", ", ")+"]")
	}
	if len(e.Families) > 0 {
		names := make([]string, len(e.Families))
		for i, f := range e.Families {
			names[i] = string(f)
		}
		line("families", "["+strings.Join(names, ", ")+"]")
	}
	if e.MaxOrdersPerDay != nil {
		line("maxOrdersPerDay", fmt.Sprint(*e.MaxOrdersPerDay))
	}
	if e.MaxTerminationsPerDay != nil {
		line("maxTerminationsPerDay", fmt.Sprint(*e.MaxTerminationsPerDay))
	}
	if e.SeesAll {
		line("seesAll", "true")
	}
	if e.Approver {
		line("approver", "true")
	}
	if e.Expires != "" {
		line("expires", fmt.Sprintf("%q", e.Expires))
	}
	return b.String()
}

// fileHead begins a tokens file that AppendToken makes.
const fileHead = "# Who may call this server. No token is in here, only hashes: websoftsolus-mcp token makes one.\n# The server reads it again on SIGHUP.\ntokens:\n"

// AppendToken adds an entry at the end of a tokens file, which is made with mode
// 0600 where it is missing. What the file held stays byte for byte, comments
// included, and so do its owner and mode; the entry goes out in one write, so
// that a reader sees all of it or nothing. A file that is wrong, or is written so
// that an item cannot just be put at its end, is left as it is, and the error
// says so.
func AppendToken(path string, entry TokenEntry) error {
	if err := entry.Check(); err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("read the tokens file: %w", err)
	}
	more, how := []byte(fileHead+entry.YAML("  ")), os.O_CREATE|os.O_EXCL
	if !missing {
		if more, err = addition(path, old, entry); err != nil {
			return err
		}
		how = os.O_APPEND
	}
	file, err := os.OpenFile(path, os.O_WRONLY|how, 0o600)
	if err != nil {
		return fmt.Errorf("write the tokens file: %w", err)
	}
	defer file.Close()
	if written, err := file.Write(more); err != nil {
		if written > 0 { // a full disk; half an entry would make the whole file wrong
			err = errors.Join(err, file.Truncate(int64(len(old))))
		}
		return fmt.Errorf("write the tokens file: %w", err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the tokens file: %w", err)
	}
	return nil
}

// addition is what has to be put at the end of a file's content for one more
// entry.
func addition(path string, old []byte, entry TokenEntry) ([]byte, error) {
	before, err := parseTokens(path, old)
	if err != nil {
		return nil, err
	}
	for i := range before.tokens {
		if strings.EqualFold(before.tokens[i].caller.Name, entry.Name) {
			return nil, fmt.Errorf("%s has a token named %q already; take another name, or remove that one", path, before.tokens[i].caller.Name)
		}
	}
	var more []byte
	if len(old) > 0 && old[len(old)-1] != '\n' {
		more = append(more, '\n')
	}
	indent := "  "
	if items := linesOf(old); len(items) > 0 {
		indent = strings.Repeat(" ", max(0, items[0].Column-3)) // an item's column is that of what follows its dash
	} else if !bytes.HasPrefix(old, []byte("tokens:")) && !bytes.Contains(old, []byte("\ntokens:")) {
		more = append(more, "tokens:\n"...)
	}
	more = append(more, entry.YAML(indent)...)
	after, err := parseTokens(path, append(bytes.Clone(old), more...))
	if err != nil || len(after.tokens) != len(before.tokens)+1 {
		return nil, fmt.Errorf("%s is not a block list with the tokens at its end, so nothing was added; paste the entry where it belongs", path)
	}
	return more, nil
}
