package httpserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
)

// From 2026-07-28 on a request stands alone: it carries its version, client and
// capabilities, and headers that must agree with its body.

var exchanges atomic.Int64

// modern answers a message of 2026-07-28 or later.
func (s *Server) modern(w http.ResponseWriter, r *http.Request, caller *callers.Caller, m rpc.Message, header, declared string) {
	if refusal := s.mismatch(r, m, header, declared); refusal != nil {
		writeJSON(w, http.StatusBadRequest, refusal)
		return
	}
	ctx := callContext(r.Context(), caller, "http")
	e := s.newExchange(ctx, w, r, nil)
	e.id = "exchange-" + strconv.FormatInt(exchanges.Add(1), 10)
	ctx = s.o.Answerer.MCP.WithContext(ctx, e)
	if m.Kind == rpc.Notification {
		s.o.Answerer.Answer(ctx, m)
		e.answer(http.StatusAccepted)
		return
	}
	if m.Method == string(mcp.MethodSubscriptionsListen) {
		s.subscribe(e, caller, m)
		return
	}
	answer := s.o.Answerer.Answer(ctx, m)
	e.answer(statusOf(rpc.FaultCode(answer, m.ID)), answer)
}

// subscribe serves a stream of notifications until the client goes or the server
// stops.
func (s *Server) subscribe(e *exchange, caller *callers.Caller, m rpc.Message) {
	done, ok := s.limits.begin(callerName(caller), s.o.StreamsPerCaller, streams)
	if !ok {
		tooMany(e.w, 0, "this caller holds too many streams open")
		return
	}
	defer done()
	ctx, cancel := joined(e.ctx, s.streams)
	defer cancel()
	ctx = s.o.Answerer.MCP.WithContext(ctx, e)
	e.tag, e.filtered = m.ID, true
	if err := s.o.Answerer.MCP.RegisterSession(ctx, e); err != nil {
		e.answer(http.StatusOK, rpc.Refusal(m.ID, mcp.INTERNAL_ERROR, err.Error()))
		return
	}
	answer := s.o.Answerer.Answer(ctx, m)
	s.o.Answerer.MCP.UnregisterSession(ctx, e.id)
	if subscriptions := e.subscribed(); subscriptions != nil {
		subscriptions.Close()
	}
	e.answer(statusOf(rpc.FaultCode(answer, m.ID)), answer)
}

// mismatch is the refusal of a message whose headers and body do not agree, or
// that has no place in its version; nil where they do.
func (s *Server) mismatch(r *http.Request, m rpc.Message, header, declared string) []byte {
	wrong := func(code int, reason string) []byte { return rpc.Refusal(m.ID, code, reason) }
	switch {
	case m.Kind == rpc.Response:
		return wrong(mcp.INVALID_REQUEST, "protocol version "+mcp.ProtocolVersion20260728+" has no answers from the client: retry the request with inputResponses")
	case r.Header.Get(mcp.HeaderLastEventID) != "":
		return wrong(mcp.HEADER_MISMATCH, "Last-Event-ID is not supported: streams cannot be resumed; send the request again under a new id")
	case header == "":
		return wrong(mcp.HEADER_MISMATCH, "the header "+mcp.HeaderProtocolVersion+" is missing")
	case declared == "" && m.Kind == rpc.Request:
		return wrong(mcp.INVALID_PARAMS, "_meta lacks "+mcp.MetaKeyProtocolVersion)
	case declared != "" && header != declared:
		return wrong(mcp.HEADER_MISMATCH, "the header "+mcp.HeaderProtocolVersion+" says "+header+" and "+mcp.MetaKeyProtocolVersion+" says "+declared)
	case !mcp.IsValidProtocolVersion(header):
		fault := mcp.UnsupportedProtocolVersionError{Version: header, Supported: mcp.ValidProtocolVersions}.JSONRPCError()
		encoded, err := json.Marshal(fault.Error)
		if err != nil {
			return wrong(mcp.UNSUPPORTED_PROTOCOL_VERSION, "the protocol version is not supported")
		}
		return rpc.Envelope(m.ID, "error", encoded)
	}
	if m.Kind == rpc.Notification {
		return nil
	}
	if err := mcp.ValidateStandardHeaders(r.Header.Get, header, mcp.MCPMethod(m.Method), m.Params); err != nil {
		return wrong(mcp.HEADER_MISMATCH, err.Error())
	}
	if m.Method == string(mcp.MethodToolsCall) {
		if err := mirrored(s.o.Answerer.MCP, r.Header, m); err != nil {
			return wrong(mcp.HEADER_MISMATCH, err.Error())
		}
	}
	return nil
}

// mirrored checks the headers that repeat arguments of a tool whose schema asks
// for it (x-mcp-header).
func mirrored(s *server.MCPServer, header http.Header, m rpc.Message) error {
	tool := s.GetTool(nameOf(m))
	if tool == nil || !bytes.Contains(tool.Tool.RawInputSchema, []byte("x-mcp-header")) {
		return nil
	}
	return mcp.ValidateParamHeadersLookup(func(name string) (string, bool) {
		values := header.Values(name)
		if len(values) == 0 {
			return "", false
		}
		return values[0], true
	}, &tool.Tool, m.Params)
}

// nameOf is what a message names: the tool it calls.
func nameOf(m rpc.Message) (name string) {
	_ = members.Each(m.Params, func(member, value []byte) { // was read before
		if string(member) == "name" {
			name, _ = members.Text(value)
		}
	})
	return name
}

// repairHeaders adds the headers that a client of an older version does not
// know of.
func repairHeaders(h http.Header, m rpc.Message) {
	for name, value := range mcp.StandardHeaders(h.Get(mcp.HeaderProtocolVersion), mcp.MCPMethod(m.Method), m.Params) {
		if h.Get(name) == "" {
			h.Set(name, value)
		}
	}
}

// statusOf is the status that the revision of 2026-07-28 gives an error.
func statusOf(code int) int {
	switch code {
	case mcp.METHOD_NOT_FOUND:
		return http.StatusNotFound
	case mcp.HEADER_MISMATCH, mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, mcp.UNSUPPORTED_PROTOCOL_VERSION,
		mcp.INVALID_REQUEST, mcp.INVALID_PARAMS, mcp.PARSE_ERROR:
		return http.StatusBadRequest
	}
	return http.StatusOK
}
