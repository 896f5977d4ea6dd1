package callers

import (
	"context"
	"net/http"
	"strings"
)

// SignIn says whose token it is, and whether its holder may approve what waits
// for a person. It is for a page, where the token is typed into a form.
func (a *Authenticator) SignIn(ctx context.Context, token string) (who string, ok bool) {
	r := (&http.Request{Header: http.Header{"Authorization": {"Bearer " + strings.TrimSpace(token)}}}).WithContext(ctx)
	caller, err := a.Authenticate(r)
	if err != nil || caller == nil || !caller.Approver {
		return "", false
	}
	return caller.Name, true
}

// Named is what the caller of that name may do now: for a server that does in
// their name what they asked for earlier. A name of the tokens file whose token
// was taken out or has expired may do nothing. It is nil where nothing is known
// of the name: of a caller of the issuer, whose token is not at hand, and where
// nobody had to say who they are.
func (a *Authenticator) Named(name string) *Caller {
	if a == nil || name == "" || strings.Contains(name, " ") { // see resourceServer.caller
		return nil
	}
	if table := a.tokens.Load(); table != nil {
		for i := range table.tokens {
			if token := &table.tokens[i]; token.caller.Name == name && !token.expired(a.now()) {
				return token.caller
			}
		}
	}
	return &Caller{Name: name}
}
