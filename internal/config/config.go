// Package config turns the flags and variables of the command line into the
// settings that the parts of the server are built from.
//
// [Flags] is the one list of flags, each with its variable and its default; the
// commands of internal/cli embed it. [Flags.Settings] checks them and resolves
// what depends on more than one: the base URL of the environment, the secret
// and its file, the place of the ledger. A mistake in a flag is an error that
// names the flag and what it takes. A missing login or secret is none: the
// server starts, lists its tools, and each call says what to set.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Environment names what the server acts on.
const (
	Live    = "live"    // the API itself: orders cost money
	Test    = "test"    // the base URL with test/ appended; never called safe
	Sandbox = "sandbox" // the simulator inside this program
)

// DefaultBaseURL is the live API (API document, "API URL").
const DefaultBaseURL = "https://api.websoftsolus.com/"

// MemoryJournal is the ledger of a run against the embedded sandbox: it ends
// with the process, as the sandbox does.
const MemoryJournal = ":memory:"

// Flags are the flags that every command that talks to the API takes.
type Flags struct {
	Env                   string        `name:"env" env:"WEBSOFTSOLUS_ENV" default:"live" help:"What to act on: live, test (the base URL with test/ appended) or sandbox (a simulator inside this program)." placeholder:"ENV"`
	URL                   string        `name:"url" env:"WEBSOFTSOLUS_URL" help:"Base URL of the API; ${default_url} unless given. Plain http is accepted for loopback only." placeholder:"URL"`
	Login                 string        `name:"login" env:"WEBSOFTSOLUS_LOGIN" help:"API login. The secret is never a flag: set WEBSOFTSOLUS_SECRET or --secret-file." placeholder:"LOGIN"`
	SecretFile            string        `name:"secret-file" env:"WEBSOFTSOLUS_SECRET_FILE" help:"File that holds the API key and nothing else. WEBSOFTSOLUS_SECRET holds it otherwise." placeholder:"FILE"`
	Journal               string        `name:"journal" env:"WEBSOFTSOLUS_JOURNAL" help:"File of the operations ledger, or the postgres:// URL of a database for one that several servers share; a file per environment and base URL in the user's state directory unless given, in memory for the sandbox." placeholder:"FILE|URL"`
	ReadOnly              bool          `name:"read-only" env:"WEBSOFTSOLUS_READ_ONLY" help:"Leave out every tool that writes."`
	Families              []string      `name:"families" env:"WEBSOFTSOLUS_FAMILIES" help:"Families to offer, of plesk, cpanel and virtuozzo; all unless given." placeholder:"FAMILY,…"`
	Confirm               string        `name:"confirm" env:"WEBSOFTSOLUS_CONFIRM" default:"auto" help:"Who confirms an order or a termination: auto (the person, where the client can ask; the phrase of the preview elsewhere), human (always a person: asked by the client, or by the approve command or page) or code (always the phrase)." placeholder:"MODE"`
	AnswerWithin          time.Duration `name:"answer-within" env:"WEBSOFTSOLUS_ANSWER_WITHIN" default:"2m" help:"How long a person who is asked through the client may take." placeholder:"DURATION"`
	Policy                string        `name:"policy" env:"WEBSOFTSOLUS_POLICY" help:"Policy file: rules that allow, deny or ask a person. See policy check and policy explain." placeholder:"FILE"`
	MaxOrdersPerDay       int           `name:"max-orders-per-day" env:"WEBSOFTSOLUS_MAX_ORDERS_PER_DAY" default:"20" help:"Orders that may be confirmed in 24 hours." placeholder:"N"`
	MaxTerminationsPerDay int           `name:"max-terminations-per-day" env:"WEBSOFTSOLUS_MAX_TERMINATIONS_PER_DAY" default:"20" help:"Terminations that may be confirmed in 24 hours." placeholder:"N"`
	Timeout               time.Duration `name:"timeout" env:"WEBSOFTSOLUS_TIMEOUT" default:"30s" help:"How long one request to the API may take." placeholder:"DURATION"`
	MaxConcurrency        int           `name:"max-concurrency" env:"WEBSOFTSOLUS_MAX_CONCURRENCY" default:"8" help:"Requests to the API at a time." placeholder:"N"`
	LogLevel              string        `name:"log-level" env:"WEBSOFTSOLUS_LOG_LEVEL" default:"info" help:"debug, info, warn or error. Logs go to stderr." placeholder:"LEVEL"`
	LogFormat             string        `name:"log-format" env:"WEBSOFTSOLUS_LOG_FORMAT" default:"text" help:"text or json." placeholder:"FORMAT"`
}

