package callers

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// A tokens file is YAML, as the policy file is, because people write it and its
// comments say what each token is for:
//
//	tokens:
//	  - name: provisioning
//	    hash: sha256:9f86d0…          # of the token; the token itself is nowhere
//	    scopes: [licenses:read, licenses:order]   # all unless given
//	    families: [plesk]             # all unless given
//	    readOnly: false
//	    maxOrdersPerDay: 5            # caps of its own, beside the server's
//	    maxTerminationsPerDay: 0
//	    seesAll: false                # operations of other callers too
//	    approver: false               # may approve what waits for a person
//	    expires: 2027-01-31           # UTC, at the end of the day
//
// A token is 256 random bits, so its plain SHA-256 is as good as a slow password
// hash: nobody can try that many.

// tokenPrefix begins every token, so that scanners for leaked secrets find it.
const tokenPrefix = "wss_"

// base32Token is Crockford's alphabet in lower case, which has no letters that
// are taken for another.
var base32Token = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewToken makes a token: "wss_" and 52 characters.
func NewToken() string {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	return tokenPrefix + base32Token.EncodeToString(random)
}

// HashToken is the form in which a tokens file knows a token.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Entry is one token of a file. Its zero fields are left out.
type Entry struct {
	Name                  string    `yaml:"name"`
	Hash                  string    `yaml:"hash"`
	Scopes                []Scope   `yaml:"scopes,omitempty,flow"`
	Families              []string  `yaml:"families,omitempty,flow"`
	ReadOnly              bool      `yaml:"readOnly,omitempty"`
	MaxOrdersPerDay       *int      `yaml:"maxOrdersPerDay,omitempty"`
	MaxTerminationsPerDay *int      `yaml:"maxTerminationsPerDay,omitempty"`
	SeesAll               bool      `yaml:"seesAll,omitempty"`
	Approver              bool      `yaml:"approver,omitempty"`
	Expires               string    `yaml:"expires,omitempty"`
	until                 time.Time // zero for never
	sum                   []byte
}

// dateForm is how a day is written.
const dateForm = "2006-01-02"

