package page

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// Loopback serves the approval page on this machine, on a port that is open only
// while something waits. Whoever opens a link there signs in with a code that
// Say has told the person and nobody else.
type Loopback struct {
	Operations Operations
	// Say tells the person at the server: a line on its standard error.
	Say func(line string)
	// Who is the person at this machine, for the record.
	Who string
	Now func() time.Time // nil is time.Now
	// Every is how often it is looked whether something still waits, and Idle how
	// long the port stays open after that, so that the person can read what
	// happened: 5 seconds and 2 minutes where they are 0.
	Every, Idle time.Duration

	mu     sync.Mutex
	served *served // nil while the port is closed
	closed bool
	ended  sync.WaitGroup
}

// served is an open port.
type served struct {
	page   *Page
	server *http.Server
	origin string
	code   string
	said   string // the link that was told last
	wanted bool   // a link was asked for since it was last looked whether something waits
	stop   chan struct{}
}

// Link opens the port where it is closed, and returns the one-time link to an
// operation that waits.
func (l *Loopback) Link(ctx context.Context, o *operations.Operation) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return "", errors.New("the server is shutting down")
	}
	if l.served == nil {
		if err := l.open(); err != nil {
			return "", err
		}
	}
	l.served.wanted = true
	path, err := l.served.page.Link(ctx, o)
	if err != nil {
		return "", err
	}
	link := l.served.origin + path
	if link != l.served.said {
		l.served.said = link
		l.Say("operation " + o.ID + " waits for your approval: open " + link + " and sign in with the code " + l.served.code)
	}
	return link, nil
}

func (l *Loopback) open() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	random := make([]byte, 5)
	rand.Read(random)
	encoded := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").EncodeToString(random)
	s := &served{origin: "http://" + listener.Addr().String(), code: encoded[:4] + "-" + encoded[4:], stop: make(chan struct{})}
	s.page = &Page{
		Operations: l.Operations, Key: RandomKey(), Now: l.Now, Hosts: []string{listener.Addr().String()},
		SecretName: "the code that the server printed on its standard error (your MCP host keeps it in its log)",
		SignIn: func(_ context.Context, secret string) (string, bool) {
			return l.Who, equal(strings.ToUpper(strings.ReplaceAll(secret, "-", "")), encoded)
		},
	}
	s.server = &http.Server{
		Handler: s.page, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second,
		WriteTimeout: performFor + 30*time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	l.served = s
	l.ended.Go(func() { _ = s.server.Serve(listener) }) // ends with Close
	l.ended.Go(func() { l.watch(s) })
	return nil
}

// watch closes the port when nothing has waited for a while.
func (l *Loopback) watch(s *served) {
	every, idle := l.Every, l.Idle
	if every <= 0 {
		every = 5 * time.Second
	}
	if idle <= 0 {
		idle = 2 * time.Minute
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	quiet := time.Duration(0)
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		waiting, err := l.Operations.Waiting(ctx)
		cancel()
		if err == nil && len(waiting) > 0 {
			quiet = 0
		} else {
			quiet += every
		}
		if quiet >= idle && l.forget(s) {
			s.end(performFor + time.Second)
			return
		}
	}
}

// forget lets the next link open another port, unless one was asked for just
// now.
func (l *Loopback) forget(s *served) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.wanted {
		s.wanted = false
		return false
	}
	if l.served == s {
		l.served = nil
	}
	return true
}

// end closes the port, and lets a visitor who is being answered be answered.
func (s *served) end(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
}

// Close closes the port. No link can be made after it.
func (l *Loopback) Close() {
	l.mu.Lock()
	l.closed = true
	s := l.served
	l.served = nil
	l.mu.Unlock()
	if s != nil {
		close(s.stop)
		s.end(2 * time.Second)
	}
	l.ended.Wait()
}
