package consent

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
)

// A state is an operation's id, the second until which it may be answered, and
// a seal over both, the caller, the tool and the arguments:
//
//	op_… . seconds since 1970 . HMAC-SHA256
//
// the last two in base64url. The client carries it and cannot make one, change
// one, or use it for another call. It can be used twice; the ledger then lets
// nothing happen twice.

var (
	errSeal = errors.New("the answer belongs to another call, or its state was changed")
	errLate = errors.New("the answer came too late")
)

// seal makes the state of a question about an operation.
func (c *Consent) seal(ctx context.Context, id string, until time.Time) (string, error) {
	key, err := c.sealKey(ctx)
	if err != nil {
		return "", err
	}
	var seconds [8]byte
	binary.BigEndian.PutUint64(seconds[:], uint64(until.Unix()))
	body := id + "." + base64.RawURLEncoding.EncodeToString(seconds[:])
	return body + "." + base64.RawURLEncoding.EncodeToString(sealOver(key, ctx, body)), nil
}

// open returns the operation of a call's state. With errLate the seal is right
// and the id is returned too.
func (c *Consent) open(ctx context.Context, state string) (id string, err error) {
	key, err := c.sealKey(ctx)
	if err != nil {
		return "", err
	}
	cut := strings.LastIndexByte(state, '.')
	if cut < 0 {
		return "", errSeal
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(state[cut+1:])
	if err != nil || !hmac.Equal(given, sealOver(key, ctx, state[:cut])) {
		return "", errSeal
	}
	id, encoded, _ := strings.Cut(state[:cut], ".")
	seconds, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(seconds) != 8 {
		return "", errSeal
	}
	if c.now().Unix() >= int64(binary.BigEndian.Uint64(seconds)) {
		return id, errLate
	}
	return id, nil
}

// sealOver is the seal of a state in the call under the context.
func sealOver(key []byte, ctx context.Context, body string) []byte {
	call := From(ctx)
	caller := ""
	if c := callers.From(ctx); c != nil {
		caller = c.Name
	}
	arguments := digest(call.Arguments)
	return Seal(key, "websoftsolus-mcp request state 1", body, caller, call.Tool, string(arguments[:]))
}

// Seal is HMAC-SHA256 over the parts, each with its length, so that no two lists
// of parts have one seal. The first part says what the seal is for.
func Seal(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}