// Settings are checked flags.
type Settings struct {
	Environment string
	BaseURL     string // with a trailing slash; empty for the sandbox, which makes its own
	Login       string
	Secret      string
	// SecretProblem says why the secret file gave no secret; empty otherwise.
	SecretProblem         string
	Journal               string // a file, MemoryJournal, or a URL (IsPostgres), which may hold a password and is never shown
	JournalProblem        string // why no place for the ledger was found; empty otherwise
	ReadOnly              bool
	Confirm               string                // "auto", "human" or "code"
	AnswerWithin          time.Duration         // how long a person who is asked may take
	Families              []websoftsolus.Family // never empty, in the order of websoftsolus.Families
	Policy                *policy.Policy        // nil where there is none
	MaxOrdersPerDay       int
	MaxTerminationsPerDay int
	Timeout               time.Duration
	MaxConcurrency        int
	LogLevel              string
	LogFormat             string
}

// Error is a wrong flag or variable.
type Error struct {
	Flag    string // without the dashes
	Message string
}

func (e *Error) Error() string { return "--" + e.Flag + ": " + e.Message }

// Settings checks the flags and resolves what they leave open. It reads the
// environment variable WEBSOFTSOLUS_SECRET, the secret file, the policy, and nothing else;
// it makes no request and writes nothing. Its error is one or more *Error.
func (f *Flags) Settings() (*Settings, error) {
	s := &Settings{
		Environment:           f.Env,
		Login:                 f.Login,
		ReadOnly:              f.ReadOnly,
		Confirm:               f.Confirm,
		MaxOrdersPerDay:       f.MaxOrdersPerDay,
		MaxTerminationsPerDay: f.MaxTerminationsPerDay,
		Timeout:               f.Timeout,
		MaxConcurrency:        f.MaxConcurrency,
		AnswerWithin:          f.AnswerWithin,
		LogLevel:              f.LogLevel,
		LogFormat:             f.LogFormat,
	}
	var problems []error
	wrong := func(flag, format string, args ...any) {
		problems = append(problems, &Error{Flag: flag, Message: fmt.Sprintf(format, args...)})
	}
	oneOf := func(flag, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			wrong(flag, "%q is none of %s", value, strings.Join(allowed, ", "))
		}
	}
	oneOf("env", f.Env, Live, Test, Sandbox)
	oneOf("confirm", f.Confirm, "auto", "human", "code")
	oneOf("log-level", f.LogLevel, "debug", "info", "warn", "error")
	oneOf("log-format", f.LogFormat, "text", "json")
	if f.MaxOrdersPerDay < 0 {
		wrong("max-orders-per-day", "%d is below 0", f.MaxOrdersPerDay)
	}
	if f.MaxTerminationsPerDay < 0 {
		wrong("max-terminations-per-day", "%d is below 0", f.MaxTerminationsPerDay)
	}
	if f.Timeout < time.Second || f.Timeout > 10*time.Minute {
		wrong("timeout", "%s is not between 1s and 10m", f.Timeout)
	}
	if f.AnswerWithin < time.Second || f.AnswerWithin > 10*time.Minute {
		wrong("answer-within", "%s is not between 1s and 10m, after which a preview expires", f.AnswerWithin)
	}
	if f.MaxConcurrency < 1 || f.MaxConcurrency > 256 {
		wrong("max-concurrency", "%d is not between 1 and 256", f.MaxConcurrency)
	}

	families, err := ParseFamilies(f.Families)
	if err != nil {
		wrong("families", "%v", err)
	}
	s.Families = families

	if f.Env == Sandbox {
		if f.URL != "" {
			wrong("url", "the sandbox is inside this program and has its own; leave --url out, or choose --env live or test")
		}
	} else if s.BaseURL, err = baseURL(f.URL, f.Env); err != nil {
		wrong("url", "%v", err)
	}

	s.Secret, s.SecretProblem, err = secret(f.SecretFile)
	if err != nil {
		wrong("secret-file", "%v", err)
	}

	// A policy that cannot be read is a mistake: a server without it would do what
	// the policy forbids.
	if f.Policy != "" {
		if s.Policy, err = policy.Load(f.Policy); err != nil {
			wrong("policy", "%v", err)
		}
	}

	switch {
	case strings.Contains(f.Journal, "://") && !IsPostgres(f.Journal):
		// Not quoted: it may hold a password all the same.
		wrong("journal", "it is neither a path nor a postgres:// URL")
	case f.Journal != "":
		s.Journal = f.Journal
	case f.Env == Sandbox:
		s.Journal = MemoryJournal
	default:
		s.Journal, s.JournalProblem = defaultJournal(f.Env, s.BaseURL)
	}
	return s, errors.Join(problems...)
}

