package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Waits between retries: the first is drawn below firstWait, each later one from
// twice that span, up to longestWait. Retry-After of the collector comes before.
const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
)

// maxResponse is how much of a response is read, in bytes, so that the
// connection can be used again. None of it is needed.
const maxResponse = 64 << 10

// sender sends one signal's messages to the collector.
type sender struct {
	target target
	signal string
	http   *http.Client
	wait   func(context.Context, time.Duration) error
	now    func() time.Time
	log    *slog.Logger
	broken bool // what was last said in the log; of the one goroutine that sends
}

func newSender(t target, signal string, o Options) *sender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if t.tls != nil {
		transport.TLSClientConfig = t.tls
	}
	if t.header.Get("User-Agent") == "" {
		t.header.Set("User-Agent", "websoftsolus-mcp/"+o.Version)
	}
	return &sender{target: t, signal: signal, wait: o.Wait, now: time.Now, log: o.Logger, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send sends a message, and again where the OTLP specification says so, until it
// is taken, refused for good, or ctx ends. Once stop is closed it waits for no
// retry any more. It says in the log when sending begins to fail, and when it works again.
func (s *sender) send(ctx context.Context, stop <-chan struct{}, m message) error {
	err := s.try(ctx, stop, m)
	switch {
	case err != nil && !s.broken:
		s.log.Warn("the OpenTelemetry collector does not take what is sent; it is dropped until it does", "signal", s.signal, "error", err)
	case err == nil && s.broken:
		s.log.Info("the OpenTelemetry collector takes what is sent again", "signal", s.signal)
	}
	s.broken = err != nil
	return err
}

func (s *sender) try(ctx context.Context, stop <-chan struct{}, m message) error {
	body, err := s.encode(m)
	if err != nil {
		return err
	}
	longest := firstWait
	for {
		pause, err := s.post(ctx, body)
		if err == nil || pause < 0 || ctx.Err() != nil {
			return err
		}
		if pause == 0 {
			pause = rand.N(longest)
			longest = min(2*longest, longestWait)
		}
		select {
		case <-stop:
			return err
		default:
		}
		s.pause(ctx, stop, pause)
	}
}

// pause waits, at most until stop is closed: there is time for one more attempt
// then.
func (s *sender) pause(ctx context.Context, stop <-chan struct{}, d time.Duration) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-waiting.Done():
		}
	}()
	_ = s.wait(waiting, d) // who calls looks at ctx
}

func (s *sender) encode(m message) ([]byte, error) {
	var body []byte
	if s.target.json {
		body = m.json(nil)
	} else {
		body = m.binary(nil)
	}
	if !s.target.gzip {
		return body, nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(body)
	err = errors.Join(err, w.Close()) // which writes the rest
	return packed.Bytes(), err
}

// post sends a body once. On an error pause is how long to wait before the next
// attempt: 0 where nobody said, less than that where there must be none.
func (s *sender) post(ctx context.Context, body []byte) (pause time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.target.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.target.url, bytes.NewReader(body))
	if err != nil {
		return -1, errors.New("the endpoint is no URL")
	}
	request.Header = s.target.header.Clone()
	request.Header.Set("Content-Type", "application/x-protobuf")
	if s.target.json {
		request.Header.Set("Content-Type", "application/json")
	}
	if s.target.gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	response, err := s.http.Do(request)
	if err != nil {
		var wrapped *url.Error // its text holds the URL, which may hold a password
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxResponse)) // the status says it all
	switch response.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return s.retryAfter(response.Header.Get("Retry-After")), fmt.Errorf("the collector answered with HTTP status %d", response.StatusCode)
	}
	return -1, fmt.Errorf("the collector answered with HTTP status %d", response.StatusCode)
}

// retryAfter reads seconds or a date; 0 where it is neither.
func (s *sender) retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 3600)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(s.now()), 0)
	}
	return 0
}
