package inventory

import (
	"container/list"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// cache keeps properties, the ones used last, up to a number of bytes. Its
// owner locks it. The zero value keeps nothing.
type cache struct {
	limit int64
	size  int64
	byKey map[licenceKey]*list.Element
	used  list.List // of *kept, the one used last in front
}

// kept is one licence in the cache.
type kept struct {
	key     licenceKey
	license *websoftsolus.License
	until   time.Time
	size    int64
}

// overhead is what a licence takes in memory beside its texts: the structs, the
// list element, the place in the map.
const overhead = 600

func (c *cache) get(key licenceKey, now time.Time) *websoftsolus.License {
	element := c.byKey[key]
	if element == nil {
		return nil
	}
	k := element.Value.(*kept)
	if !now.Before(k.until) {
		c.remove(element)
		return nil
	}
	c.used.MoveToFront(element)
	return k.license
}

func (c *cache) put(key licenceKey, l *websoftsolus.License, now, until time.Time) {
	if element := c.byKey[key]; element != nil {
		c.remove(element)
	}
	size := overhead + int64(len(key.number)+cap(l.Properties)+len(l.KeyNumber)+len(l.NamedKey)+len(l.Title)+len(l.Comment)+
		len(l.Product)+len(l.Status)+len(l.Period)+len(l.ServerIP)+len(l.OrderedAt)+len(l.ExpiresAt))
	if size > c.limit {
		return
	}
	for last := c.used.Back(); last != nil; last = c.used.Back() {
		if c.size+size <= c.limit && now.Before(last.Value.(*kept).until) {
			break
		}
		c.remove(last)
	}
	if c.byKey == nil {
		c.byKey = map[licenceKey]*list.Element{}
	}
	c.byKey[key] = c.used.PushFront(&kept{key: key, license: l, until: until, size: size})
	c.size += size
}

func (c *cache) remove(element *list.Element) {
	k := c.used.Remove(element).(*kept)
	delete(c.byKey, k.key)
	c.size -= k.size
}

// forget drops every licence that a key number may mean.
func (c *cache) forget(family websoftsolus.Family, canonical string) {
	for key, element := range c.byKey {
		l := element.Value.(*kept).license
		if key.family == family && (websoftsolus.CanonicalKey(key.number) == canonical || websoftsolus.CanonicalKey(l.KeyNumber) == canonical || websoftsolus.CanonicalKey(l.NamedKey) == canonical) {
			c.remove(element)
		}
	}
}
