package callers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	// rememberAnswer is how long an answer of the issuer stands for the next one.
	// A token with a key id that nobody knows makes the keys be fetched; with this,
	// any number of such tokens fetch them once in this time.
	rememberAnswer = 5 * time.Second
	// rememberFailure is the same for no answer, so that callers are not kept
	// waiting one after the other for an issuer that is down.
	rememberFailure = 5 * time.Second
	// maxIssuerAnswer bounds an answer, in bytes.
	maxIssuerAnswer = 1 << 20
)

// issuerUnavailable says that the issuer's keys could not be had.
type issuerUnavailable struct{ cause error }

func (e *issuerUnavailable) Error() string {
	return "the issuer's keys cannot be had: " + e.cause.Error()
}
func (e *issuerUnavailable) Unwrap() error { return e.cause }

// issuerTransport carries requests to the issuer: GETs of its metadata and its
// keys, and nothing else. Anything but a readable 200 is an error.
type issuerTransport struct {
	next http.RoundTripper // nil is http.DefaultTransport
	now  func() time.Time
	log  *slog.Logger

	mu      sync.Mutex
	answers map[string]*issuerAnswer // by URL, of which an issuer has two
}

type issuerAnswer struct {
	mu   sync.Mutex // held while it is fetched
	at   time.Time
	body []byte
	err  error
}

func (t *issuerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.URL.String()
	t.mu.Lock()
	if t.answers == nil {
		t.answers = map[string]*issuerAnswer{}
	}
	answer := t.answers[key]
	if answer == nil {
		answer = &issuerAnswer{}
		t.answers[key] = answer
	}
	t.mu.Unlock()

	answer.mu.Lock()
	defer answer.mu.Unlock()
	keep := rememberAnswer
	if answer.err != nil {
		keep = rememberFailure
	}
	if age := t.now().Sub(answer.at); answer.at.IsZero() || age >= keep || age < 0 {
		answer.body, answer.err = t.fetch(r)
		answer.at = t.now()
		if answer.err != nil {
			t.log.Warn("the OAuth issuer did not answer", "url", key, "error", answer.err)
		}
	}
	if answer.err != nil {
		return nil, answer.err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(answer.body)),
		ContentLength: int64(len(answer.body)), Request: r,
	}, nil
}

func (t *issuerTransport) fetch(r *http.Request) ([]byte, error) {
	if _, err := secureURL(r.URL.Scheme + "://" + r.URL.Host); err != nil {
		return nil, err // the issuer's metadata named it
	}
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxIssuerAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxIssuerAnswer || !json.Valid(body) {
		return nil, fmt.Errorf("its answer is not JSON, or larger than 1 MiB")
	}
	return body, nil
}
