package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progressBar shows on a terminal how much is done, and nothing elsewhere: a
// log or a file is no place for it.
type progressBar struct {
	w    io.Writer // nil where there is no terminal
	what string

	mu    sync.Mutex
	drawn time.Time
}

const barColumns = 30

func newProgressBar(w io.Writer, what string) *progressBar {
	if !movesCursor(w) {
		w = nil
	}
	return &progressBar{w: w, what: what}
}

// tell draws the bar anew, at most ten times a second.
func (b *progressBar) tell(done, total int) {
	if b.w == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); done == total || now.Sub(b.drawn) >= 100*time.Millisecond {
		b.drawn = now
		filled := barColumns * done / max(total, 1)
		fmt.Fprintf(b.w, "\r[%s%s] %d of %d %s", strings.Repeat("=", filled), strings.Repeat(" ", barColumns-filled), done, total, b.what)
	}
}

// end takes the bar off the screen.
func (b *progressBar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w != nil && !b.drawn.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
