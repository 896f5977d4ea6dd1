package websoftsolus

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// ParseBaseURL checks a base URL and returns it with a slash at its end. It must
// be https, or http to this machine; a name other than localhost is not taken
// for this machine. Login, query and fragment have no place in it, and since
// they may hold a secret no error repeats the text.
func ParseBaseURL(text string) (string, error) {
	const example = "write it like https://api.websoftsolus.com/"
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("the base URL cannot be read; " + example)
	}
	switch {
	case u.User != nil:
		return "", errors.New("the base URL holds a login; leave it out")
	case u.Hostname() == "":
		return "", errors.New("the base URL names no host; " + example)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return "", errors.New("the base URL has a query or a fragment; leave it out")
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return "", fmt.Errorf("plain http to %s would show the secret to the network; use https", u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("scheme %q is not https", u.Scheme)
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/") + "/", nil
}

// IsLoopback says whether a host, without its port, is this machine: localhost,
// or a loopback address. No other name is, whatever it may resolve to.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
