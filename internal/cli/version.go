package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker (Makefile); a binary built by go install has its
// module version instead.
var version string

// Version returns the version of this build, "devel" where none is known.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

type versionCommand struct{}

// Run prints the version, the Go release and the platform on one line.
func (versionCommand) Run(s streams) error {
	_, err := fmt.Fprintf(s.out, "websoftsolus-mcp %s (%s, %s/%s)\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
