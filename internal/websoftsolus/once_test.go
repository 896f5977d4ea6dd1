package websoftsolus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Frames of HTTP/2 (RFC 9113, section 6), as far as these tests speak it.
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0x0, 0x1, 0x3, 0x4, 0x7
	endStream, endHeaders, ack                                      = 0x1, 0x4, 0x1
)

func writeFrame(w io.Writer, kind, flags byte, stream uint32, payload []byte) {
	header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	header = binary.BigEndian.AppendUint32(append(header, flags), stream)
	_, _ = w.Write(append(header, payload...))
}

// refuseHTTP2 speaks HTTP/2 by hand: it gives a token on the first stream and
// lets fault answer every other, once it has been read whole.
func refuseHTTP2(conn net.Conn, streams *atomic.Int32, fault func(w io.Writer, stream uint32)) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	writeFrame(conn, frameSettings, 0, 0, nil)
	for first := true; ; {
		header := make([]byte, 9)
		if _, err := io.ReadFull(conn, header); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(header) >> 8
		if _, err := io.ReadFull(conn, make([]byte, length)); err != nil {
			return
		}
		kind, flags, stream := header[3], header[4], binary.BigEndian.Uint32(header[5:])
		switch {
		case kind == frameSettings && flags&ack == 0:
			writeFrame(conn, frameSettings, ack, 0, nil)
		case (kind == frameHeaders || kind == frameData) && flags&endStream != 0:
			if first {
				first = false
				const status200 = 0x88 // HPACK's static table (RFC 7541, appendix A)
				writeFrame(conn, frameHeaders, endHeaders, stream, []byte{status200})
				writeFrame(conn, frameData, endStream, stream, []byte(`{"access_token":"token-1"}`))
				continue
			}
			streams.Add(1)
			fault(conn, stream)
		}
	}
}

// TestHTTP2NeverRepeatsAWrite: net/http repeats a request without a body by
// itself after these, although after the first the server may have acted on it.
func TestHTTP2NeverRepeatsAWrite(t *testing.T) {
	code := func(c uint32) []byte { return binary.BigEndian.AppendUint32(nil, c) }
	for name, fault := range map[string]func(w io.Writer, stream uint32){
		"PROTOCOL_ERROR": func(w io.Writer, stream uint32) { writeFrame(w, frameReset, 0, stream, code(1)) },
		"INTERNAL_ERROR": func(w io.Writer, stream uint32) { writeFrame(w, frameReset, 0, stream, code(2)) },
		"REFUSED_STREAM": func(w io.Writer, stream uint32) { writeFrame(w, frameReset, 0, stream, code(7)) },
		"GOAWAY":         func(w io.Writer, stream uint32) { writeFrame(w, frameGoAway, 0, 0, append(code(1), code(0)...)) },
	} {
		for writeName, write := range writes {
			var streams atomic.Int32
			tls := httptest.NewUnstartedServer(nil) // for its certificate, and a client that trusts it
			tls.EnableHTTP2 = true
			tls.StartTLS()
			client := tls.Client().Transport.(*http.Transport)
			config := tls.TLS.Clone()
			config.NextProtos = []string{"h2"}
			base, stop := listenTLS(t, config, func(conn net.Conn) { refuseHTTP2(conn, &streams, fault) })
			c := &websoftsolus.Client{BaseURL: base, Login: "l", Secret: secret, Transport: client}
			_, err := write(t.Context(), c)
			e := failure(t, err)
			require.Equal(t, websoftsolus.Unknown, e.Outcome, "%s %s: %v", writeName, name, err)
			require.EqualValues(t, 1, streams.Load(), "%s %s", writeName, name)
			client.CloseIdleConnections()
			stop()
			tls.Close()
		}
	}
}

// TestAConnectionClosedAfterTheRequestMeansOneRequest: on one used before, where
// net/http takes the end for a keep-alive that ran out and repeats what it may.
func TestAConnectionClosedAfterTheRequestMeansOneRequest(t *testing.T) {
	for name, write := range writes {
		var received atomic.Int32
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				server := newReader(conn)
				for {
					request, err := server.next()
					if err != nil {
						break
					}
					if strings.HasPrefix(request, "POST /access/token") {
						body := `{"access_token":"token-1"}`
						fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
						continue
					}
					received.Add(1)
					break
				}
				conn.Close()
			}
		}()
		transport := &http.Transport{}
		c := &websoftsolus.Client{BaseURL: "http://" + listener.Addr().String(), Login: "l", Secret: secret, Transport: transport}
		_, err = write(t.Context(), c)
		e := failure(t, err)
		require.Equal(t, websoftsolus.Unknown, e.Outcome, name)
		require.EqualValues(t, 1, received.Load(), name)
		transport.CloseIdleConnections()
		listener.Close()
		<-done
	}
}

// silent is a transport that does not report its connections.
type silent struct{ err error }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/access/token") {
		w := httptest.NewRecorder()
		fmt.Fprint(w, `{"access_token":"token-1"}`)
		return w.Result(), nil
	}
	return nil, s.err
}

func TestATransportThatReportsNothingLeavesAWriteUnknown(t *testing.T) {
	for name, write := range writes {
		c := &websoftsolus.Client{BaseURL: "https://api.example/", Login: "l", Secret: secret, Transport: silent{errors.New("gone")}}
		_, err := write(t.Context(), c)
		require.Equal(t, websoftsolus.Unknown, failure(t, err).Outcome, name)
	}
}

// TestAStatusDecidesAlthoughItsBodyIsBroken: a no stays a no.
func TestAStatusDecidesAlthoughItsBodyIsBroken(t *testing.T) {
	for status, outcome := range map[int]websoftsolus.Outcome{400: websoftsolus.NotDone, 422: websoftsolus.NotDone, 200: websoftsolus.Unknown, 500: websoftsolus.Unknown} {
		for name, write := range writes {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(status)
				fmt.Fprint(w, `{"error":`)
			})
			c, _ := s.client(t)
			_, err := write(t.Context(), c)
			require.Equal(t, outcome, failure(t, err).Outcome, "%s %d", name, status)
		}
	}
}

// TestAWriteThatWaitsForItsTurnInVainIsNotDone: it never got as far.
func TestAWriteThatWaitsForItsTurnInVainIsNotDone(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		fmt.Fprint(w, `[]`)
	})
	c, _ := s.client(t)
	c.MaxConcurrency = 1
	listed := make(chan error)
	go func() {
		_, err := c.ListKeys(t.Context(), websoftsolus.Plesk)
		listed <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := c.Terminate(ctx, websoftsolus.Plesk, "PLSK.02980001")
		ended <- err
	}()
	cancel()
	e := failure(t, <-ended)
	require.Equal(t, websoftsolus.Canceled, e.Kind)
	require.Equal(t, websoftsolus.NotDone, e.Outcome)
	close(release)
	require.NoError(t, <-listed)
	require.EqualValues(t, 1, s.requests.Load())
}
