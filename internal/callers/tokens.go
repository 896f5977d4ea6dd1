package callers

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// The tokens file lists who may call. It is YAML, because people keep it by hand
// and want comments in it; JSON is YAML too, so a program may write that.
//
// It holds no token but the SHA-256 of each. That suffices because tokens are
// 256 random bits, made by [NewToken]: there is nothing to guess, however fast
// the hash. A slow password hash is for secrets that people choose, and would
// cost every request tens of milliseconds.

// TokenEntry is one entry of the tokens file.
type TokenEntry struct {
	// Name identifies the caller, in the ledger too. It is unique in the file.
	Name string `yaml:"name"`
	// SHA256 is the hash of the token in hex, 64 characters.
	SHA256 string `yaml:"sha256"`
	// Scopes are what the caller may do. Either they or ReadOnly must be given.
	Scopes []Scope `yaml:"scopes"`
	// ReadOnly is short for the one scope licenses:read.
	ReadOnly bool `yaml:"readOnly"`
	// Families are those that the caller may act on; all where there are none.
	Families []websoftsolus.Family `yaml:"families"`
	// The caps of the caller's own, in 24 hours, beside those of the server: 0 is
	// none allowed, nil no cap of its own.
	MaxOrdersPerDay       *int `yaml:"maxOrdersPerDay"`
	MaxTerminationsPerDay *int `yaml:"maxTerminationsPerDay"`
	// SeesAll lets the caller see other callers' operations.
	SeesAll bool `yaml:"seesAll"`
	// Approver lets the caller approve what others proposed.
	Approver bool `yaml:"approver"`
	// Expires is when the token ends: RFC 3339, or a date, which means its
	// beginning in UTC. Empty for never.
	Expires string `yaml:"expires"`
}

type tokenTable struct {
	tokens   []fileToken
	warnings []string
}

type fileToken struct {
	hash    [sha256.Size]byte
	expires time.Time // zero for never
	caller  *Caller
}

func (t *fileToken) expired(now time.Time) bool { return !t.expires.IsZero() && !now.Before(t.expires) }

// find returns the entry of a token. Every hash is compared, each in constant
// time, so that how long it takes tells nothing of how near a guess was.
func (t *tokenTable) find(token string) *fileToken {
	hash := sha256.Sum256([]byte(token))
	var found *fileToken
	for i := range t.tokens {
		if subtle.ConstantTimeCompare(hash[:], t.tokens[i].hash[:]) == 1 {
			found = &t.tokens[i]
		}
	}
	return found
}

// readTokens reads and checks a tokens file. The error names every mistake, with
// its line.
func readTokens(path string) (*tokenTable, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the tokens file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the tokens file: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxTokensFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the tokens file: %w", err)
	}
	table, err := parseTokens(path, content)
	if err != nil {
		return nil, err
	}
	table.warnings = append(table.warnings, openToOthers(info)...)
	return table, nil
}

// maxTokensFile bounds the file, in bytes: some ten thousand entries.
const maxTokensFile = 4 << 20

// openToOthers warns of a file that others than its owner may change or read.
// The hashes give no token away; who may change the file gives himself one.
func openToOthers(info fs.FileInfo) []string {
	mode := info.Mode()
	switch {
	case runtime.GOOS == "windows" || !mode.IsRegular():
		return nil
	case mode.Perm()&0o022 != 0:
		return []string{"the tokens file can be changed by other users of this machine, who can give themselves a token; chmod 600 it"}
	case mode.Perm()&0o044 != 0:
		return []string{"the tokens file can be read by other users of this machine, who learn who may do what; chmod 600 it"}
	}
	return nil
}

// parseTokens reads the content of a tokens file; path is for messages.
func parseTokens(path string, content []byte) (*tokenTable, error) {
	if len(content) > maxTokensFile {
		return nil, fmt.Errorf("%s is larger than 4 MiB, which no tokens file is", path)
	}
	var file struct {
		Tokens []TokenEntry `yaml:"tokens"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	err := decoder.Decode(&file)
	switch {
	case errors.Is(err, io.EOF): // nothing but comments
	case err != nil:
		return nil, inFile(path, yamlProblems(err))
	default:
		if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			return nil, inFile(path, []string{"the file holds more than one document; only the first would count"})
		}
	}
	table := &tokenTable{tokens: make([]fileToken, len(file.Tokens))}
	if len(file.Tokens) == 0 {
		table.warnings = append(table.warnings, "the tokens file holds no token")
	}
	lines := linesOf(content)
	var problems []string
	names, hashes := map[string]int{}, map[[sha256.Size]byte]int{}
	for i := range file.Tokens {
		wrong := func(field, format string, args ...any) {
			problems = append(problems, fmt.Sprintf("line %d: ", lines.of(i, field))+fmt.Sprintf(format, args...))
		}
		entry, token := &file.Tokens[i], &table.tokens[i]
		*token = entry.check(wrong)
		if first, double := names[strings.ToLower(entry.Name)]; double && entry.Name != "" {
			wrong("name", "the name %q is that of line %d too", entry.Name, lines.of(first, "name"))
		} else {
			names[strings.ToLower(entry.Name)] = i
		}
		if token.hash == [sha256.Size]byte{} {
			continue // said already
		}
		if first, double := hashes[token.hash]; double {
			wrong("sha256", "it is the hash of line %d too; make another token", lines.of(first, "sha256"))
		} else {
			hashes[token.hash] = i
		}
	}
	if len(problems) > 0 {
		return nil, inFile(path, problems)
	}
	return table, nil
}

// nameInFile is what a name in the file may be. It has no space, so that no name
// here is that of an OAuth caller.
var nameInFile = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`) })

