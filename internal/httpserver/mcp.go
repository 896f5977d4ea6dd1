package httpserver

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// serveMCP is the endpoint of Streamable HTTP. The revision of 2026-07-28 has
// POST alone there.
func (s *Server) serveMCP(w http.ResponseWriter, r *http.Request, caller *callers.Caller) {
	modern := mcp.IsModernProtocol(r.Header.Get(mcp.HeaderProtocolVersion))
	switch {
	case r.Method == http.MethodPost:
		s.post(w, r, caller)
	case r.Method == http.MethodGet && !modern:
		s.listen(w, r, caller)
	case r.Method == http.MethodDelete && !modern:
		s.endSession(w, r, caller)
	case modern:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "protocol version "+mcp.ProtocolVersion20260728+" has POST alone here; messages from the server come through subscriptions/listen")
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		refuse(w, http.StatusMethodNotAllowed, "use POST for messages, GET for a stream, DELETE to end a session")
	}
}

// post answers the messages of one POST.
func (s *Server) post(w http.ResponseWriter, r *http.Request, caller *callers.Caller) {
	if !accepts(r, "application/json") && !accepts(r, "text/event-stream") {
		refuse(w, http.StatusNotAcceptable, "Accept must name application/json and text/event-stream")
		return
	}
	done, ok := s.limits.begin(callerName(caller), s.o.CallsInFlight, calls)
	if !ok {
		tooMany(w, time.Second, "this caller has too many requests under way")
		return
	}
	defer done()
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	if isBatch(body) {
		s.batch(w, r, caller, body)
		return
	}
	m, err := rpc.Parse(body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, parseRefusal(err))
		return
	}
	if s.o.Forbidden != nil && caller != nil && m.Method == string(mcp.MethodToolsCall) {
		if refused := s.o.Forbidden(caller, nameOf(m)); refused != nil {
			refused.Answer(w)
			return
		}
	}
	header, declared := r.Header.Get(mcp.HeaderProtocolVersion), rpc.Version(m)
	if s.o.RepairProtocolHeader && mcp.IsModernProtocol(declared) && !mcp.IsModernProtocol(header) {
		r.Header.Set(mcp.HeaderProtocolVersion, declared)
		header = declared
		repairHeaders(r.Header, m)
	}
	if mcp.IsModernProtocol(header) || mcp.IsModernProtocol(declared) {
		s.modern(w, r, caller, m, header, declared)
		return
	}
	s.legacy(w, r, caller, m, header)
}

// body reads a request's body, or answers why it cannot.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "Content-Type must be application/json")
		return nil, false
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // fails where there is no connection: in a test
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, s.o.MaxBody)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, s.o.MaxBody))
	_ = control.SetReadDeadline(time.Time{})
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusRequestEntityTooLarge, "the request is longer than this server takes; nothing was done")
		return nil, false
	case err != nil:
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusBadRequest, "the request could not be read to its end; nothing was done")
		return nil, false
	}
	return body.Bytes(), true
}

// parseRefusal is the answer to what is no message.
func parseRefusal(err error) []byte {
	var wrong *rpc.Invalid
	if errors.As(err, &wrong) {
		return rpc.Refusal(wrong.ID, mcp.INVALID_REQUEST, wrong.Reason)
	}
	return rpc.Refusal(nil, mcp.PARSE_ERROR, "the message is not valid JSON: "+err.Error())
}

// accepts says whether the client takes a media type. A client that does not say
// takes everything (RFC 9110, section 12.5.1).
func accepts(r *http.Request, media string) bool {
	values := r.Header.Values("Accept")
	if len(values) == 0 {
		return true
	}
	kind, _, _ := strings.Cut(media, "/")
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case media, kind + "/*", "*/*":
				if strings.ReplaceAll(parameters, " ", "") != "q=0" {
					return true
				}
			}
		}
	}
	return false
}
