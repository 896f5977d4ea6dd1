package operations

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// A URL of a database may hold a password, and whoever parses a wrong one likes
// to quote it. So the password is taken out before anything else sees the URL,
// and put back where it is used.

const urlForm = "it must read postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with %-escapes for characters such as @, / and # in the password"

// CheckPostgresURL says what is wrong with the URL of a database, without asking
// the database. The error holds nothing of the URL's password.
func CheckPostgresURL(url string) error {
	_, err := parsePostgres(url)
	return err
}

// parsePostgres reads the URL of a database. Its errors hold nothing of the URL's
// password.
func parsePostgres(given string) (*pgx.ConnConfig, error) {
	without, password, err := withoutPassword(given)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(without)
	if err != nil {
		why := "its parts cannot be read"
		if cause := errors.Unwrap(err); cause != nil {
			why = cause.Error()
		}
		return nil, fmt.Errorf("the URL is wrong: %s; %s", why, urlForm)
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > 10*time.Second {
		config.ConnectTimeout = 5 * time.Second
	}
	if !says(without, "sslmode") && os.Getenv("PGSSLMODE") == "" && !here(config) {
		// The driver's own default would fall back to a connection that anybody on
		// the way can read and change.
		separator := "?"
		if strings.Contains(without, "?") {
			separator = "&"
		}
		verified, err := pgx.ParseConfig(without + separator + "sslmode=verify-full")
		if err != nil {
			return nil, fmt.Errorf("the URL is wrong: %s", urlForm)
		}
		verified.ConnectTimeout = config.ConnectTimeout
		config = verified
	}
	if password != "" {
		config.Password = password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "websoftsolus-mcp"
	}
	return config, nil
}

// withoutPassword takes the password out of a URL, from before the host or from
// the parameters. A URL in which a password may stand elsewhere is an error.
func withoutPassword(given string) (without, password string, err error) {
	wrong := errors.New("the URL is wrong: " + urlForm)
	scheme, rest, found := strings.Cut(given, "://")
	if !found || !strings.EqualFold(scheme, "postgres") && !strings.EqualFold(scheme, "postgresql") {
		return "", "", wrong
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, after := rest[:end], rest[end:]
	user := ""
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, authority = authority[:at], authority[at:]
		user, password, _ = strings.Cut(user, ":")
		if password, err = url.PathUnescape(password); err != nil {
			return "", "", wrong
		}
	}
	// An @ or # further on was not escaped, so what was taken for the host may be
	// a part of the password.
	if strings.ContainsRune(after, '@') || strings.ContainsRune(rest, '#') || strings.ContainsAny(user, "@") {
		return "", "", wrong
	}
	path, query, asked := strings.Cut(after, "?")
	if asked {
		var kept []string
		for _, parameter := range strings.Split(query, "&") {
			name, value, _ := strings.Cut(parameter, "=")
			name, err := url.PathUnescape(name)
			if err != nil {
				return "", "", wrong
			}
			switch name {
			case "sslpassword":
				return "", "", errors.New("sslpassword cannot be given in the URL; use a key file without a password that only its owner can read")
			case "password":
				if password, err = url.PathUnescape(value); err != nil {
					return "", "", wrong
				}
			default:
				kept = append(kept, parameter)
			}
		}
		if path += "?" + strings.Join(kept, "&"); len(kept) == 0 {
			path = strings.TrimSuffix(path, "?")
		}
	}
	return "postgres://" + user + authority + path, password, nil
}

// says whether a URL has a parameter.
func says(given, parameter string) bool {
	_, query, _ := strings.Cut(given, "?")
	return strings.HasPrefix(query, parameter+"=") || strings.Contains(query, "&"+parameter+"=")
}

// here says whether every host that may be connected to is this machine.
func here(config *pgx.ConnConfig) bool {
	hosts := []string{config.Host}
	for _, f := range config.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		if !strings.HasPrefix(host, "/") && !strings.HasPrefix(host, "@") && !websoftsolus.IsLoopback(host) {
			return false
		}
	}
	return true
}

// place names the database for people.
func place(config *pgx.ConnConfig) string {
	host := config.Host
	if !strings.HasPrefix(host, "/") {
		host = net.JoinHostPort(host, fmt.Sprint(config.Port))
	}
	database := config.Database
	if database == "" {
		database = config.User
	}
	return fmt.Sprintf("%s at %s", database, host)
}
