package httpserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// A session id is all that replicas need to know of a session of an older
// version: when it began, the protocol version, and how the client names itself,
// sealed together with its caller's name (HMAC-SHA256, 128 bits). So any replica
// with the same key accepts it, from that caller alone, and nobody can make one
// up.
//
//	1 byte   format, 1
//	8 bytes  when it began, Unix seconds
//	12 bytes random
//	3 times  a length of 1 byte, and as many bytes of text
//	16 bytes seal

const (
	idFormat = 1
	sealSize = 16
	// sessionLife is how long a session id is good. An id that was ended is
	// remembered for as long.
	sessionLife = 7 * 24 * time.Hour
	// maxNamed is how much of a client's name, and of its version, is kept, in bytes.
	maxNamed = 40
)

// identity is what a session id says.
type identity struct {
	began   time.Time
	version string
	client  mcp.Implementation
}

// newIdentity is what an id says of a session: whole seconds, and of the client's
// names as much as is kept.
func newIdentity(began time.Time, version string, client mcp.Implementation) identity {
	who := identity{began: time.Unix(began.Unix(), 0), version: short(version)}
	who.client.Name, who.client.Version = short(client.Name), short(client.Version)
	return who
}

// short cuts a text, between two characters.
func short(text string) string {
	if len(text) <= maxNamed {
		return text
	}
	end := maxNamed
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// seal makes and checks session ids.
type seal struct {
	own [32]byte // for as long as there is no shared key

	mu       sync.Mutex
	shared   []byte
	again    time.Time  // when to ask for the shared key again, after a failure
	fetching sync.Mutex // held while it is asked for
}

// keyAgain is how long after a failure the shared key is asked for again.
const keyAgain = 2 * time.Second

// key returns the shared key, having it fetched where that has not succeeded
// yet; nil where there is none now.
func (s *seal) key(ctx context.Context, now time.Time, fetch func(context.Context) ([]byte, error)) []byte {
	known := func() (key []byte, ask bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.shared, s.shared == nil && fetch != nil && !now.Before(s.again)
	}
	if key, ask := known(); !ask {
		return key
	}
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if key, ask := known(); !ask {
		return key // somebody else asked meanwhile
	}
	key, err := fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || len(key) == 0 {
		s.again = now.Add(keyAgain)
		return nil
	}
	s.shared = key
	return key
}

func mac(key, text []byte, caller string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("session\x00"))
	h.Write([]byte(caller))
	h.Write([]byte{0})
	h.Write(text)
	return h.Sum(nil)[:sealSize]
}

// newSessionID seals an id for a session of the caller.
func (s *Server) newSessionID(ctx context.Context, caller string, who identity) string {
	text := []byte{idFormat}
	text = binary.BigEndian.AppendUint64(text, uint64(who.began.Unix()))
	random := make([]byte, 12)
	rand.Read(random) // never fails
	text = append(text, random...)
	for _, part := range []string{who.version, who.client.Name, who.client.Version} {
		text = append(append(text, byte(len(part))), part...)
	}
	key := s.seal.key(ctx, s.now(), s.o.Key)
	if key == nil {
		key = s.seal.own[:]
	}
	return base64.RawURLEncoding.EncodeToString(append(text, mac(key, text, caller)...))
}

var errWrongSession = errors.New("there is no such session")

// readSessionID checks that an id was given out to the caller and is not too
// old, and returns what it says.
func (s *Server) readSessionID(ctx context.Context, caller, id string) (identity, error) {
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(raw) < 1+8+12+3+sealSize || raw[0] != idFormat {
		return identity{}, errWrongSession
	}
	text, given := raw[:len(raw)-sealSize], raw[len(raw)-sealSize:]
	good := subtle.ConstantTimeCompare(given, mac(s.seal.own[:], text, caller))
	if key := s.seal.key(ctx, s.now(), s.o.Key); key != nil {
		good |= subtle.ConstantTimeCompare(given, mac(key, text, caller))
	}
	if good != 1 {
		return identity{}, errWrongSession
	}
	who := identity{began: time.Unix(int64(binary.BigEndian.Uint64(text[1:])), 0)}
	if s.now().After(who.began.Add(sessionLife)) {
		return identity{}, errWrongSession
	}
	rest := text[1+8+12:]
	for _, part := range []*string{&who.version, &who.client.Name, &who.client.Version} {
		n := int(rest[0]) // what is sealed was made above
		*part, rest = string(rest[1:1+n]), rest[1+n:]
	}
	return who, nil
}
