// Package stdio serves one MCP client over a pair of streams: one JSON-RPC
// message a line (MCP specification, "Transports", stdio). It is a loop of its
// own over [server.MCPServer.HandleMessage], because the library's loses calls
// when stdin ends, and runs calls on its read loop when its queue is full.
//
// [Server.Serve] is all of it. What it promises:
//
//   - Every request that was read is answered, once: also those read just before
//     the input ended, and a last line without a newline. The exception is the
//     specification's: a request that the client cancelled.
//   - The reader never waits for a call. The handshake, pings and tools/list are
//     answered as they are read, in order; everything else runs beside it, up to
//     MaxCalls at a time and in the order of arrival.
//   - An id comes back byte for byte.
//   - A line that is too long or is no message gets an error, and the loop goes
//     on.
//   - When the input ends, what was read runs to its end. When the context ends,
//     what runs runs to its end, and what has not begun is answered with an error
//     that says so. Neither ends the context of a running call.
//
// A call's notifications are written before its answer. Requests to the client
// (elicitation) go through the session (session.go). Messages are read and
// answered by package rpc.
package stdio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/logging"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

const (
	defaultMaxCalls = 64
	defaultMaxQueue = 10_000
	defaultMaxLine  = 8 << 20
)

// Server serves one client. Answerer must be set.
type Server struct {
	Answerer *rpc.Answerer
	// SessionID is the client's session among those of the same MCP server;
	// "stdio" where it is empty, which leaves room for one.
	SessionID string
	// Watch lets the client subscribe to resources; nil lets it subscribe to none.
	Watch rpc.Watch
	// Gone is closed when the client has gone and no answer can reach it: what
	// runs is cancelled then. It is nil where the end of the input says nothing of
	// the kind.
	Gone <-chan struct{}
	// Admit, if set, is asked before a request that takes time is taken: where it
	// says no, the request is refused. done is called when the request has ended.
	Admit func() (done func(), ok bool)
	// MaxCalls is how many requests run at a time; 64 where it is zero.
	MaxCalls int
	// MaxQueue is how many requests wait beyond those; one more is refused. 10,000
	// where it is zero.
	MaxQueue int
	// MaxLine is how long a message may be, in bytes; 8 MiB where it is zero.
	MaxLine int
}

// Serve answers the messages of in on out until in ends, ctx ends, or out
// cannot be written, and then until every call that runs has ended. Its error is
// that of reading or writing; the end of in or ctx is none.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	l := newLoop(ctx, s, out)
	if err := l.mcp.RegisterSession(l.ctx, l.session); err != nil {
		return errors.Join(err, l.out.close())
	}
	defer l.abandon()
	if s.Gone != nil {
		go func() {
			select {
			case <-s.Gone:
				l.abandon()
			case <-l.ctx.Done():
			}
		}()
	}
	read := make(chan error, 1)
	go func() { read <- l.read(in) }()

	var failed error
	select {
	case failed = <-read:
	case <-ctx.Done():
		l.stop()
		unblock(in)
	case <-l.out.broken:
		l.stop()
		unblock(in)
	}
	l.session.questions.Close()
	l.session.subscriptions.Close()
	l.endStreams()
	l.calls.Wait()
	l.mcp.UnregisterSession(l.ctx, l.session.SessionID())
	l.session.notifier.Finish()
	return errors.Join(failed, l.out.close())
}

// unblock ends a read that waits, where the stream can do that. A reader that
// cannot be ended holds nothing but its buffer.
func unblock(in io.Reader) {
	if pipe, ok := in.(*io.PipeReader); ok {
		_ = pipe.Close() // never fails
		return
	}
	if stream, ok := in.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = stream.SetReadDeadline(time.Unix(1, 0)) // fails on what has no deadlines: a file, a terminal
	}
}

