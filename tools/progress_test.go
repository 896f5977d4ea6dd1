package tools

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProgressIsPaced: at most ten a second, only growing, and the last always.
func TestProgressIsPaced(t *testing.T) {
	now := time.Unix(0, 0)
	var told []int
	progress := paced(func() time.Time { return now }, func(done, total int) {
		require.Equal(t, 1000, total)
		told = append(told, done)
	})
	now = now.Add(time.Second)
	for done := 1; done <= 1000; done++ { // one a millisecond
		now = now.Add(time.Millisecond)
		progress(done, 1000)
	}
	require.Equal(t, []int{1, 101, 201, 301, 401, 501, 601, 701, 801, 901, 1000}, told)
	now = now.Add(time.Second)
	progress(5, 1000) // a second round
	require.Len(t, told, 11)
}
