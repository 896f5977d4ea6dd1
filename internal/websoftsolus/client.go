package websoftsolus

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Client talks to the API at one base URL. Its fields are set before the first
// call and not changed after. Base URL, login and secret are needed: without one
// of them every call fails as NotConfigured, before anything is sent. The zero
// value of each other field works. It is safe for use by many goroutines.
type Client struct {
	// BaseURL is where the API begins, with or without a slash at its end, e.g.
	// "https://api.websoftsolus.com/", or "https://api.websoftsolus.com/test/" for
	// the test environment. See ParseBaseURL. It has no default: one would be live.
	BaseURL string
	// Login is the API login, and Secret the API key.
	Login  string
	Secret string
	// UserAgent is sent with every request; "websoftsolus-mcp" where it is empty.
	UserAgent string
	// Timeout bounds one attempt of a request, its answer's body included; 30 s
	// where it is zero. A call's context bounds all of its attempts and pauses.
	Timeout time.Duration
	// MaxConcurrency is how many requests are under way at a time; 8 where it is
	// zero. Waiting for a turn ends with the call's context.
	MaxConcurrency int
	// Transport carries the requests; one of its own, with proxies from the
	// environment and HTTP/2 where offered, where it is nil. One that does not
	// report its connections to net/http/httptrace makes every failed write
	// unknown. It follows no redirect.
	Transport http.RoundTripper
	// Observe, if set, is called after every attempt with the call's context, by
	// many goroutines at once.
	Observe func(context.Context, Attempt)

	// Now, Sleep and Jitter are time and chance; real where they are nil. Sleep
	// returns the context's error if that ends first. Jitter draws from [0, d).
	Now    func() time.Time
	Sleep  func(ctx context.Context, d time.Duration) error
	Jitter func(d time.Duration) time.Duration

	once  sync.Once
	http  *http.Client
	slots chan struct{}
	token tokens
}

// Attempt describes one attempt of a request, without any of its values.
type Attempt struct {
	Method   string
	Endpoint string        // e.g. "/license/{family}/{keyNumber}"
	Number   int           // 1 for the first of its call
	Status   int           // 0 where there was no answer
	Kind     ErrorKind     // empty where it succeeded
	Took     time.Duration // without the wait for a turn
}

const (
	defaultTimeout     = 30 * time.Second
	defaultConcurrency = 8
	maxBody            = 8 << 20 // bytes, decompressed
)

func (c *Client) start() {
	c.once.Do(func() {
		concurrency := c.MaxConcurrency
		if concurrency <= 0 {
			concurrency = defaultConcurrency
		}
		c.slots = make(chan struct{}, concurrency)
		transport := c.Transport
		if transport == nil {
			transport = newTransport(concurrency)
		}
		c.http = &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		if c.Now == nil {
			c.Now = time.Now
		}
		if c.Sleep == nil {
			c.Sleep = sleep
		}
		if c.Jitter == nil {
			c.Jitter = rand.N[time.Duration]
		}
		if c.Timeout <= 0 {
			c.Timeout = defaultTimeout
		}
		if c.UserAgent == "" {
			c.UserAgent = "websoftsolus-mcp"
		}
	})
}

// newTransport is net/http's default one, but for the connections kept: as many
// as are used at a time, so that none is opened anew for every request.
func newTransport(concurrency int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2 * concurrency,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// configured returns the base URL, if there is all that a request needs.
func (c *Client) configured(op string) (base string, err error) {
	c.start()
	if c.Login == "" || c.Secret == "" {
		return "", &Error{Op: op, Kind: NotConfigured, Outcome: NotDone, Err: errors.New("the API login or secret is not set; set WEBSOFTSOLUS_LOGIN and WEBSOFTSOLUS_SECRET")}
	}
	base, err = ParseBaseURL(c.BaseURL)
	if err != nil {
		return "", &Error{Op: op, Kind: NotConfigured, Outcome: NotDone, Err: err}
	}
	return base, nil
}

// call is one request to make.
type call struct {
	op       string // for errors
	method   string
	endpoint string // for Observe
	base     string // the base URL
	path     string // below it
	form     url.Values
	noToken  bool
}

// write says whether the request may have an effect, so that it is sent once and
// its outcome matters. Asking for a token has none.
func (c call) write() bool { return c.method != http.MethodGet && !c.noToken }

// answer is one that arrived whole, with a 2xx.
type answer struct {
	status int
	header http.Header
	body   []byte // UTF-8
	digest string
}
