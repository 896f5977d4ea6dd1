package inventory

import (
	"context"
	"net/url"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Client is a REST client with its writes.
type Client interface {
	API
	Order(ctx context.Context, family websoftsolus.Family, form url.Values) (*websoftsolus.Receipt, error)
	Edit(ctx context.Context, family websoftsolus.Family, keyNumber, title, comment string) (*websoftsolus.Receipt, error)
	Terminate(ctx context.Context, family websoftsolus.Family, keyNumber string) (*websoftsolus.Receipt, error)
}

// Forgetting returns the client with every write followed by Forget, whatever
// came of it. Its reads are the client's own and never come from the cache: who
// writes has to see what is.
func (r *Reader) Forgetting(c Client) Client { return &forgetting{c, r} }

type forgetting struct {
	Client
	reader *Reader
}

func (f *forgetting) Edit(ctx context.Context, family websoftsolus.Family, keyNumber, title, comment string) (*websoftsolus.Receipt, error) {
	defer f.reader.Forget(family, keyNumber)
	return f.Client.Edit(ctx, family, keyNumber, title, comment)
}

func (f *forgetting) Terminate(ctx context.Context, family websoftsolus.Family, keyNumber string) (*websoftsolus.Receipt, error) {
	defer f.reader.Forget(family, keyNumber)
	return f.Client.Terminate(ctx, family, keyNumber)
}

// Forget drops what is kept of a licence. It is called after each write of the
// licence. For a TTL nothing is kept of it then: the write may have taken effect
// and not show yet, or, where its outcome is unknown, take effect later.
func (r *Reader) Forget(family websoftsolus.Family, keyNumber string) {
	r.start()
	canonical := websoftsolus.CanonicalKey(keyNumber)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	for key, at := range r.written {
		if now.Sub(at) >= r.TTL {
			delete(r.written, key)
		}
	}
	r.written[licenceKey{family, canonical}] = now
	r.cache.forget(family, canonical)
	for key := range r.flights { // those who come later want what is now
		if key.family == family && websoftsolus.CanonicalKey(key.number) == canonical {
			delete(r.flights, key)
		}
	}
}

// justWritten says whether a licence was written within the last TTL. The caller
// holds the lock.
func (r *Reader) justWritten(key licenceKey, l *websoftsolus.License, now time.Time) bool {
	for _, number := range []string{key.number, l.KeyNumber, l.NamedKey} {
		if at, written := r.written[licenceKey{key.family, websoftsolus.CanonicalKey(number)}]; written && now.Sub(at) < r.TTL {
			return true
		}
	}
	return false
}
