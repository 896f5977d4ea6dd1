package websoftsolus_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// listenTLS hands connections to a server written by hand, and returns its base
// URL and what ends it.
func listenTLS(t *testing.T, config *tls.Config, handle func(net.Conn)) (base string, stop func()) {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { handle(conn) })
		}
	})
	return "https://" + listener.Addr().String(), func() {
		listener.Close()
		group.Wait()
	}
}

// reader reads whole requests off a connection.
type reader struct{ *bufio.Reader }

func newReader(conn net.Conn) reader { return reader{bufio.NewReader(conn)} }

// next returns the next request's method and path.
func (r reader) next() (string, error) {
	request, err := http.ReadRequest(r.Reader)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return "", err
	}
	return request.Method + " " + request.URL.Path, nil
}
