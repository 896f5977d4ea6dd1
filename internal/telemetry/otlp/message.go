package otlp

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
)

// message is a protobuf message. The same one is written in protobuf's binary
// encoding and in OTLP's JSON, in which names are in camelCase, ids in
// hexadecimal, enums numbers and 64-bit integers texts (OTLP specification,
// "JSON Protobuf Encoding").
type message []field

// field is a field by its number and its name in JSON.
type field struct {
	number int
	name   string
	value  value
}

// value knows its wire type and both encodings. A binary value of wire type 2
// comes without its length.
type value interface {
	wire() uint64
	binary(b []byte) []byte
	json(b []byte) []byte
}

type (
	text         string
	id           []byte // in JSON hexadecimal
	flag         bool   // only ever true
	integer      int64  // int64
	enum         int32
	fixed32      uint32
	fixed64      uint64
	fixedInteger int64 // sfixed64
	double       float64
	fixed64s     []uint64  // packed
	doubles      []float64 // packed
	list         []message // repeated
)

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func (text) wire() uint64         { return wireBytes }
func (id) wire() uint64           { return wireBytes }
func (flag) wire() uint64         { return wireVarint }
func (integer) wire() uint64      { return wireVarint }
func (enum) wire() uint64         { return wireVarint }
func (fixed32) wire() uint64      { return wireFixed32 }
func (fixed64) wire() uint64      { return wireFixed64 }
func (fixedInteger) wire() uint64 { return wireFixed64 }
func (double) wire() uint64       { return wireFixed64 }
func (fixed64s) wire() uint64     { return wireBytes }
func (doubles) wire() uint64      { return wireBytes }
func (message) wire() uint64      { return wireBytes }
func (list) wire() uint64         { return wireBytes } // of each member

func (v text) binary(b []byte) []byte         { return append(b, v...) }
func (v id) binary(b []byte) []byte           { return append(b, v...) }
func (v flag) binary(b []byte) []byte         { return append(b, 1) }
func (v integer) binary(b []byte) []byte      { return binary.AppendUvarint(b, uint64(v)) }
func (v enum) binary(b []byte) []byte         { return binary.AppendUvarint(b, uint64(v)) }
func (v fixed32) binary(b []byte) []byte      { return binary.LittleEndian.AppendUint32(b, uint32(v)) }
func (v fixed64) binary(b []byte) []byte      { return binary.LittleEndian.AppendUint64(b, uint64(v)) }
func (v fixedInteger) binary(b []byte) []byte { return fixed64(v).binary(b) }
func (v double) binary(b []byte) []byte       { return fixed64(math.Float64bits(float64(v))).binary(b) }

func (v fixed64s) binary(b []byte) []byte {
	for _, n := range v {
		b = fixed64(n).binary(b)
	}
	return b
}

func (v doubles) binary(b []byte) []byte {
	for _, n := range v {
		b = double(n).binary(b)
	}
	return b
}

func (m message) binary(b []byte) []byte {
	for _, f := range m {
		if members, ok := f.value.(list); ok {
			for _, member := range members {
				b = field{f.number, f.name, member}.binary(b)
			}
			continue
		}
		b = f.binary(b)
	}
	return b
}

// binary of a list is never asked for: its members are fields of their message.
func (v list) binary(b []byte) []byte { return b }

func (f field) binary(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(f.number)<<3|f.value.wire())
	if f.value.wire() != wireBytes {
		return f.value.binary(b)
	}
	content := f.value.binary(nil)
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

func (v text) json(b []byte) []byte {
	encoded, _ := json.Marshal(string(v)) // a text always can be
	return append(b, encoded...)
}

func (v id) json(b []byte) []byte   { return append(hex.AppendEncode(append(b, '"'), v), '"') }
func (v flag) json(b []byte) []byte { return append(b, "true"...) }
func (v integer) json(b []byte) []byte {
	return append(strconv.AppendInt(append(b, '"'), int64(v), 10), '"')
}
func (v enum) json(b []byte) []byte    { return strconv.AppendInt(b, int64(v), 10) }
func (v fixed32) json(b []byte) []byte { return strconv.AppendUint(b, uint64(v), 10) }
func (v fixed64) json(b []byte) []byte {
	return append(strconv.AppendUint(append(b, '"'), uint64(v), 10), '"')
}
func (v fixedInteger) json(b []byte) []byte { return integer(v).json(b) }
func (v double) json(b []byte) []byte       { return strconv.AppendFloat(b, float64(v), 'g', -1, 64) }

func (v fixed64s) json(b []byte) []byte {
	return array(b, len(v), func(b []byte, i int) []byte { return fixed64(v[i]).json(b) })
}

func (v doubles) json(b []byte) []byte {
	return array(b, len(v), func(b []byte, i int) []byte { return double(v[i]).json(b) })
}

func (v list) json(b []byte) []byte {
	return array(b, len(v), func(b []byte, i int) []byte { return v[i].json(b) })
}

func (m message) json(b []byte) []byte {
	b = append(b, '{')
	for i, f := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = f.value.json(append(append(append(b, '"'), f.name...), `":`...))
	}
	return append(b, '}')
}

func array(b []byte, n int, member func([]byte, int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = member(b, i)
	}
	return append(b, ']')
}
