package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/callers"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// What a client can attach to a conversation: the same answers as the tools',
// each one compact JSON object with the environment in it.
//
//	websoftsolus://licenses/{family}              key numbers of a family
//	websoftsolus://licenses/{family}/{keyNumber}  one licence
//	websoftsolus://catalogue/{family}             what can be ordered
//	websoftsolus://rules                          the option rules
//	websoftsolus://operations/{id}                one operation, which can be subscribed to

const (
	resourceScheme = "websoftsolus://"
	rulesURI       = resourceScheme + "rules"
	jsonType       = "application/json"
)

// template is a kind of resource.
type template struct {
	uri         string // RFC 6570
	name        string
	title       string
	description string
}

var (
	licensesTemplate  = template{resourceScheme + "licenses/{family}", "licenses", "Licences of a family", "Key numbers of every licence of a family: plesk, cpanel or virtuozzo."}
	licenseTemplate   = template{resourceScheme + "licenses/{family}/{keyNumber}", "license", "One licence", "One licence, with everything the API says of it."}
	catalogueTemplate = template{resourceScheme + "catalogue/{family}", "catalogue", "Orderable versions", "The products of a family that can be ordered now."}
	operationTemplate = template{resourceScheme + "operations/{id}", "operation", "One operation", "An order, edit or termination from its preview to its outcome. Subscribe to hear when it changes."}
	templates         = []template{licensesTemplate, licenseTemplate, catalogueTemplate, operationTemplate}
)

// resourceTitles are the resources of a family that stand in the list.
var resourceTitles = map[websoftsolus.Family]string{
	websoftsolus.Plesk: "Plesk", websoftsolus.CPanel: "cPanel & WHM", websoftsolus.Virtuozzo: "Virtuozzo",
}

// addResources declares the resources. Nothing is read before a client asks.
func (s *Set) addResources(m *server.MCPServer, hooks *server.Hooks) {
	for _, family := range s.families() {
		for _, t := range []template{licensesTemplate, catalogueTemplate} {
			m.AddResource(mcp.NewResource(strings.Replace(t.uri, "{family}", string(family), 1), t.name+"-"+string(family),
				mcp.WithResourceTitle(t.title+": "+resourceTitles[family]), mcp.WithResourceDescription(t.description), mcp.WithMIMEType(jsonType)), s.readResource)
		}
	}
	m.AddResource(mcp.NewResource(rulesURI, "rules", mcp.WithResourceTitle("Option rules"),
		mcp.WithResourceDescription("Which options each kind of order takes, and with which values."), mcp.WithMIMEType(jsonType)), s.readResource)
	for _, t := range templates {
		m.AddResourceTemplate(mcp.NewResourceTemplate(t.uri, t.name,
			mcp.WithTemplateTitle(t.title), mcp.WithTemplateDescription(t.description), mcp.WithTemplateMIMEType(jsonType)),
			server.ResourceTemplateHandlerFunc(s.readResource))
	}
	// A key number may hold a colon, which a template takes escaped alone; who
	// writes it as it is means the same.
	hooks.AddBeforeReadResource(func(_ context.Context, _ any, request *mcp.ReadResourceRequest) {
		request.Params.URI = colonsEscaped(request.Params.URI)
	})
	hooks.AddAfterListResources(func(ctx context.Context, _ any, _ *mcp.ListResourcesRequest, result *mcp.ListResourcesResult) {
		caller := callers.From(ctx)
		result.Resources = slices.DeleteFunc(result.Resources, func(r mcp.Resource) bool {
			return strings.HasPrefix(r.URI, resourceScheme) && forbiddenURI(caller, r.URI) != nil
		})
		slices.SortStableFunc(result.Resources, func(a, b mcp.Resource) int { return strings.Compare(a.URI, b.URI) })
	})
	hooks.AddAfterListResourceTemplates(func(ctx context.Context, _ any, _ *mcp.ListResourceTemplatesRequest, result *mcp.ListResourceTemplatesResult) {
		if !callers.From(ctx).May(callers.Read) {
			result.ResourceTemplates = nil
		}
	})
}

