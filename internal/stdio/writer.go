package stdio

import (
	"fmt"
	"io"
	"sync"
)

// maxUnwritten is how much may wait for a client that does not read. Whoever
// has more to say waits.
const maxUnwritten = 32 << 20

// writer puts whole lines on the output. Lines that come while it is busy go
// out together in the next write.
type writer struct {
	out    io.Writer
	broken chan struct{} // closed when the output cannot be written any more
	done   chan struct{}

	mu     sync.Mutex
	cond   *sync.Cond
	buffer []byte
	closed bool
	err    error
}

func newWriter(out io.Writer) *writer {
	w := &writer{out: out, broken: make(chan struct{}), done: make(chan struct{})}
	w.cond = sync.NewCond(&w.mu)
	go w.run()
	return w
}

// write takes one line with its newline. After a failure lines go nowhere:
// nobody is there to read them.
func (w *writer) write(line []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.buffer) > maxUnwritten && w.err == nil {
		w.cond.Wait()
	}
	if w.err == nil && len(line) > 0 {
		w.buffer = append(w.buffer, line...)
		w.cond.Broadcast()
	}
}

// writeLine takes a message without its newline; none where it is empty.
func (w *writer) writeLine(message []byte) {
	if len(message) > 0 {
		w.write(append(message, '\n'))
	}
}

func (w *writer) run() {
	defer close(w.done)
	var spare []byte
	for {
		w.mu.Lock()
		for len(w.buffer) == 0 && !w.closed {
			w.cond.Wait()
		}
		lines := w.buffer
		w.buffer = spare[:0]
		w.mu.Unlock()
		if len(lines) == 0 {
			return
		}
		_, err := w.out.Write(lines)
		if spare = lines; cap(spare) > 1<<20 {
			spare = nil
		}
		w.mu.Lock()
		if err != nil {
			w.err = fmt.Errorf("write stdout: %w", err)
			w.buffer = nil
			close(w.broken)
		}
		w.cond.Broadcast()
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// close writes what is left and returns what went wrong.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.cond.Broadcast()
	w.mu.Unlock()
	<-w.done
	return w.err
}
