package schemas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// absent stands for an option that is left out.
const absent = "(absent)"

// pleskOption is one row of the Plesk rules as the API document has them,
// written down here a second time so that the table in this package is held to
// something. nil is an option that the generation does not have.
type pleskOption struct {
	name             string
	plesk10, plesk12 []string
	required10       bool
	foreign10        string // a value that Plesk 10 refuses, of Plesk 12 where there is one
	foreign12        string
}

var pleskOptions = []pleskOption{
	{"os", []string{"LINUX", "WINDOWS"}, nil, true, "SOLARIS", "LINUX"},
	{"WPBSites", []string{"0", "100", "1000"}, []string{"0", "10", "30", "100", "1000"}, false, "10", "50"},
	{"WPBOptions", nil, []string{"0", "MLS_SUPPORT"}, false, "MLS_SUPPORT", "1"},
	{"applications", []string{"0", "POWER_PACK"}, []string{"0", "POWER_PACK"}, false, "power_pack", ""},
	{"CBMClients", []string{"0", "UNLIMITED"}, nil, false, "10", "0"},
	{"languagePack", []string{"0", "1", "2", "3", "4", "5"}, []string{"0", "1", "2", "3", "4", "5", "UNLIMITED"}, false, "UNLIMITED", "6"},
	{"antivirus", []string{"0", "PREMIUM_ANTIVIRUS"}, []string{"0", "PREMIUM_ANTIVIRUS", "PREMIUM_ANTIVIRUS_FOR_WIN"}, false, "PREMIUM_ANTIVIRUS_FOR_WIN", "KASPERSKY"},
}

// pleskOrder is one way to fill in the Plesk options, and which of them may not
// be filled in so.
type pleskOrder struct {
	values []string // by the index of pleskOptions
	faults []string // names of options; none where it may be ordered
}

func (o pleskOrder) String() string {
	var b strings.Builder
	for i, value := range o.values {
		fmt.Fprintf(&b, "%s=%q ", pleskOptions[i].name, value)
	}
	return b.String()
}

// pleskProducts names one product of each generation in the sandbox's catalogue.
var pleskProducts = map[schemas.Generation]string{
	schemas.Plesk10: "PLESK_10_AND_LATER_UNLIMITED_DOMAINS",
	schemas.Plesk12: "PLESK_12_WEB_HOST",
}

// pleskOrders lists every combination of the options of a generation: each
// option's allowed values, absent, and one value that is not allowed.
func pleskOrders(generation schemas.Generation) []pleskOrder {
	orders := []pleskOrder{{}}
	for _, option := range pleskOptions {
		allowed, required, foreign := option.plesk10, option.required10, option.foreign10
		if generation == schemas.Plesk12 {
			allowed, required, foreign = option.plesk12, false, option.foreign12
		}
		var next []pleskOrder
		for _, order := range orders {
			for _, value := range append(slices.Clone(allowed), absent, foreign) {
				faults := order.faults
				if !slices.Contains(allowed, value) && (value != absent || required) {
					faults = append(slices.Clone(faults), option.name)
				}
				next = append(next, pleskOrder{append(slices.Clone(order.values), value), faults})
			}
		}
		orders = next
	}
	return orders
}

// arguments is the order as a call to its tool.
func (o pleskOrder) arguments(product string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"product":%q,"title":"web 1","period":"12","confirm":""`, product)
	for i, value := range o.values {
		if value != absent {
			fmt.Fprintf(&b, `,%q:%q`, pleskOptions[i].name, value)
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// compiledSchema is the published schema in the hands of an independent
// validator.
func compiledSchema(t testing.TB, name string, raw []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource(name, document))
	schema, err := compiler.Compile(name)
	require.NoError(t, err)
	return schema
}

// accepts asks the validator about arguments.
func accepts(t testing.TB, schema *jsonschema.Schema, arguments []byte) bool {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(arguments))
	require.NoError(t, err)
	return schema.Validate(value) == nil
}

// sameNames compares without order, which is the schema's on one side.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// TestEveryPleskCombinationIsJudgedAlike holds the published schema, read by an
// independent validator, and Decode to the API document's rules.
func TestEveryPleskCombinationIsJudgedAlike(t *testing.T) {
	tests := []struct {
		generation schemas.Generation
		tool       string
		count      int
		decode     func(json.RawMessage) error
	}{
		{schemas.Plesk10, "order_plesk10_license", 4 * 5 * 2 * 4 * 4 * 8 * 4, func(raw json.RawMessage) error {
			_, err := schemas.Decode[schemas.OrderPlesk10Input]("order_plesk10_license", raw)
			return err
		}},
		{schemas.Plesk12, "order_plesk12_license", 2 * 7 * 4 * 4 * 2 * 9 * 5, func(raw json.RawMessage) error {
			_, err := schemas.Decode[schemas.OrderPlesk12Input]("order_plesk12_license", raw)
			return err
		}},
	}
	for _, test := range tests {
		t.Run(string(test.generation), func(t *testing.T) {
			t.Parallel()
			schema := compiledSchema(t, test.tool, schemas.InputSchema(test.tool))
			orders := pleskOrders(test.generation)
			require.Len(t, orders, test.count)
			for _, order := range orders {
				arguments := order.arguments(pleskProducts[test.generation])
				if accepts(t, schema, arguments) != (len(order.faults) == 0) {
					t.Fatalf("%s: the schema does not find %v", order, order.faults)
				}
				var found []string
				if err := test.decode(arguments); err != nil {
					for _, problem := range err.(*schemas.InvalidInput).Problems {
						found = append(found, problem.Field)
					}
				}
				if !sameNames(found, order.faults) {
					t.Fatalf("%s: Decode finds %v, not %v", order, found, order.faults)
				}
			}
		})
	}
}
