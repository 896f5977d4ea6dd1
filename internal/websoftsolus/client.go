package websoftsolus

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Client talks to the API at one base URL. Its fields are set before the first
// call and not changed after; login and secret apart, the zero value of each
// works. It is safe for use by many goroutines.
type Client struct {
	// BaseURL is where the API begins, e.g. "https://api.websoftsolus.com/test/"
	// for the test environment. See ParseBaseURL.
	BaseURL string
	Login   string
	Secret  string
	// UserAgent is sent with every request; "websoftsolus-mcp" where it is empty.
	UserAgent string
	// Timeout bounds one attempt of a request, its answer's body included; 30 s
	// where it is zero.
	Timeout time.Duration
	// MaxConcurrency is how many requests are under way at a time; 8 where it is
	// zero.
	MaxConcurrency int
	// Transport carries the requests; one of its own, with proxies from the
	// environment and HTTP/2, where it is nil. Redirects are not its affair.
	Transport http.RoundTripper
	// Observe, if set, is called after every attempt.
	Observe func(Attempt)

	// Now, Sleep and Jitter are time and chance; real where they are nil. Jitter
	// draws from [0, d).
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
	Endpoint string // e.g. "/license/{family}/{keyNumber}"
	Number   int    // 1 for the first
	Status   int    // 0 where there was no answer
	Kind     ErrorKind
	Took     time.Duration
}

const (
	defaultTimeout     = 30 * time.Second
	defaultConcurrency = 8
	maxAttempts        = 4
	firstBackoff       = 250 * time.Millisecond
	maxBackoff         = 4 * time.Second
	maxRetryAfter      = 30 * time.Second // a longer wait is the caller's to make
	maxBody            = 8 << 20
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
			own := http.DefaultTransport.(*http.Transport).Clone()
			own.MaxIdleConnsPerHost = concurrency
			own.MaxConnsPerHost = 0
			own.ForceAttemptHTTP2 = true
			transport = own
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
			c.Jitter = func(d time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(d))) }
		}
		if c.Timeout <= 0 {
			c.Timeout = defaultTimeout
		}
		if c.UserAgent == "" {
			c.UserAgent = "websoftsolus-mcp"
		}
	})
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

// call is one request to make.
type call struct {
	op       string // for errors
	method   string
	endpoint string // for Observe
	path     string // below the base URL
	form     url.Values
	noToken  bool
}

func (c call) write() bool { return c.method != http.MethodGet && !c.noToken }

// answer is one that arrived whole.
type answer struct {
	status int
	header http.Header
	body   []byte // UTF-8
	digest string
}
