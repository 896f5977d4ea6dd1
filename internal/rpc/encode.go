package rpc

import (
	"encoding/json"
	"errors"
	"maps"

	"github.com/mark3labs/mcp-go/mcp"
)

// answerOf puts the library's answer under the client's id.
func answerOf(id json.RawMessage, answer mcp.JSONRPCMessage) ([]byte, error) {
	switch a := answer.(type) {
	case mcp.JSONRPCResponse:
		result, err := encodeResult(a.Result)
		if err != nil {
			return nil, err
		}
		return Envelope(id, "result", result), nil
	case mcp.JSONRPCError:
		fault, err := json.Marshal(a.Error)
		if err != nil {
			return nil, err
		}
		return Envelope(id, "error", fault), nil
	case nil:
		return nil, errors.New("the request was not answered")
	}
	encoded, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var parts struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(encoded, &parts); err != nil {
		return nil, err
	}
	if parts.Error != nil {
		return Envelope(id, "error", parts.Error), nil
	}
	return Envelope(id, "result", parts.Result), nil
}

// encodeResult encodes a result of the library's.
func encodeResult(result any) ([]byte, error) {
	switch r := result.(type) {
	case *mcp.CallToolResult:
		return encodeCalled(r, nil)
	case mcp.CallToolResult:
		return encodeCalled(&r, nil)
	}
	return json.Marshal(result)
}

// encodeCalled encodes the result of a tool. One with a single text and its
// structured form, which is nearly every one of ours, is written by hand: the
// library's encoder makes a map of it first, and encodes the structured form
// twice. The signature is what an answer of 2026-07-28 says of the server; nil
// for a result that is complete as it is.
func encodeCalled(called *mcp.CallToolResult, signature []byte) ([]byte, error) {
	if signature != nil && (called.Meta != nil || called.ResultType != "" || !isPlain(called)) {
		var err error
		if called, err = signed(called, signature); err != nil {
			return nil, err
		}
		signature = nil
	}
	if !isPlain(called) {
		return json.Marshal(called)
	}
	text := called.Content[0].(mcp.TextContent).Text
	b := make([]byte, 0, 2*len(text)+len(called.RawStructuredContent)+len(signature)+256)
	b = append(b, '{')
	if called.Meta != nil {
		meta, err := json.Marshal(called.Meta)
		if err != nil {
			return nil, err
		}
		signature = meta
	}
	if signature != nil {
		b = append(b, `"_meta":`...)
		b = append(b, signature...)
		b = append(b, ',')
	}
	resultType := called.ResultType
	if resultType == "" && signature != nil && called.Meta == nil {
		resultType = mcp.ResultTypeComplete
	}
	if resultType != "" {
		b = append(b, `"resultType":`...)
		b = appendJSON(b, string(resultType))
		b = append(b, ',')
	}
	b = append(b, `"content":[{"type":"text","text":`...)
	b = appendJSON(b, text)
	b = append(b, `}],"structuredContent":`...)
	b = append(b, called.RawStructuredContent...)
	if called.IsError {
		b = append(b, `,"isError":true`...)
	}
	return append(b, '}'), nil
}

// isPlain says whether a result is one text and its structured form.
func isPlain(called *mcp.CallToolResult) bool {
	if len(called.Content) != 1 || len(called.RawStructuredContent) == 0 || len(called.InputRequests) > 0 || called.RequestState != "" {
		return false
	}
	text, ok := called.Content[0].(mcp.TextContent)
	return ok && text.Annotations == nil && text.Meta == nil
}

// signed returns a result with what the revision of 2026-07-28 wants in every
// one, as the library adds it.
func signed(called *mcp.CallToolResult, signature []byte) (*mcp.CallToolResult, error) {
	var says mcp.Meta
	if err := json.Unmarshal(signature, &says); err != nil {
		return nil, err
	}
	result := *called
	if called.Meta != nil {
		meta := *called.Meta
		meta.AdditionalFields = maps.Clone(meta.AdditionalFields)
		result.Meta = &meta
	}
	if result.GetResultType() == "" {
		result.SetResultType(mcp.ResultTypeComplete)
	}
	if meta := result.EnsureResultMeta(); meta.ServerInfo() == nil {
		meta.SetServerInfo(*says.ServerInfo())
	}
	return &result, nil
}