// colonsEscaped is a URI of ours with the colons of its last segment escaped.
func colonsEscaped(uri string) string {
	rest, ours := strings.CutPrefix(uri, resourceScheme)
	if !ours || !strings.Contains(rest, ":") {
		return uri
	}
	return resourceScheme + strings.ReplaceAll(rest, ":", "%3A")
}

// OperationURI is the resource of an operation.
func OperationURI(id string) string { return resourceScheme + "operations/" + url.PathEscape(id) }

// segments splits a URI of ours; nil for any other.
func segments(uri string) []string {
	rest, ours := strings.CutPrefix(uri, resourceScheme)
	if !ours {
		return nil
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil || decoded == "" {
			return nil
		}
		parts[i] = decoded
	}
	return parts
}

// forbiddenURI says why a caller may not read a resource; nil where they may.
func forbiddenURI(caller *callers.Caller, uri string) error {
	if !caller.May(callers.Read) {
		return &notAllowed{what: uri, lacks: "the scope " + string(callers.Read)}
	}
	parts := segments(uri)
	if len(parts) > 1 && (parts[0] == "licenses" || parts[0] == "catalogue") && !caller.MayUse(websoftsolus.Family(parts[1])) {
		return &notAllowed{what: uri, lacks: "the family " + parts[1]}
	}
	return nil
}

// readResource reads any resource of ours.
func (s *Set) readResource(ctx context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	ctx = operations.WithActor(ctx, actor(ctx))
	uri := request.Params.URI
	output, err := s.resource(ctx, uri)
	if err != nil {
		return nil, s.resourceFailure(ctx, uri, err)
	}
	encoded, err := marshal(output)
	if err != nil {
		return nil, err
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, MIMEType: jsonType, Text: string(encoded)}}, nil
}

// errNoResource is a URI that stands for nothing.
var errNoResource = errors.New("there is no such resource")

func (s *Set) resource(ctx context.Context, uri string) (any, error) {
	if err := forbiddenURI(callers.From(ctx), uri); err != nil {
		return nil, err
	}
	parts := segments(uri)
	switch {
	case uri == rulesURI:
		return rulesResource{Environment: s.Environment, Rules: ruleTable()}, nil
	case len(parts) == 2 && parts[0] == "licenses" && s.isFamily(parts[1]):
		return s.licensesResource(ctx, websoftsolus.Family(parts[1]))
	case len(parts) == 2 && parts[0] == "catalogue" && s.isFamily(parts[1]):
		return s.listOrderableVersions(ctx, schemas.ListOrderableVersionsInput{Family: parts[1]})
	case len(parts) == 3 && parts[0] == "licenses" && s.isFamily(parts[1]) && websoftsolus.CheckKeyNumber(parts[2]) == nil:
		return s.getLicense(ctx, schemas.GetLicenseInput{Family: parts[1], KeyNumber: parts[2]})
	case len(parts) == 2 && parts[0] == "operations" && operationID().MatchString(parts[1]):
		operation, err := s.Operations.Get(ctx, parts[1])
		if err != nil {
			return nil, err
		}
		return &schemas.OperationOutput{Environment: s.Environment, Operation: operationOutput(operation)}, nil
	}
	return nil, errNoResource
}