// loop is one client's connection.
type loop struct {
	mcp        *server.MCPServer
	answerer   *rpc.Answerer
	watch      rpc.Watch
	admit      func() (done func(), ok bool) // nil lets everything in
	maxCalls   int
	maxQueue   int
	maxLine    int
	ctx        context.Context // of calls; ends when the client has gone
	abandon    context.CancelFunc
	streams    context.Context // of requests that last until the client goes
	endStreams context.CancelFunc
	out        *writer
	session    *session

	calls sync.WaitGroup // the goroutines that run calls

	mu      sync.Mutex
	stopped bool             // no call begins any more
	queue   []*call          // waiting, in order of arrival
	running int              // goroutines that take from the queue
	byID    map[string]*call // waiting or running
}

// call is one request on its way.
type call struct {
	id       json.RawMessage
	message  rpc.Message
	ctx      context.Context
	cancel   context.CancelFunc
	admitted func() // ends the admission; nil where there is none
	canceled bool   // by the client: no answer is due
}

func newLoop(ctx context.Context, s *Server, out io.Writer) *loop {
	l := &loop{
		mcp: s.Answerer.MCP, answerer: s.Answerer, watch: s.Watch, admit: s.Admit, maxCalls: s.MaxCalls, maxQueue: s.MaxQueue, maxLine: s.MaxLine,
		out:  newWriter(out),
		byID: map[string]*call{},
	}
	if l.maxCalls <= 0 {
		l.maxCalls = defaultMaxCalls
	}
	if l.maxQueue <= 0 {
		l.maxQueue = defaultMaxQueue
	}
	if l.maxLine <= 0 {
		l.maxLine = defaultMaxLine
	}
	l.session = newSession(s.SessionID, l.out)
	l.ctx = l.mcp.WithContext(context.WithoutCancel(ctx), l.session)
	l.ctx, l.abandon = context.WithCancel(l.ctx)
	l.streams, l.endStreams = context.WithCancel(l.ctx)
	l.session.subscriptions = rpc.NewSubscriptions(l.ctx, l.watch, l.session.notifier.Tell)
	return l
}

// read takes lines until the input ends or the loop is stopped.
func (l *loop) read(in io.Reader) error {
	reader := bufio.NewReaderSize(in, 64<<10)
	for {
		line, tooLong, err := readLine(reader, l.maxLine)
		if l.isStopped() {
			return nil
		}
		if tooLong {
			l.refuse(nil, mcp.INVALID_REQUEST, fmt.Sprintf("the message is longer than %d bytes", l.maxLine))
		} else if line = bytes.TrimSpace(line); len(line) > 0 {
			l.dispatch(line)
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("read stdin: %w", err)
		}
	}
}

// readLine returns a line without its newline. Of one that is longer than limit
// it returns nothing and skips the rest. The last line may lack its newline; it
// comes together with io.EOF.
func readLine(reader *bufio.Reader, limit int) (line []byte, tooLong bool, err error) {
	for {
		part, err := reader.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
			if len(bytes.TrimRight(line, "\r\n")) > limit {
				line, tooLong = nil, true
			}
		}
		if err != bufio.ErrBufferFull {
			return bytes.TrimRight(line, "\r\n"), tooLong, err
		}
	}
}

// dispatch does with a message what its kind asks for. It never waits for a
// call.
func (l *loop) dispatch(line []byte) {
	m, err := rpc.Parse(line)
	if err != nil {
		var wrong *rpc.Invalid
		if errors.As(err, &wrong) {
			l.refuse(wrong.ID, mcp.INVALID_REQUEST, wrong.Reason)
		} else {
			l.refuse(nil, mcp.PARSE_ERROR, "the message is not valid JSON: "+err.Error())
		}
		return
	}
	switch m.Kind {
	case rpc.Response:
		l.session.questions.Answered(m)
	case rpc.Notification:
		if m.Method == "notifications/cancelled" {
			l.cancel(m.Params)
			return
		}
		l.answerer.Answer(l.ctx, m)
	case rpc.Request:
		if l.inOrder(m) {
			return
		}
		l.enqueue(m)
	}
}

