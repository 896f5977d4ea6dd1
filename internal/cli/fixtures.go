//go:build !conformance

package cli

// addFixtures adds nothing. The build for the official conformance suite
// (-tags conformance) adds what the suite calls.
func addFixtures(*assembly) {}
