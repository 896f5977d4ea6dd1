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
