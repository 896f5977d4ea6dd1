package websoftsolus

import (
	"context"
	"net/http"
)

// Reachable asks the base URL for anything at all, without a token: nil where
// the API's host answers, whatever it answers. It spends nothing, takes no turn
// from other requests, and says nothing about login and secret.
func (c *Client) Reachable(ctx context.Context) error {
	c.start()
	base, err := ParseBaseURL(c.BaseURL)
	if err != nil {
		return &Error{Op: "reach the API", Kind: NotConfigured, Outcome: NotDone, Err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, base, nil)
	if err != nil {
		return &Error{Op: "reach the API", Kind: NotConfigured, Outcome: NotDone, Err: err}
	}
	request.Header.Set("User-Agent", c.UserAgent)
	response, err := c.http.Do(request)
	if err != nil {
		return &Error{Op: "reach the API", Kind: Network, Outcome: NotDone, Err: err}
	}
	if err := response.Body.Close(); err != nil {
		return &Error{Op: "reach the API", Kind: Network, Outcome: NotDone, Err: err}
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return &Error{Op: "reach the API", Kind: Unavailable, Status: response.StatusCode, Outcome: NotDone}
	}
	return nil
}
