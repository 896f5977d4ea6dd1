// Package cli is the command line: it parses flags and variables, assembles the
// server from its parts, and turns what happened into an exit status.
//
// [Run] is all of it. It takes its arguments and streams from main, so a test
// can hold them. The commands are the fields of the struct commands; each has a
// Run method in a file of its own.
//
// Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
)

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line. stdio is what runs when no command is named.
type commands struct {
	Stdio      stdioCommand      `cmd:"" default:"withargs" help:"Serve one MCP client over stdin and stdout (the default)."`
	HTTP       httpCommand       `cmd:"" name:"http" help:"Serve many MCP clients over HTTP."`
	Sandbox    sandboxCommand    `cmd:"" help:"Serve the simulated API alone and print its credentials."`
	Licenses   licensesCommand   `cmd:"" help:"List, show and export licences."`
	Operations operationsCommand `cmd:"" help:"Look at the ledger of what was ordered, edited and terminated."`
	Approve    approveCommand    `cmd:"" help:"Approve an order or a termination that waits for a person."`
	Doctor     doctorCommand     `cmd:"" help:"Check the configuration, the credentials, the network and the ledger."`
	Policy     policyCommand     `cmd:"" help:"Check a policy file, and explain what it decides."`
	Token      tokenCommand      `cmd:"" help:"Make a token for a caller of the http command."`
	Tools      toolsCommand      `cmd:"" help:"Print the tools that an agent sees."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// streams are the process's standard streams, or a test's.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

const description = `An MCP server that lets an AI agent look after software licences at WebSoftSolus: list, get, order, edit and terminate, for Plesk, cPanel & WHM and Virtuozzo. Nothing is bought, changed or ended that was not asked for and confirmed, and nothing is ever done twice.`

// Run parses args, runs the command they name and returns the exit status. In
// the stdio command out carries protocol messages alone; everything said to a
// person goes to errw.
func Run(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	if command, ok := plainStart(args); ok {
		return report(command.Run(ctx, streams{in: in, out: out, err: errw}), errw)
	}
	var line commands
	exited := -1 // kong's help flag asks to exit; it must not end a test's process
	parser, err := kong.New(&line,
		kong.Name("websoftsolus-mcp"),
		kong.Description(description),
		kong.Vars{"default_url": config.DefaultBaseURL},
		kong.Writers(out, errw),
		kong.Exit(func(status int) { exited = status }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{in: in, out: out, err: errw}),
	)
	if err != nil {
		fmt.Fprintf(errw, "websoftsolus-mcp: %v\n", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(errw, "websoftsolus-mcp: %v\nTry websoftsolus-mcp --help.\n", err)
		return exitUsage
	}
	return report(parsed.Run(), errw)
}

// plainStart reads the command line of a host that starts the server: flags of
// stdio and no command. Building the grammar of every command takes longer than
// everything else between the start and the first answer, so it is left to the
// command lines that are something else; those that are wrong get their error
// there too.
func plainStart(args []string) (*stdioCommand, bool) {
	command := &stdioCommand{}
	parser, err := kong.New(command, kong.Vars{"default_url": config.DefaultBaseURL}, kong.NoDefaultHelp())
	if err != nil {
		return nil, false
	}
	_, err = parser.Parse(args)
	return command, err == nil
}

// report prints what a command failed with, a line each, and returns the exit
// status it stands for.
func report(err error, errw io.Writer) int {
	if err == nil {
		return exitDone
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintf(errw, "websoftsolus-mcp: %s\n", printable(line))
	}
	var (
		wrong *config.Error
		usage wrongUsage
	)
	if errors.As(err, &wrong) || errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}
