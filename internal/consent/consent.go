package consent

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// Mode is the value of --confirm.
type Mode string

const (
	// Auto: a client that can ask the person asks; any other gets the phrase.
	Auto Mode = "auto"
	// Human: a client that can ask the person asks; elsewhere a person approves
	// outside the model's reach. No phrase is ever given out.
	Human Mode = "human"
	// Code: always the phrase.
	Code Mode = "code"
)

// Modes lists every mode.
var Modes = []Mode{Auto, Human, Code}

// Consent decides who confirms. The zero value is the mode auto.
type Consent struct {
	Mode Mode // empty is Auto
	// Key seals what a client of 2026-07-28 carries from the question to the
	// answer. Replicas share it; nil is a key of this process.
	Key func(ctx context.Context) ([]byte, error)
	// AnswerWithin is how long a person may take while a call waits for the
	// answer; 2 minutes where it is 0. It never outlasts the proposal.
	AnswerWithin time.Duration
	// Where says where a person approves an operation that waits for it, in
	// sentences; nil names the approve command alone.
	Where func(ctx context.Context, o *operations.Operation) []string

	Now func() time.Time // nil is time.Now
	// WithTimeout bounds the waiting for an answer; nil is context.WithTimeout.
	WithTimeout func(context.Context, time.Duration) (context.Context, context.CancelFunc)

	ownKey sync.Once
	key    []byte
}

const answerWithin = 2 * time.Minute

func (c *Consent) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Way says how an operation is to be confirmed in the call under the context.
// person says that a rule wants a person; the strictest of mode and rule wins.
//
// In the mode code a client is not asked even where a person must confirm: the
// mode is for clients that decline by themselves.
func (c *Consent) Way(ctx context.Context, person bool) operations.Way {
	switch {
	case c.Mode != Code && CanAsk(ctx):
		return operations.ByElicitation
	case person || c.Mode == Human:
		return operations.ByApproval
	default:
		return operations.ByPhrase
	}
}

// TakesPhrases says whether any operation could be confirmed by a phrase in the
// call under the context.
func (c *Consent) TakesPhrases(ctx context.Context) bool {
	return c.Way(ctx, false) == operations.ByPhrase
}

// Places says where a person approves an operation, in sentences.
func (c *Consent) Places(ctx context.Context, o *operations.Operation) []string {
	if c.Where != nil {
		return c.Where(ctx, o)
	}
	return []string{ApproveCommand(o)}
}

// ApproveCommand is the sentence that names the command that approves an
// operation.
func ApproveCommand(o *operations.Operation) string {
	return fmt.Sprintf("on the machine of this server: websoftsolus-mcp approve %s", o.ID)
}

// sealKey returns the key of the seals.
func (c *Consent) sealKey(ctx context.Context) ([]byte, error) {
	if c.Key != nil {
		return c.Key(ctx)
	}
	c.ownKey.Do(func() {
		c.key = make([]byte, 32)
		rand.Read(c.key) // never fails
	})
	return c.key, nil
}