// IsPostgres says whether a ledger is in a PostgreSQL database, whose URL it is.
func IsPostgres(journal string) bool {
	scheme, _, found := strings.Cut(journal, "://")
	return found && (strings.EqualFold(scheme, "postgres") || strings.EqualFold(scheme, "postgresql"))
}

// ParseFamilies reads the names of families; none means all.
func ParseFamilies(names []string) ([]websoftsolus.Family, error) {
	if len(names) == 0 {
		return websoftsolus.Families, nil
	}
	wanted := map[websoftsolus.Family]bool{}
	for _, name := range names {
		family := websoftsolus.Family(strings.TrimSpace(name))
		if !slices.Contains(websoftsolus.Families, family) {
			return nil, fmt.Errorf("%q is none of plesk, cpanel, virtuozzo", name)
		}
		wanted[family] = true
	}
	return slices.DeleteFunc(slices.Clone(websoftsolus.Families), func(f websoftsolus.Family) bool { return !wanted[f] }), nil
}

func baseURL(given, environment string) (string, error) {
	if given == "" {
		given = DefaultBaseURL
	}
	base, err := websoftsolus.ParseBaseURL(given)
	if err != nil {
		return "", err
	}
	if environment == Test {
		base += "test/"
	}
	return base, nil
}

// secret returns the API key from its variable or its file. A file that cannot
// be read is a problem for the calls, not for the start.
func secret(file string) (value, problem string, err error) {
	variable := strings.TrimSpace(os.Getenv("WEBSOFTSOLUS_SECRET"))
	if file == "" {
		return variable, "", nil
	}
	if variable != "" {
		return "", "", errors.New("WEBSOFTSOLUS_SECRET is set too; keep one of the two")
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", "the secret file cannot be read: " + err.Error(), nil
	}
	value = strings.TrimSpace(string(content))
	switch {
	case value == "":
		return "", "the secret file " + file + " is empty", nil
	case strings.ContainsAny(value, "\r\n"):
		return "", "the secret file " + file + " holds more than one line; it must hold the API key and nothing else", nil
	}
	return value, "", nil
}

// defaultJournal is a file in the user's state directory, one for each
// environment and base URL, so that phrases and caps of one never meet those of
// another.
func defaultJournal(environment, base string) (path, problem string) {
	dir, err := stateDir()
	if err != nil {
		return "", fmt.Sprintf("no place for the ledger: %v; give --journal", err)
	}
	host := "api"
	if u, err := url.Parse(base); err == nil && u.Hostname() != "" {
		host = strings.Map(func(r rune) rune {
			if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
				return r
			}
			return '_'
		}, strings.ToLower(u.Hostname()))
	}
	digest := sha256.Sum256([]byte(base))
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%s.db", environment, host, hex.EncodeToString(digest[:4]))), ""
}

// stateDir follows the XDG base directory specification where it applies, and
// the platform's habit elsewhere.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "websoftsolus-mcp"), nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, "websoftsolus-mcp"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "websoftsolus-mcp"), nil
}

// SecretFileIsOpen says whether others than the owner may read the secret file.
func SecretFileIsOpen(file string) bool {
	if file == "" || runtime.GOOS == "windows" {
		return false
	}
	info, err := os.Stat(file)
	return err == nil && info.Mode()&fs.ModeType == 0 && info.Mode().Perm()&0o077 != 0
}
