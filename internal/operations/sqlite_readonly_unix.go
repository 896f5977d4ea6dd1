//go:build unix

package operations

import (
	"errors"
	"syscall"
)

// isReadOnlyFileSystem says whether a file could not be opened for writing
// because its file system is mounted for reading.
func isReadOnlyFileSystem(err error) bool { return errors.Is(err, syscall.EROFS) }
