package callers

import (
	"encoding/json"
	"net/http"
	"strings"
)

// wellKnown is where the metadata of a protected resource stands (RFC 9728,
// section 3): before the resource's own path.
const wellKnown = "/.well-known/oauth-protected-resource"

// MetadataPaths are the paths that MetadataHandler serves: that of the resource,
// to which challenges point, and the bare one, which clients try that were given
// none. None where there is no issuer.
func (a *Authenticator) MetadataPaths() []string {
	if a == nil || a.oauth == nil {
		return nil
	}
	paths := []string{wellKnown}
	if path := strings.TrimSuffix(a.oauth.resource.Path, "/"); path != "" {
		paths = append(paths, wellKnown+path)
	}
	return paths
}

// MetadataHandler serves the protected resource metadata (RFC 9728): where to
// get a token for this server, and for what. It needs no authentication, and
// answers 404 where there is no issuer.
func (a *Authenticator) MetadataHandler() http.Handler {
	if a == nil || a.oauth == nil {
		return http.NotFoundHandler()
	}
	document, _ := json.Marshal(struct { // texts always marshal
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
		Scopes               []Scope  `json:"scopes_supported"`
		BearerMethods        []string `json:"bearer_methods_supported"`
		Name                 string   `json:"resource_name"`
	}{a.oauth.resource.String(), []string{a.oauth.issuer}, Scopes, []string{"header"}, "WebSoftSolus licences"})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(document) // a client that has gone misses it
	})
}
