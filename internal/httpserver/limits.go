package httpserver

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits counts what each caller does. Callers that need no name are one.
type limits struct {
	mu       sync.Mutex
	byCaller map[string]*usage
}

type usage struct {
	rate    *rate.Limiter
	calls   int
	streams int
}

func (l *limits) of(caller string) *usage {
	if l.byCaller == nil {
		l.byCaller = map[string]*usage{}
	}
	u := l.byCaller[caller]
	if u == nil {
		u = &usage{}
		l.byCaller[caller] = u
	}
	return u
}

// take takes one request from a caller's rate. It reports false where there is
// none, and how long until there is.
func (l *limits) take(caller string, perSecond int, now time.Time) (time.Duration, bool) {
	if perSecond <= 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(caller)
	if u.rate == nil {
		u.rate = rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)
	}
	reservation := u.rate.ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// begin counts one call, or one stream, until the function it returns is called.
// It reports false where the caller has as many as the limit.
func (l *limits) begin(caller string, limit int, count func(*usage) *int) (func(), bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := count(l.of(caller))
	if limit > 0 && *n >= limit {
		return nil, false
	}
	*n++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		*count(l.of(caller))--
	}, true
}

func calls(u *usage) *int   { return &u.calls }
func streams(u *usage) *int { return &u.streams }

// dropIdle forgets callers who do nothing and could make a full burst again.
func (l *limits) dropIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, u := range l.byCaller {
		if u.calls == 0 && u.streams == 0 && (u.rate == nil || u.rate.Tokens() >= float64(u.rate.Burst())) {
			delete(l.byCaller, name)
		}
	}
}

func tooMany(w http.ResponseWriter, wait time.Duration, reason string) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	refuse(w, http.StatusTooManyRequests, reason+"; nothing was done")
}
