package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a sandbox behind a listener of its own.
type Server struct {
	// URL is the base URL, with a slash at the end, e.g. "http://127.0.0.1:8089/".
	URL string

	http    *http.Server
	closing chan struct{}
	served  chan struct{}
	failed  error // why serving ended, once served is closed

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup // handlers, which http.Server.Close does not wait for
}

// Start serves the sandbox on a TCP address such as "127.0.0.1:0" until Close.
func (s *Sandbox) Start(addr string) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	bound := listener.Addr().(*net.TCPAddr)
	host := bound.IP.String()
	if bound.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	server := &Server{
		URL:     "http://" + net.JoinHostPort(host, fmt.Sprint(bound.Port)) + s.base,
		closing: make(chan struct{}),
		served:  make(chan struct{}),
	}
	server.http = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.serve(s, w, r) }),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // broken connections are what it is for
	}
	go func() {
		defer close(server.served)
		if err := server.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			server.failed = err
		}
	}()
	return server, nil
}

func (s *Server) serve(sandbox *Sandbox, w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.active.Add(1)
	s.mu.Unlock()
	defer s.active.Done()
	sandbox.serve(w, r, s.closing)
}

// Close breaks every connection and waits for what is being served to end. What
// waits for its effect does not take effect any more. A second Close does
// nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	var err error
	if first {
		close(s.closing)
		err = s.http.Close()
	}
	s.active.Wait()
	<-s.served
	return err
}

// Run serves a sandbox until ctx ends and prints how to reach it: the base URLs,
// and the login and the secret, which are made up.
func Run(ctx context.Context, w io.Writer, addr string, opts Options) error {
	s := New(opts)
	server, err := s.Start(addr)
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	login, secret := s.Credentials()
	_, err = fmt.Fprintf(w, `Simulated WebSoftSolus API: made-up licences, nothing is bought.
Base URL: %[1]s
Test URL: %[1]stest/
Login:    %[2]s
Secret:   %[3]s (made up, for this sandbox only)

WEBSOFTSOLUS_URL=%[1]s WEBSOFTSOLUS_LOGIN=%[2]s WEBSOFTSOLUS_SECRET=%[3]s websoftsolus-mcp
`, server.URL, login, secret)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case <-ctx.Done():
	case <-server.served:
	}
	return errors.Join(server.Close(), server.failed)
}