var (
	nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) })
	hashForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256:[0-9a-f]{64}$`) })
)

// Check says what is wrong with an entry, each problem a sentence.
func (e *Entry) Check() []string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !nameForm().MatchString(e.Name) {
		say("name %q is not 1 to 64 letters, digits, dots, dashes and underscores that begin with a letter or digit", e.Name)
	}
	if !hashForm().MatchString(e.Hash) {
		say("hash is not sha256: and 64 hexadecimal digits; make a token with websoftsolus-mcp token")
	} else {
		e.sum, _ = hex.DecodeString(strings.TrimPrefix(e.Hash, "sha256:")) // its form was checked
	}
	for _, scope := range e.Scopes {
		if !slices.Contains(Scopes, scope) {
			say("scope %q is none of %s", scope, scopeList())
		}
	}
	for _, family := range e.Families {
		if !slices.Contains(websoftsolus.Families, websoftsolus.Family(family)) {
			say("family %q is none of plesk, cpanel, virtuozzo", family)
		}
	}
	if e.ReadOnly && slices.ContainsFunc(e.Scopes, func(s Scope) bool { return s != Read }) {
		say("readOnly contradicts the scopes: leave one of them out")
	}
	for name, value := range map[string]*int{"maxOrdersPerDay": e.MaxOrdersPerDay, "maxTerminationsPerDay": e.MaxTerminationsPerDay} {
		if value != nil && *value < 0 {
			say("%s %d is below 0", name, *value)
		}
	}
	if e.Expires != "" {
		day, err := time.Parse(dateForm, e.Expires)
		if err != nil {
			say("expires %q is not a day, as in 2027-01-31", e.Expires)
		}
		e.until = day.AddDate(0, 0, 1)
	}
	return wrong
}

// caller is who has the token.
func (e *Entry) caller() *Caller {
	c := &Caller{
		Name: e.Name, Scopes: e.Scopes, MaxOrdersPerDay: e.MaxOrdersPerDay, MaxTerminationsPerDay: e.MaxTerminationsPerDay,
		SeesAll: e.SeesAll, Approver: e.Approver,
	}
	switch {
	case e.ReadOnly:
		c.Scopes = []Scope{Read}
	case len(c.Scopes) == 0:
		c.Scopes = Scopes
	}
	for _, family := range websoftsolus.Families {
		if slices.Contains(e.Families, string(family)) {
			c.Families = append(c.Families, family)
		}
	}
	return c
}

// tokens are those of a file. The zero value has none.
type tokens struct {
	entries []Entry
	callers []*Caller // of each entry
}

// caller returns whose token it is, and whether it has expired; nil where it is
// nobody's. It compares with every entry, so that its time tells nothing.
func (t *tokens) caller(token string, now time.Time) (caller *Caller, expired bool) {
	sum := sha256.Sum256([]byte(token))
	for i := range t.entries {
		if subtle.ConstantTimeCompare(sum[:], t.entries[i].sum) == 1 {
			caller = t.callers[i]
			expired = !t.entries[i].until.IsZero() && !now.Before(t.entries[i].until)
		}
	}
	return caller, expired
}

// readTokens reads a tokens file. The error names every problem with its line.
func readTokens(path string) (*tokens, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseTokens(path, content)
}

func parseTokens(path string, content []byte) (*tokens, error) {
	var nodes struct {
		Tokens []yaml.Node `yaml:"tokens"`
	}
	var file struct {
		Tokens []Entry `yaml:"tokens"`
	}
	if err := yaml.Unmarshal(content, &nodes); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) { // an empty file ends at once
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(file.Tokens) == 0 {
		return nil, fmt.Errorf("%s: it holds no tokens; make one with websoftsolus-mcp token --name NAME --file %s", path, path)
	}
	var problems []error
	read := &tokens{entries: file.Tokens}
	seen := map[string]int{}
	for i := range read.entries {
		e, line := &read.entries[i], nodes.Tokens[i].Line
		wrong := e.Check()
		if first, twice := seen["name "+e.Name]; twice {
			wrong = append(wrong, fmt.Sprintf("the name %s is that of the token on line %d", e.Name, first))
		}
		if first, twice := seen[e.Hash]; twice {
			wrong = append(wrong, fmt.Sprintf("the hash is that of the token on line %d", first))
		}
		seen["name "+e.Name], seen[e.Hash] = line, line
		for _, problem := range wrong {
			problems = append(problems, fmt.Errorf("%s:%d: %s", path, line, problem))
		}
		read.callers = append(read.callers, e.caller())
	}
	return read, errors.Join(problems...)
}

// AppendToken writes an entry behind those of a file, which is made where it is
// missing. What stands there stays as it is, comments too. The file is replaced
// at once, or not at all; a file that would not be good is not written.
func AppendToken(path string, e Entry) error {
	entry, err := EntryText(e)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	mode := os.FileMode(0o600)
	switch {
	case errors.Is(err, os.ErrNotExist):
		content = []byte("# Callers of websoftsolus-mcp. Only hashes of their tokens are here.\ntokens:\n")
	case err != nil:
		return err
	default:
		if info, err := os.Stat(path); err == nil {
			mode = info.Mode().Perm()
		}
		if len(content) > 0 && content[len(content)-1] != '\n' {
			content = append(content, '\n')
		}
	}
	content = append(content, entry...)
	if _, err := parseTokens(path, content); err != nil {
		return fmt.Errorf("the token was not added: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".tokens-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// EntryText is an entry as it stands in a file, two columns in.
func EntryText(e Entry) ([]byte, error) {
	text, err := yaml.Marshal([]Entry{e})
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	for line := range bytes.Lines(text) {
		indented.WriteString("  ")
		indented.Write(line)
	}
	return indented.Bytes(), nil
}

// isOpen says whether others than its owner may write a file.
func isOpen(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o022 != 0
}
