package inventory

import "github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"

// Waiting is how many callers wait for a licence.
func Waiting(r *Reader, family websoftsolus.Family, keyNumber string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[licenceKey{family, keyNumber}]; f != nil {
		return f.waiting
	}
	return 0
}
