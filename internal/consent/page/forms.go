package page

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
)

// Links, sessions and forms carry HMAC-SHA256 seals of one key, each over what
// it is for, so that none can be used as another.

func (p *Page) seal(ctx context.Context, parts ...string) (string, error) {
	key, err := p.Key(ctx)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(consent.Seal(key, parts...)), nil
}

func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// linkSeal is that of an operation's n-th link.
func (p *Page) linkSeal(ctx context.Context, id string, n int) (string, error) {
	return p.seal(ctx, "approval link 1", id, strconv.Itoa(n))
}

// session is a visitor who has signed in.
type session struct {
	Who   string `json:"who"`
	Until int64  `json:"until"` // seconds since 1970
	Nonce string `json:"nonce"`
}

// formSeal is the token of a session's form about an operation.
func (p *Page) formSeal(ctx context.Context, s *session, id string) (string, error) {
	return p.seal(ctx, "approval form 1", s.Nonce, s.Who, id)
}

// begin gives the visitor a session.
func (p *Page) begin(w http.ResponseWriter, r *http.Request, who string) error {
	until := p.now().Add(sessionLife)
	encoded, err := json.Marshal(session{Who: who, Until: until.Unix(), Nonce: nonce()})
	if err != nil {
		return err
	}
	body := base64.RawURLEncoding.EncodeToString(encoded)
	mac, err := p.seal(r.Context(), "approval session 1", body)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: body + "." + mac, Path: p.base(), MaxAge: int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: p.Secure || r.TLS != nil,
	})
	return nil
}

// session returns the visitor's session, nil for none.
func (p *Page) session(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	body, given, _ := strings.Cut(cookie.Value, ".")
	mac, err := p.seal(r.Context(), "approval session 1", body)
	if err != nil || !equal(mac, given) {
		return nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil
	}
	s := &session{}
	if json.Unmarshal(decoded, s) != nil || p.now().Unix() >= s.Until {
		return nil
	}
	return s
}
