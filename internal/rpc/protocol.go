package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/members"
)

// protocol is what a request's _meta says of its era.
type protocol struct {
	info *server.RequestProtocolInfo
	meta *mcp.Meta // nil where the request has none
}

var initializeEra = protocol{info: &server.RequestProtocolInfo{}}

// protocol walks over a request's parameters once and reads its _meta. Of every
// member it asks whether it belongs to the request as far as it is understood
// here. It reports false where one does not, or where the library should say
// what is wrong with the request.
func (a *Answerer) protocol(m Message, understood func(name string, value []byte) bool) (protocol, bool) {
	p, plain := initializeEra, true
	if len(m.Params) == 0 || string(m.Params) == "null" {
		return p, true
	}
	err := members.Each(m.Params, func(name, value []byte) {
		plain = plain && understood(string(name), value)
		if plain && string(name) == "_meta" {
			p, plain = a.metas.read(value)
		}
	})
	return p, err == nil && plain
}

// Version returns the protocol version that a message declares in its _meta
// (MCP specification 2026-07-28, "Versioning"); empty where it declares none.
func Version(m Message) string {
	version := ""
	if !bytes.Contains(m.Params, []byte(mcp.MetaKeyProtocolVersion)) {
		return version
	}
	_ = members.Each(m.Params, func(name, value []byte) { // what cannot be read declares nothing
		if string(name) != "_meta" {
			return
		}
		_ = members.Each(value, func(name, value []byte) {
			if string(name) == mcp.MetaKeyProtocolVersion {
				version, _ = members.Text(value)
			}
		})
	})
	return version
}

// metas keeps what was read of _meta. A client of 2026-07-28 repeats its own,
// byte for byte, with every request that has no progress token.
type metas struct {
	mu   sync.RWMutex
	kept map[string]protocol
}

// maxMeta is how long a _meta may be to be kept, in bytes. Longer ones are read
// each time.
const maxMeta = 2 << 10

// read reads a _meta. It reports false where something is wrong with it, which
// the library has words for.
func (k *metas) read(raw []byte) (protocol, bool) {
	k.mu.RLock()
	p, ok := k.kept[string(raw)]
	k.mu.RUnlock()
	if ok {
		return p, true
	}
	meta := &mcp.Meta{}
	if json.Unmarshal(raw, meta) != nil {
		return protocol{}, false
	}
	p = protocol{info: &server.RequestProtocolInfo{ProtocolVersion: meta.ProtocolVersion()}, meta: meta}
	if mcp.IsModernProtocol(p.info.ProtocolVersion) {
		p.info.Modern = true
		p.info.ClientInfo = meta.ClientInfo()
		p.info.ClientCapabilities = meta.ClientCapabilities()
		p.info.LogLevel = meta.LogLevel()
		if !mcp.IsValidProtocolVersion(p.info.ProtocolVersion) || p.info.ClientCapabilities == nil {
			return protocol{}, false
		}
	}
	if len(raw) <= maxMeta && meta.ProgressToken == nil {
		k.mu.Lock()
		if k.kept == nil || len(k.kept) >= maxKept {
			k.kept = map[string]protocol{}
		}
		k.kept[string(raw)] = p
		k.mu.Unlock()
	}
	return p, true
}

// serverSignature returns what results of 2026-07-28 say of the server, as the
// library says it; nil where it cannot be had.
func (a *Answerer) serverSignature() []byte {
	a.describe.Do(func() {
		ask := `{"jsonrpc":"2.0","id":0,"method":"tools/list","params":{"_meta":{"` + mcp.MetaKeyProtocolVersion + `":"` + mcp.ProtocolVersion20260728 +
			`","` + mcp.MetaKeyClientCapabilities + `":{}}}}`
		response, ok := a.MCP.HandleMessage(context.Background(), json.RawMessage(ask)).(mcp.JSONRPCResponse)
		if !ok {
			return
		}
		encoded, err := json.Marshal(response.Result)
		if err != nil {
			return
		}
		var said struct {
			Meta json.RawMessage `json:"_meta"`
		}
		if json.Unmarshal(encoded, &said) == nil {
			a.signature = said.Meta
		}
	})
	return a.signature
}
