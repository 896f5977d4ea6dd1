// Package e2e drives the built program as a host does: a real process, its real
// stdin and stdout, a client that is not the library the server is built on
// (the official Go SDK's), and the sandbox behind real HTTP, watched on the
// wire.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/schemas"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "websoftsolus-mcp-e2e")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "websoftsolus-mcp")
	build := exec.Command("go", "build", "-o", binary, "github.com/websoftsolus-mcp/websoftsolus-mcp")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// webClient is for everything that a test asks over HTTP. Closing an
// httptest.Server closes the connections of the default one, also those that a
// test beside it is about to use.
var webClient = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// madeOf has the go command see what the program is built from and what other
// processes read: the tests build and run it, so without this a result that was
// kept would stand for a program that has changed.
var madeOf = sync.OnceValue(func() error {
	return filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && name != ".." && name != ".ci" && (strings.HasPrefix(name, ".") || name == "bin") {
			return filepath.SkipDir
		}
		if entry.IsDir() || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		_, err = os.Stat(path)
		return err
	})
})

// missing skips a test that needs more than Go, and fails it where nothing may
// skip.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") != "" {
		t.Fatalf("%s, and REQUIRE_ALL is set", what)
	}
	t.Skip(what)
}

// request is one request as it arrived on the wire.
type request struct {
	Method string
	Path   string
	Form   string // the body as it came
	Bearer string
}

// api is a sandbox behind real HTTP that keeps every request.
type api struct {
	sandbox *sandbox.Sandbox
	url     string
	mu      sync.Mutex
	seen    []request
	held    map[string]gate // by method and path
	forms   string          // requests whose body holds it are held by every
	every   gate
}

// gate holds a request before it reaches the sandbox.
type gate struct{ arrived, release chan struct{} }

// hold makes the next request of that method and path close arrived and wait
// until release is closed.
func (a *api) hold(method, path string) (arrived <-chan struct{}, release chan<- struct{}) {
	g := gate{arrived: make(chan struct{}), release: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = map[string]gate{method + " " + path: g}
	return g.arrived, g.release
}

// holdForms makes every request whose body holds the text say so on arrived and
// wait until release is closed.
func (a *api) holdForms(text string) (arrived <-chan struct{}, release chan<- struct{}) {
	g := gate{make(chan struct{}, 1000), make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forms, a.every = text, g
	return g.arrived, g.release
}

func newAPI(t *testing.T) *api {
	a := &api{sandbox: sandbox.New(sandbox.Options{})}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url = server.URL + "/"
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.mu.Lock()
	a.seen = append(a.seen, request{Method: r.Method, Path: r.URL.RequestURI(), Form: string(body), Bearer: r.Header.Get("Authorization")})
	g, held := a.held[r.Method+" "+r.URL.Path]
	delete(a.held, r.Method+" "+r.URL.Path)
	every, waits := a.every, a.forms != "" && bytes.Contains(body, []byte(a.forms))
	a.mu.Unlock()
	if waits {
		every.arrived <- struct{}{}
		<-every.release
	}
	if held {
		close(g.arrived)
		<-g.release
	}
	a.sandbox.ServeHTTP(w, r)
}

// orderElsewhere orders a Virtuozzo licence past the program, as a person does in
// the customer area.
func (a *api) orderElsewhere(t *testing.T) {
	t.Helper()
	listening, err := a.sandbox.Start("127.0.0.1:0")
	require.NoError(t, err)
	defer listening.Close()
	login, secret := a.sandbox.Credentials()
	other := &websoftsolus.Client{BaseURL: listening.URL, Login: login, Secret: secret}
	_, _ = other.Order(t.Context(), websoftsolus.Virtuozzo, url.Values{
		"product": {"VIRTUOZZO_CONTAINERS_4"}, "title": {"elsewhere"}, "comment": {""}, "period": {"1"}, "os": {"LINUX"},
	}) // a fault may take its answer; the licence is there
}

// take returns the requests since the last call and forgets them.
func (a *api) take() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// lines writes requests as "METHOD path form", the token's leaving out its
// secret, and checks that every other one carried a bearer.
func lines(t *testing.T, requests []request) []string {
	t.Helper()
	written := []string{}
	for _, r := range requests {
		if r.Path == "/access/token" {
			require.Empty(t, r.Bearer)
			written = append(written, r.Method+" "+r.Path)
			continue
		}
		require.True(t, strings.HasPrefix(r.Bearer, "Bearer "), "bearer on %s %s", r.Method, r.Path)
		written = append(written, strings.TrimSpace(r.Method+" "+r.Path+" "+r.Form))
	}
	return written
}

// variables configure a server process against the API.
func (a *api) variables(t *testing.T, journal string) []string {
	login, secret := a.sandbox.Credentials()
	return append(bareEnvironment(t),
		"WEBSOFTSOLUS_URL="+a.url, "WEBSOFTSOLUS_LOGIN="+login, "WEBSOFTSOLUS_SECRET="+secret, "WEBSOFTSOLUS_JOURNAL="+journal)
}

// bareEnvironment is the environment without anything that configures the
// program, and with a home of its own.
func bareEnvironment(t *testing.T) []string {
	require.NoError(t, madeOf())
	home := t.TempDir()
	env := []string{"HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state")}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "WEBSOFTSOLUS_") && !strings.HasPrefix(name, "OTEL_") && name != "HOME" && name != "XDG_STATE_HOME" {
			env = append(env, v)
		}
	}
	return env
}