// check turns an entry into a token; wrong is told each mistake with its field.
func (e *TokenEntry) check(wrong func(field, format string, args ...any)) fileToken {
	caller := &Caller{
		Name: e.Name, Scopes: e.Scopes, Families: e.Families,
		MaxOrdersPerDay: e.MaxOrdersPerDay, MaxTerminationsPerDay: e.MaxTerminationsPerDay,
		SeesAll: e.SeesAll, Approver: e.Approver,
	}
	token := fileToken{caller: caller}
	if !nameInFile().MatchString(e.Name) {
		wrong("name", "name %q must be 1 to 64 letters, digits and . _ @ + -, and begin with a letter or digit", e.Name)
	}
	if hash, err := hex.DecodeString(e.SHA256); err == nil && len(hash) == len(token.hash) {
		token.hash = [sha256.Size]byte(hash)
	} else {
		wrong("sha256", "sha256 must be 64 hexadecimal digits: the hash of the token, as websoftsolus-mcp token prints it")
	}
	switch {
	case e.ReadOnly && len(e.Scopes) > 0:
		wrong("readOnly", "readOnly and scopes exclude one another; keep one")
	case e.ReadOnly:
		caller.Scopes = []Scope{Read}
	case len(e.Scopes) == 0:
		wrong("name", "it says nothing of what %q may do: give scopes or readOnly: true", e.Name)
	}
	for _, scope := range e.Scopes {
		if !slices.Contains(Scopes, scope) {
			wrong("scopes", "scope %q is none of %s", scope, strings.ReplaceAll(scopeList(Scopes), " ", ", "))
		}
	}
	for _, family := range e.Families {
		if !slices.Contains(websoftsolus.Families, family) {
			wrong("families", "family %q is none of plesk, cpanel, virtuozzo", family)
		}
	}
	for field, limit := range map[string]*int{"maxOrdersPerDay": e.MaxOrdersPerDay, "maxTerminationsPerDay": e.MaxTerminationsPerDay} {
		if limit != nil && *limit < 0 {
			wrong(field, "%s is %d; 0 allows none, and left out there is no cap of its own", field, *limit)
		}
	}
	if e.Expires != "" {
		var err error
		if token.expires, err = ParseExpiry(e.Expires); err != nil {
			wrong("expires", "%v", err)
		}
	}
	return token
}

// ParseExpiry reads when a token ends, as the file has it: RFC 3339, or a date,
// which means its beginning in UTC.
func ParseExpiry(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("expires %q must be a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z", text)
}

// entryLines knows on which line each entry and each of its fields stand.
type entryLines []*yaml.Node

func linesOf(content []byte) entryLines {
	var document yaml.Node
	if yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
		return nil
	}
	return entryLines(fieldOf(document.Content[0], "tokens").Content)
}

// of is the line of an entry's field; that of the entry where it is not given.
func (l entryLines) of(entry int, field string) int {
	if entry >= len(l) {
		return 1
	}
	if found := fieldOf(l[entry], field); found.Line > 0 {
		return found.Line
	}
	return l[entry].Line
}

func fieldOf(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// inOurWords turns the decoder's messages, which speak of Go's types, into words
// for whoever writes the file. They repeat no value: it could be a token.
var inOurWords = sync.OnceValue(func() []decoderWords {
	return []decoderWords{
		{regexp.MustCompile(`field (\S+) not found in type .*`), "unknown field $1"},
		{regexp.MustCompile(`cannot (?:unmarshal|construct) .* into bool$`), "it must be true or false"},
		{regexp.MustCompile(`cannot (?:unmarshal|construct) .* into int$`), "it must be a whole number"},
		{regexp.MustCompile(`cannot (?:unmarshal|construct) .* into \[\].*`), "it must be a list"},
		{regexp.MustCompile(`cannot (?:unmarshal|construct) .* into (callers\.TokenEntry|struct .*)`), "it must be a mapping of fields to values"},
		{regexp.MustCompile(`cannot (?:unmarshal|construct) .*`), "it must be a text"},
	}
})

type decoderWords struct {
	decoder *regexp.Regexp
	words   string
}

// yamlProblems are the messages of a decoder's error, each with its line.
func yamlProblems(err error) []string {
	var mistakes *yaml.LoadErrors
	if !errors.As(err, &mistakes) {
		return []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	problems := make([]string, len(mistakes.Errors))
	for i, mistake := range mistakes.Errors {
		problems[i] = fmt.Sprintf("line %d: %s", mistake.Mark.Line, mistake.Message)
		for _, in := range inOurWords() {
			if in.decoder.MatchString(problems[i]) {
				problems[i] = in.decoder.ReplaceAllString(problems[i], in.words)
				break
			}
		}
	}
	return problems
}

func inFile(path string, problems []string) error {
	return fmt.Errorf("%s: %s", path, strings.Join(problems, "\n"+path+": "))
}
