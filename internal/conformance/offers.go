//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// offer adds the suite's resources, prompts and completion.
func offer(s *server.MCPServer) {
	for _, r := range []struct {
		name, description string
		contents          mcp.ResourceContents
	}{
		{"static-text", "A text.", mcp.TextResourceContents{URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource."}},
		{"static-binary", "An image.", mcp.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: pixel}},
		{"watched-resource", "A text to subscribe to.", mcp.TextResourceContents{URI: "test://watched-resource", MIMEType: "text/plain", Text: "Watched resource content."}},
	} {
		uri, media := "test://"+r.name, "text/plain"
		if _, image := r.contents.(mcp.BlobResourceContents); image {
			media = "image/png"
		}
		s.AddResource(mcp.NewResource(uri, r.name, mcp.WithResourceDescription(r.description), mcp.WithMIMEType(media)),
			func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
				return []mcp.ResourceContents{r.contents}, nil
			})
	}
	s.AddResourceTemplate(mcp.NewResourceTemplate("test://template/{id}/data", "template",
		mcp.WithTemplateDescription("Has its id in its content."), mcp.WithTemplateMIMEType("application/json")), readTemplate)

	s.AddPrompt(mcp.NewPrompt("test_simple_prompt", mcp.WithPromptDescription("Takes no arguments.")),
		func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return said(mcp.NewTextContent("This is a simple prompt for testing."))
		})
	s.AddPrompt(mcp.NewPrompt("test_prompt_with_arguments", mcp.WithPromptDescription("Repeats its arguments."),
		mcp.WithArgument("arg1", mcp.RequiredArgument()), mcp.WithArgument("arg2", mcp.RequiredArgument())),
		func(_ context.Context, request mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return said(mcp.NewTextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", request.Params.Arguments["arg1"], request.Params.Arguments["arg2"])))
		})
	s.AddPrompt(mcp.NewPrompt("test_prompt_with_embedded_resource", mcp.WithPromptDescription("Holds a resource."),
		mcp.WithArgument("resourceUri", mcp.RequiredArgument())),
		func(_ context.Context, request mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return said(embedded(request.Params.Arguments["resourceUri"], "text/plain", "Embedded resource content for testing."),
				mcp.NewTextContent("Please process the embedded resource above."))
		})
	s.AddPrompt(mcp.NewPrompt("test_prompt_with_image", mcp.WithPromptDescription("Holds an image.")),
		func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return said(mcp.NewImageContent(pixel, "image/png"), mcp.NewTextContent("Please analyze the image above."))
		})
	s.AddPrompt(mcp.NewPrompt("test_input_required_result_prompt", mcp.WithPromptDescription("Asks for its context.")), askingPrompt)

	server.WithPromptCompletionProvider(completion{})(s)
}

// readTemplate answers test://template/{id}/data.
func readTemplate(_ context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(request.Params.URI, "test://template/"), "/data")
	words, err := json.Marshal(map[string]any{"id": id, "templateTest": true, "data": "Data for ID: " + id})
	if err != nil {
		return nil, err
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: request.Params.URI, MIMEType: "application/json", Text: string(words)}}, nil
}

// said is a prompt of the user's, a message a part.
func said(parts ...mcp.Content) (*mcp.GetPromptResult, error) {
	result := &mcp.GetPromptResult{}
	for _, part := range parts {
		result.Messages = append(result.Messages, mcp.PromptMessage{Role: mcp.RoleUser, Content: part})
	}
	return result, nil
}

// completion completes an argument of a prompt with words that begin alike.
type completion struct{}

func (completion) CompletePromptArgument(_ context.Context, _ string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	found := &mcp.Completion{Values: []string{}}
	for _, word := range []string{"paris", "park", "party", "test", "testing"} {
		if strings.HasPrefix(word, argument.Value) {
			found.Values = append(found.Values, word)
		}
	}
	found.Total = len(found.Values)
	return found, nil
}
