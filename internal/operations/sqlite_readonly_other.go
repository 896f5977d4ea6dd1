//go:build !unix

package operations

// isReadOnlyFileSystem says whether a file could not be opened for writing
// because its file system is mounted for reading.
func isReadOnlyFileSystem(error) bool { return false }
