package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mark3labs/mcp-go/server"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/consent"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/inventory"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/rpc"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/telemetry"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/tools"
)

// assembly is the server put together from its parts, without a transport.
type assembly struct {
	mcp        *server.MCPServer
	answerer   *rpc.Answerer
	watch      rpc.Watch // of resources
	tools      *tools.Set
	client     *websoftsolus.Client
	operations *operations.Service
	inventory  *inventory.Reader
	consent    *consent.Consent // who confirms; a transport adds where a person approves
	sandbox    *sandbox.Server  // nil unless the environment is the sandbox
	log        *slog.Logger
}

// assemble builds the server that the settings describe. It makes no request,
// opens no ledger and waits for nothing: the first call that needs the API or
// the ledger does. What it does is counted where observed is not nil.
func assemble(settings *config.Settings, log *slog.Logger, observed *telemetry.Telemetry) (*assembly, error) {
	if config.IsPostgres(settings.Journal) {
		if err := operations.CheckPostgresURL(settings.Journal); err != nil {
			return nil, &config.Error{Flag: "journal", Message: err.Error()}
		}
	}
	a := &assembly{log: log}
	client := &websoftsolus.Client{
		BaseURL:        settings.BaseURL,
		Login:          settings.Login,
		Secret:         settings.Secret,
		UserAgent:      "websoftsolus-mcp/" + Version(),
		Timeout:        settings.Timeout,
		MaxConcurrency: settings.MaxConcurrency,
	}
	a.client = client
	if settings.Environment == config.Sandbox {
		simulated := sandbox.New(sandbox.Options{})
		listening, err := simulated.Start("127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("start the sandbox: %w", err)
		}
		a.sandbox = listening
		client.BaseURL = listening.URL
		client.Login, client.Secret = simulated.Credentials()
	}
	reader := &inventory.Reader{API: client, Concurrency: settings.MaxConcurrency * 5 / 4, Logger: log}
	var decide func(policy.Request) policy.Decision
	if settings.Policy != nil {
		decide = settings.Policy.Decide
	}
	a.operations = operations.NewService(operations.Config{
		Policy:                decide,
		API:                   reader.Forgetting(client),
		Open:                  func(ctx context.Context) (operations.Store, error) { return openLedger(ctx, settings) },
		Environment:           settings.Environment,
		BaseURL:               client.BaseURL,
		ReadOnly:              settings.ReadOnly,
		MaxOrdersPerDay:       dailyCap(settings.MaxOrdersPerDay),
		MaxTerminationsPerDay: dailyCap(settings.MaxTerminationsPerDay),
		Timeout:               settings.Timeout,
		Logger:                log,
	})
	reader.Snapshots = a.operations.Snapshots()
	a.inventory = reader
	a.consent = &consent.Consent{Mode: consent.Mode(settings.Confirm), AnswerWithin: settings.AnswerWithin}
	toolset := &tools.Set{
		API:           client,
		Operations:    a.operations,
		Inventory:     reader,
		Environment:   settings.Environment,
		ReadOnly:      settings.ReadOnly,
		Families:      settings.Families,
		Concurrency:   settings.MaxConcurrency,
		SecretProblem: settings.SecretProblem,
		Consent:       a.consent,
	}
	if observed != nil {
		client.Observe, toolset.Observe = observed.Attempt, observed.Call
	}
	a.mcp = tools.NewServer(toolset, Version())
	a.answerer = &rpc.Answerer{MCP: a.mcp, Direct: true, ListKey: toolset.ListKey, Logger: log}
	a.watch, a.tools = toolset.WatchResource, toolset
	addFixtures(a)
	return a, nil
}

// dailyCap turns a flag into operations' notation, in which 0 is the default: on
// the command line 0 means none.
func dailyCap(flag int) int {
	if flag == 0 {
		return -1
	}
	return flag
}

// openLedger opens the ledger in its database, or in its file, making the file's
// folder where that is missing.
func openLedger(ctx context.Context, settings *config.Settings) (operations.Store, error) {
	if settings.JournalProblem != "" {
		return nil, errors.New(settings.JournalProblem)
	}
	if config.IsPostgres(settings.Journal) {
		return operations.OpenPostgres(ctx, settings.Journal)
	}
	if settings.Journal != config.MemoryJournal {
		if err := os.MkdirAll(filepath.Dir(settings.Journal), 0o700); err != nil {
			return nil, fmt.Errorf("make the ledger's folder: %w", err)
		}
	}
	return operations.OpenSQLite(settings.Journal)
}

// close waits for claimed operations to record their outcome, then ends the
// sandbox. It is bounded by ctx.
func (a *assembly) close(ctx context.Context) error {
	err := a.operations.Close(ctx)
	if a.sandbox != nil {
		err = errors.Join(err, a.sandbox.Close())
	}
	return err
}
