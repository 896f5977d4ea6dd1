package cli

import (
	"context"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/config"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/sandbox"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

type sandboxCommand struct {
	Addr     string         `name:"addr" default:"127.0.0.1:8089" help:"Address to listen on." placeholder:"HOST:PORT"`
	Seed     uint64         `name:"seed" help:"Decides the made-up data, the credentials and the dice of faults." placeholder:"N"`
	Licenses map[string]int `name:"licenses" help:"How many licences each family starts with, e.g. plesk=500;cpanel=20." placeholder:"FAMILY=N;…"`
	Dialect  string         `name:"dialect" help:"Shapes of the answers, e.g. list:object,order:id-only; an unknown name lists them." placeholder:"DIALECT"`
	Faults   string         `name:"faults" help:"What goes wrong, e.g. order drop after times=1; get status=503 p=0.1; an unknown word lists them." placeholder:"FAULTS"`
	Latency  string         `name:"latency" help:"How long every request takes, e.g. 20ms or 10ms-80ms." placeholder:"TIME"`
	Control  bool           `name:"control" help:"Serve the sandbox's own interface (requests, effects, faults) under /_sandbox/."`
}

// Run serves the simulated API until the process is told to stop.
func (c *sandboxCommand) Run(ctx context.Context, s streams) error {
	options := sandbox.Options{Seed: c.Seed, Control: c.Control}
	var err error
	if options.Dialect, err = sandbox.ParseDialect(c.Dialect); err != nil {
		return &config.Error{Flag: "dialect", Message: err.Error()}
	}
	if options.Faults, err = sandbox.ParseFaults(c.Faults); err != nil {
		return &config.Error{Flag: "faults", Message: err.Error()}
	}
	if c.Latency != "" {
		if options.Latency, err = sandbox.ParseSpan(c.Latency); err != nil {
			return &config.Error{Flag: "latency", Message: err.Error()}
		}
	}
	if len(c.Licenses) > 0 {
		names := make([]string, 0, len(c.Licenses))
		for name := range c.Licenses {
			names = append(names, name)
		}
		if _, err := config.ParseFamilies(names); err != nil {
			return &config.Error{Flag: "licenses", Message: err.Error()}
		}
		options.Licenses = map[websoftsolus.Family]int{}
		for name, count := range c.Licenses {
			options.Licenses[websoftsolus.Family(name)] = count
		}
	}
	return sandbox.Run(ctx, s.out, c.Addr, options)
}
