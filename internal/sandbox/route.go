package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Endpoint names what a request asks for: one path and method of the API
// document.
type Endpoint string

const (
	Token     Endpoint = "token"     // POST access/token
	List      Endpoint = "list"      // GET license/{family}
	Get       Endpoint = "get"       // GET license/{family}/{keyNumber}
	Edit      Endpoint = "edit"      // PUT license/{family}/{keyNumber}
	Terminate Endpoint = "terminate" // DELETE license/{family}/{keyNumber}
	Versions  Endpoint = "versions"  // GET license/{family}/order
	Order     Endpoint = "order"     // POST license/{family}/order
	Unknown   Endpoint = "unknown"   // a path or a method that the document does not have
)

// Endpoints lists every endpoint.
var Endpoints = []Endpoint{Token, List, Get, Edit, Terminate, Versions, Order, Unknown}

var (
	tokenMethods   = map[string]Endpoint{http.MethodPost: Token}
	familyMethods  = map[string]Endpoint{http.MethodGet: List}
	licenseMethods = map[string]Endpoint{http.MethodGet: Get, http.MethodPut: Edit, http.MethodDelete: Terminate}
	orderMethods   = map[string]Endpoint{http.MethodGet: Versions, http.MethodPost: Order}
)

// route is where a request goes.
type route struct {
	endpoint    Endpoint
	environment Environment
	family      websoftsolus.Family
	keyNumber   string
	below       string // the path below the base, as it came, e.g. test/license/plesk
	allow       string // the methods of a known path whose method is wrong
}

// route reads method and path. The path counts as it came: no cleaning, no
// second slash, no slash at the end.
func (s *Sandbox) route(method, escapedPath string) route {
	r := route{endpoint: Unknown, environment: Live}
	below, ok := strings.CutPrefix(escapedPath, s.base)
	if !ok {
		return r
	}
	r.below = below
	if rest, ok := strings.CutPrefix(below, "test/"); ok {
		r.environment, below = Test, rest
	}
	segments := strings.Split(below, "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" {
			return r
		}
		segments[i] = plain
	}
	var methods map[string]Endpoint
	switch {
	case len(segments) == 2 && segments[0] == "access" && segments[1] == "token":
		methods = tokenMethods
	case len(segments) < 2 || len(segments) > 3 || segments[0] != "license" || !slices.Contains(websoftsolus.Families, websoftsolus.Family(segments[1])):
		return r
	case len(segments) == 2:
		methods = familyMethods
	case segments[2] == "order":
		methods = orderMethods
	default:
		methods, r.keyNumber = licenseMethods, segments[2]
	}
	if methods[method] == "" {
		var allowed []string
		for m := range methods {
			allowed = append(allowed, m)
		}
		slices.Sort(allowed)
		r.allow = strings.Join(allowed, ", ")
		return r
	}
	r.endpoint = methods[method]
	if r.endpoint != Token {
		r.family = websoftsolus.Family(segments[1])
	}
	return r
}