var operationID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^op_[0-9A-HJKMNP-TV-Z]{26}$`) })

func (s *Set) isFamily(name string) bool {
	return s.offers(websoftsolus.Family(name)) && slices.Contains(websoftsolus.Families, websoftsolus.Family(name))
}

// licensesResource lists the key numbers of a family: all of them, since a
// resource has no pages.
type licensesResource struct {
	Environment string   `json:"environment"`
	Family      string   `json:"family"`
	Total       int      `json:"total"`
	KeyNumbers  []string `json:"keyNumbers"`
}

func (s *Set) licensesResource(ctx context.Context, family websoftsolus.Family) (*licensesResource, error) {
	inv, err := s.Inventory.List(ctx, []websoftsolus.Family{family})
	if err != nil {
		return nil, err
	}
	out := &licensesResource{Environment: s.Environment, Family: string(family), Total: len(inv.Entries), KeyNumbers: []string{}}
	for _, e := range inv.Entries {
		out.KeyNumbers = append(out.KeyNumbers, fieldText(e.KeyNumber, maxFieldText))
	}
	return out, nil
}

// rulesResource is the table of the option rules.
type rulesResource struct {
	Environment string    `json:"environment"`
	Rules       []ruleSet `json:"rules"`
}

type ruleSet struct {
	Tool    string       `json:"tool"`
	Family  string       `json:"family"`
	Options []ruleOption `json:"options"`
}

type ruleOption struct {
	Name     string   `json:"name"`
	Required bool     `json:"required,omitempty"`
	Several  bool     `json:"several,omitempty"` // takes more than one of the allowed values
	Allowed  []string `json:"allowed,omitempty"`
	LeftOut  *string  `json:"sentWhenLeftOut,omitempty"`
	Meaning  string   `json:"meaning"`
}

func ruleTable() []ruleSet {
	var table []ruleSet
	for _, rules := range schemas.RuleSets() {
		set := ruleSet{Tool: rules.Tool, Family: string(rules.Family)}
		for _, o := range rules.Options {
			option := ruleOption{Name: o.Name, Required: o.Required, Several: o.Array, Allowed: o.Allowed, Meaning: o.Description}
			if !o.Required && !o.Array {
				option.LeftOut = &o.Neutral
			}
			set.Options = append(set.Options, option)
		}
		table = append(table, set)
	}
	return table
}

// resourceFailure answers a read that failed. What does not exist gets the code
// that the revision in use has for it: -32002 until 2025-11-25, -32602 from
// 2026-07-28 on.
func (s *Set) resourceFailure(ctx context.Context, uri string, err error) error {
	var (
		refusal *operations.Refusal
		api     *websoftsolus.Error
		lacking *notAllowed
	)
	missing := errors.Is(err, errNoResource) ||
		errors.As(err, &refusal) && refusal.Code == operations.CodeOperationNotFound ||
		errors.As(err, &api) && api.Kind == websoftsolus.NotFound ||
		errors.As(err, &lacking)
	if missing {
		code := mcp.RESOURCE_NOT_FOUND
		if server.IsModernRequest(ctx) {
			code = mcp.INVALID_PARAMS
		}
		return rpc.Fail(ctx, &rpc.Error{Code: code, Message: fmt.Sprintf("resource not found: %s", fieldText(err.Error(), maxFieldText)), Data: json.RawMessage(mustJSON(map[string]string{"uri": uri}))})
	}
	return errors.New(fieldText(s.failure(readingTool, err).Error.Message, maxFieldText))
}

// readingTool is what a failure of a read is put into words for.
var readingTool = Tool{Name: "resources/read", effect: reads}

func mustJSON(v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always marshal
	}
	return encoded
}

// WatchResource calls changed after each change of a resource, until the
// function that it returns is called. Only operations can be watched. The error
// says why it cannot be.
func (s *Set) WatchResource(ctx context.Context, uri string, changed func()) (stop func(), err error) {
	parts := segments(colonsEscaped(uri))
	if len(parts) != 2 || parts[0] != "operations" || !operationID().MatchString(parts[1]) {
		return nil, errors.New("only " + operationTemplate.uri + " can be subscribed to")
	}
	if err := forbiddenURI(callers.From(ctx), uri); err != nil {
		return nil, err
	}
	return s.Operations.Follow(ctx, parts[1], changed)
}