// served is a process of the http command.
type served struct {
	url     string // of /mcp
	process *exec.Cmd
	stderr  *lockedBuffer
	read    chan struct{} // closed when stderr is read to its end
}

// serve starts the http command and waits until it listens.
func serve(t *testing.T, env []string, args ...string) *served {
	t.Helper()
	return serveProgram(t, binary, env, args...)
}

// serveProgram is serve with another build. The process ends with the test at
// the latest.
func serveProgram(t *testing.T, program string, env []string, args ...string) *served {
	t.Helper()
	s := &served{
		process: exec.Command(program, append([]string{"http", "--addr", "127.0.0.1:0", "--log-format", "json"}, args...)...),
		stderr:  &lockedBuffer{}, read: make(chan struct{}),
	}
	s.process.Env = env
	stderr, err := s.process.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.process.Start())
	address := make(chan string, 1)
	go func() {
		defer close(s.read)
		defer close(address)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(s.stderr, lines.Text())
			var line struct{ URL string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.URL != "" {
				address <- line.URL
			}
		}
	}()
	t.Cleanup(func() { _ = s.process.Process.Kill() }) // it has ended where the test came to its end
	s.url = <-address
	require.NotEmpty(t, s.url, "it does not listen: %s", s.stderr)
	return s
}

// stop ends the process as a service manager does, and returns how long that
// took.
func (s *served) stop(t *testing.T) time.Duration {
	t.Helper()
	begun := time.Now()
	require.NoError(t, s.process.Process.Signal(syscall.SIGTERM))
	<-s.read
	require.NoError(t, s.process.Wait(), s.stderr)
	return time.Since(begun)
}

// eras are the protocol versions that the main job is shown in.
var eras = []string{"2025-11-25", "2026-07-28"}

// client is a connected MCP client and the process behind it.
type client struct {
	*mcp.ClientSession
	process *exec.Cmd
	stderr  *lockedBuffer
}

// connect starts a server process with the environment and connects to it over
// stdio in the given protocol version.
func connect(t *testing.T, version string, env []string, args ...string) *client {
	t.Helper()
	return connectWith(t, version, env, nil, args...)
}

// connectWith is connect for a client with options.
func connectWith(t *testing.T, version string, env []string, options *mcp.ClientOptions, args ...string) *client {
	t.Helper()
	c := &client{process: exec.Command(binary, args...), stderr: &lockedBuffer{}}
	c.process.Env = env
	c.process.Stderr = c.stderr
	sdk := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, options)
	session, err := sdk.Connect(t.Context(), &mcp.CommandTransport{Command: c.process}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	require.NoError(t, err, "stderr: %s", c.stderr)
	require.Equal(t, version, session.InitializeResult().ProtocolVersion)
	c.ClientSession = session
	t.Cleanup(func() { session.Close() })
	return c
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type object = map[string]any

// call calls a tool and returns its one JSON object, checked as [checked] does.
func (c *client) call(t *testing.T, tool string, args object) (result object, isError bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := c.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	require.NoError(t, err, "%s %v; stderr: %s", tool, args, c.stderr)
	require.Len(t, answer.Content, 1)
	return checked(t, tool, answer.Content[0].(*mcp.TextContent).Text, answer.StructuredContent, answer.IsError), answer.IsError
}

// checked returns a result, having checked that it stands in both places where
// hosts look, and that it has the documented shape.
func checked(t *testing.T, tool, text string, structured any, isError bool) (result object) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &result), text)
	encoded, err := json.Marshal(structured)
	require.NoError(t, err)
	require.JSONEq(t, text, string(encoded))
	require.NotEmpty(t, result["environment"], text)
	name := tool
	switch outcome, _ := result["outcome"].(string); {
	case isError:
		name = "failure"
	case outcome != "":
		name = outcome
	}
	require.NoError(t, outputSchema(t, name).Validate(result), text)
	return result
}

// toolNames lists the tools.
func (c *client) toolNames(t *testing.T) (names []string) {
	t.Helper()
	tools, err := c.ListTools(t.Context(), nil)
	require.NoError(t, err)
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	return names
}

// outputSchema compiles the schema of a result, with a validator that is not
// ours.
func outputSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.OutputSchema(name)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("output.json", document))
	schema, err := compiler.Compile("output.json")
	require.NoError(t, err)
	return schema
}

// ok calls a tool that must not fail.
func (c *client) ok(t *testing.T, tool string, args object) object {
	t.Helper()
	result, isError := c.call(t, tool, args)
	require.False(t, isError, "%s: %v", tool, result)
	return result
}

// refused calls a tool that must fail, and returns the error object.
func (c *client) refused(t *testing.T, tool string, args object) object {
	t.Helper()
	result, isError := c.call(t, tool, args)
	require.True(t, isError, "%s: %v", tool, result)
	failure, _ := result["error"].(object)
	require.NotEmpty(t, failure["code"], "%v", result)
	require.NotEmpty(t, failure["message"], "%v", result)
	require.Contains(t, []any{"not_done", "unknown"}, failure["outcome"], "%v", result)
	require.Contains(t, []any{"safe", "after_change", "never"}, failure["retry"], "%v", result)
	return failure
}

func with(args object, name string, value any) object {
	changed := object{}
	for k, v := range args {
		changed[k] = v
	}
	changed[name] = value
	return changed
}

// form is a form's body: its fields sorted by name, as net/url encodes them. The
// API document gives their order no meaning.
func form(pairs ...string) string {
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Add(pairs[i], pairs[i+1])
	}
	return fields.Encode()
}
