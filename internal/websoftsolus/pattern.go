package websoftsolus

import (
	"regexp"
	"sync"
)

// compiled returns a pattern that is compiled when it is first used: most starts
// of the program use none.
func compiled(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
