package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// runMeasured runs a command and returns the most resident memory that it had,
// in bytes. The kernel keeps that mark for as long as the process lives, so the
// last look before its end has it. Its mark in the resource usage is not its
// own: it begins with that of the process it was forked from.
func runMeasured(command *exec.Cmd) (most int64, err error) {
	if err := command.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", command.Process.Pid))
		if _, mark, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
			var kilobytes int64
			if _, err := fmt.Sscanf(string(mark), "%d kB", &kilobytes); err == nil {
				most = max(most, kilobytes<<10)
			}
		}
		select {
		case err := <-ended:
			return most, err
		case <-time.After(2 * time.Millisecond):
		}
	}
}
