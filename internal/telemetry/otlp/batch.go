package otlp

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
)

// batchSettings are OTEL_BSP_*.
type batchSettings struct {
	delay   time.Duration // how long a span may wait for others
	timeout time.Duration // of sending one batch, retries included
	queue   int           // spans that may wait
	size    int           // of the largest batch
}

// worker is the goroutine of one signal, and how it is stopped.
type worker struct {
	running context.Context // what is sent is sent in it
	cancel  context.CancelFunc
	stop    chan struct{} // closed when nothing more comes
	done    chan error    // what came of the last sending
}

func newWorker() worker {
	w := worker{stop: make(chan struct{}), done: make(chan error, 1)}
	w.running, w.cancel = context.WithCancel(context.Background())
	return w
}

// shutdown has the goroutine send what is left, until ctx ends. It is nil only
// where there was time for that: what the end of ctx broke off may have failed
// before the goroutine knew that it was the last.
func (w *worker) shutdown(ctx context.Context) error {
	defer w.cancel()
	defer context.AfterFunc(ctx, w.cancel)()
	close(w.stop)
	err := <-w.done // what is sent ends with ctx, so this does
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// batches is the queue of spans.
type batches struct {
	worker
	settings batchSettings
	resource message
	sender   *sender
	spans    chan *span
	dropped  atomic.Int64
}

func newBatches(settings batchSettings, resource message, s *sender) *batches {
	b := &batches{worker: newWorker(), settings: settings, resource: resource, sender: s, spans: make(chan *span, settings.queue)}
	go func() {
		defer s.http.CloseIdleConnections()
		b.done <- b.run()
	}()
	return b
}

// add queues a span, and drops it where the queue is full. It never waits.
func (b *batches) add(s *span) {
	select {
	case b.spans <- s:
	default:
		b.dropped.Add(1)
	}
}

// run sends a batch when it is full or its first span has waited for long
// enough, and at the end what is left.
func (b *batches) run() error {
	var (
		batch []*span
		due   <-chan time.Time // nil where nothing waits
		last  error
	)
	flush := func() {
		if len(batch) > 0 {
			last = b.send(batch)
		}
		batch, due = nil, nil
	}
	for {
		select {
		case s := <-b.spans:
			if batch = append(batch, s); len(batch) == 1 {
				due = time.After(b.settings.delay)
			}
			if len(batch) >= b.settings.size {
				flush()
			}
		case <-due:
			flush()
		case <-b.stop:
			last = nil
			for {
				select {
				case s := <-b.spans:
					if batch = append(batch, s); len(batch) >= b.settings.size {
						flush()
					}
					continue
				default:
				}
				flush()
				return last
			}
		}
	}
}

func (b *batches) send(batch []*span) error {
	ctx, cancel := context.WithTimeout(b.running, b.settings.timeout)
	defer cancel()
	err := b.sender.send(ctx, b.stop, traceRequest(b.resource, batch))
	if n := b.dropped.Swap(0); n > 0 {
		b.sender.log.Warn("spans were dropped: the queue was full", "spans", n)
	}
	return err
}

// intervalSettings are OTEL_METRIC_EXPORT_*.
type intervalSettings struct {
	every   time.Duration
	timeout time.Duration // of reading and sending, retries included
}

// readings sends the metrics at intervals.
type readings struct {
	worker
	settings intervalSettings
	resource message
	read     func(context.Context) telemetry.Reading
	sender   *sender
}

func newReadings(settings intervalSettings, resource message, read func(context.Context) telemetry.Reading, s *sender) *readings {
	r := &readings{worker: newWorker(), settings: settings, resource: resource, read: read, sender: s}
	go func() {
		defer s.http.CloseIdleConnections()
		r.done <- r.run()
	}()
	return r
}

// run sends a reading at each interval, and one at the end.
func (r *readings) run() error {
	every := time.NewTicker(r.settings.every)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			_ = r.send() // the sender says so in the log, and the next one brings all of it
		case <-r.stop:
			return r.send()
		}
	}
}

func (r *readings) send() error {
	ctx, cancel := context.WithTimeout(r.running, r.settings.timeout)
	defer cancel()
	reading := r.read(ctx)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read the metrics: %w", err)
	}
	return r.sender.send(ctx, r.stop, metricsRequest(r.resource, reading))
}
