package cli

import (
	"io"
	"log/slog"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/logging"
)

// newLogger writes to w in the format and from the level that the settings
// name; config has checked both.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var threshold slog.Level
	_ = threshold.UnmarshalText([]byte(level)) // debug, info, warn and error all parse
	options := &slog.HandlerOptions{Level: threshold}
	if format == "json" {
		return slog.New(logging.NewHandler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(logging.NewHandler(slog.NewTextHandler(w, options)))
}
