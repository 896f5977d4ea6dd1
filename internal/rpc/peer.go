package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// maxNotifications is how many notifications wait for a client that does not
// read. The library refuses the one after.
const maxNotifications = 1000

// Notifier hands on what the library puts into a session's channel of
// notifications, one at a time and in order. It costs nothing until somebody
// asks for the channel.
type Notifier struct {
	write func(mcp.JSONRPCNotification)

	mu       sync.Mutex
	channel  chan mcp.JSONRPCNotification // nil until asked for
	finished bool
	flushed  chan struct{}
	flushing sync.Mutex
	ended    chan struct{}
}

// NewNotifier returns a Notifier that has write called with each notification.
func NewNotifier(write func(mcp.JSONRPCNotification)) *Notifier { return &Notifier{write: write} }

// flush and end are no notifications. The first asks that what stands before it
// in the channel be written, the second ends the writing.
const (
	flush = "\x00flush"
	end   = "\x00end"
)

// Channel is where the library puts notifications. After the end, who never
// asked before gets a channel that takes none.
func (n *Notifier) Channel() chan<- mcp.JSONRPCNotification {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.channel == nil && !n.finished {
		n.channel = make(chan mcp.JSONRPCNotification, maxNotifications)
		n.flushed, n.ended = make(chan struct{}), make(chan struct{})
		go n.run()
	}
	return n.channel
}

// Tell puts a notification into the channel, and drops it where the client does
// not read or nothing is written any more.
func (n *Notifier) Tell(notification mcp.JSONRPCNotification) {
	select {
	case n.Channel() <- notification:
	default:
	}
}

func (n *Notifier) run() {
	defer close(n.ended)
	for notification := range n.channel {
		switch notification.Method {
		case flush:
			n.flushed <- struct{}{}
		case end:
			return
		default:
			n.write(notification)
		}
	}
}

// Settle returns when every notification so far is written, so that an answer
// comes after the notifications of its call.
func (n *Notifier) Settle() {
	n.flushing.Lock()
	defer n.flushing.Unlock()
	n.mu.Lock()
	idle := n.channel == nil || n.finished
	n.mu.Unlock()
	if idle {
		return
	}
	n.channel <- mcp.JSONRPCNotification{Notification: mcp.Notification{Method: flush}}
	<-n.flushed
}

// Finish writes the last notifications. Nothing is written after it.
func (n *Notifier) Finish() {
	n.flushing.Lock()
	defer n.flushing.Unlock()
	n.mu.Lock()
	idle := n.channel == nil || n.finished
	n.finished = true
	n.mu.Unlock()
	if idle {
		return
	}
	n.channel <- mcp.JSONRPCNotification{Notification: mcp.Notification{Method: end}}
	<-n.ended
}

// ErrGone is the end of every request to a client that can answer no more.
var ErrGone = errors.New("the client cannot answer any more: its connection has ended")

// Questions are requests to a client that wait for its answer.
type Questions struct {
	mu      sync.Mutex
	closed  bool
	serial  int64
	waiting map[string]chan Message
}

// Ask asks the client something, by the name of one of the specification's
// methods, and waits for its answer for as long as ctx lasts. write sends the
// message, which has no newline. Whether the client can answer is for the caller
// to know.
func (q *Questions) Ask(ctx context.Context, write func([]byte), method string, params any) (json.RawMessage, error) {
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	answer := make(chan Message, 1)
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil, ErrGone
	}
	q.serial++
	id := `"server-` + strconv.FormatInt(q.serial, 10) + `"`
	if q.waiting == nil {
		q.waiting = map[string]chan Message{}
	}
	q.waiting[id] = answer
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.waiting, id)
	}()
	write([]byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":` + string(encoded) + "}"))
	select {
	case m, ok := <-answer:
		if !ok {
			return nil, ErrGone
		}
		if m.Fault != nil {
			var fault mcp.JSONRPCErrorDetails
			_ = json.Unmarshal(m.Fault, &fault) // what cannot be read has no words
			return nil, fmt.Errorf("the client answered %s with an error %d: %s", method, fault.Code, fault.Message)
		}
		return m.Result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Answered hands an answer to whoever waits for it. One that nobody waits for,
// or not any more, is ignored.
func (q *Questions) Answered(m Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if answer := q.waiting[string(m.ID)]; answer != nil {
		delete(q.waiting, string(m.ID))
		answer <- m
	}
}

// Close ends every request that waits: no answer comes any more.
func (q *Questions) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for id, answer := range q.waiting {
		delete(q.waiting, id)
		close(answer)
	}
}

// Elicit asks the person behind the client (MCP specification, "Elicitation").
func (q *Questions) Elicit(ctx context.Context, write func([]byte), request mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return ask[mcp.ElicitationResult](ctx, q, write, mcp.MethodElicitationCreate, request.Params)
}

func ask[T any](ctx context.Context, q *Questions, write func([]byte), method mcp.MCPMethod, params any) (*T, error) {
	answer, err := q.Ask(ctx, write, string(method), params)
	if err != nil {
		return nil, err
	}
	var result T
	if err := json.Unmarshal(answer, &result); err != nil {
		return nil, fmt.Errorf("the client's answer to %s cannot be read: %w", method, err)
	}
	return &result, nil
}

// Sample asks the client's model (MCP specification, "Sampling").
func (q *Questions) Sample(ctx context.Context, write func([]byte), request mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	result, err := ask[mcp.CreateMessageResult](ctx, q, write, mcp.MethodSamplingCreateMessage, request.CreateMessageParams)
	if err != nil {
		return nil, err
	}
	result.Content, err = mcp.ParseSamplingContent(result.Content)
	return result, err
}

// Roots asks for the client's roots (MCP specification, "Roots").
func (q *Questions) Roots(ctx context.Context, write func([]byte)) (*mcp.ListRootsResult, error) {
	return ask[mcp.ListRootsResult](ctx, q, write, mcp.MethodListRoots, struct{}{})
}