// inOrder answers what takes effect in order and takes no time: the handshake,
// pings, and the list of tools, which is kept.
func (l *loop) inOrder(m rpc.Message) bool {
	switch m.Method {
	case "tools/list":
		answer, ok := l.answerer.ToolsList(l.ctx, m)
		l.out.writeLine(answer)
		return ok
	case "initialize", "ping", "server/discover", "logging/setLevel":
		l.out.writeLine(l.answerer.Answer(l.ctx, m))
		return true
	}
	return false
}

// enqueue lets a request run as soon as its turn comes.
func (l *loop) enqueue(m rpc.Message) {
	c := &call{id: m.ID, message: m}
	l.mu.Lock()
	switch {
	case l.stopped:
		l.mu.Unlock()
		return // not read in time
	case l.byID[string(m.ID)] != nil:
		l.mu.Unlock()
		l.refuse(m.ID, mcp.INVALID_REQUEST, "a request with this id is under way; nothing was done")
		return
	case len(l.queue) >= l.maxQueue:
		l.mu.Unlock()
		l.refuse(m.ID, mcp.INTERNAL_ERROR, fmt.Sprintf("%d requests are waiting already; nothing was done", l.maxQueue))
		return
	}
	if l.admit != nil {
		var ok bool
		if c.admitted, ok = l.admit(); !ok {
			l.mu.Unlock()
			l.refuse(m.ID, mcp.INTERNAL_ERROR, "too many requests are under way; nothing was done")
			return
		}
	}
	l.byID[string(m.ID)] = c
	if m.Method == "subscriptions/listen" {
		// It lasts as long as the client wants, so it takes no place from a call.
		c.ctx, c.cancel = context.WithCancel(withID(l.streams, m.ID))
		listener := l.newListener(m.ID)
		l.calls.Go(func() {
			answer := l.answerer.Answer(l.mcp.WithContext(c.ctx, listener), m)
			listener.subscriptions.Close()
			l.finish(c, answer)
		})
		l.mu.Unlock()
		return
	}
	c.ctx, c.cancel = context.WithCancel(withID(l.ctx, m.ID))
	l.queue = append(l.queue, c)
	if l.running < l.maxCalls {
		l.running++
		l.calls.Add(1)
		go l.work()
	}
	l.mu.Unlock()
}

// withID has the log lines of a call carry the id that the client gave it.
func withID(ctx context.Context, id json.RawMessage) context.Context {
	return logging.With(ctx, slog.String("call", string(id)))
}

// work runs calls until none waits.
func (l *loop) work() {
	defer l.calls.Done()
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.running--
			l.mu.Unlock()
			return
		}
		c := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		stopped := l.stopped
		l.mu.Unlock()

		var answer []byte
		switch {
		case c.ctx.Err() != nil: // cancelled while it waited
		case stopped:
			answer = rpc.Refusal(c.id, mcp.INTERNAL_ERROR, "the server is stopping; nothing was done")
		default:
			answer = l.answerer.Answer(c.ctx, c.message)
		}
		l.finish(c, answer)
	}
}

// finish writes a call's answer, unless the client cancelled it, and frees its
// id.
func (l *loop) finish(c *call, answer []byte) {
	l.session.notifier.Settle()
	l.mu.Lock()
	delete(l.byID, string(c.id))
	canceled := c.canceled
	l.mu.Unlock()
	c.cancel()
	if c.admitted != nil {
		c.admitted()
	}
	if !canceled {
		l.out.writeLine(answer)
	}
}

// cancel ends the context of the request that a notification names (MCP
// specification, "Cancellation"). One that is unknown or done is ignored.
func (l *loop) cancel(params json.RawMessage) {
	var named struct {
		RequestID json.RawMessage `json:"requestId"`
	}
	if json.Unmarshal(params, &named) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byID[string(named.RequestID)]; c != nil {
		c.canceled = true
		c.cancel()
	}
}

// stop lets nothing begin any more.
func (l *loop) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
}

func (l *loop) isStopped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

func (l *loop) refuse(id json.RawMessage, code int, reason string) {
	l.out.writeLine(rpc.Refusal(id, code, reason))
}
