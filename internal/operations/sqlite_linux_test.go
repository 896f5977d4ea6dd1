package operations

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asNobody runs f, on this goroutine's thread alone, without root's right to
// write everywhere. For others than root the file modes hold as they are.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := syscall.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

func TestLedgerThatCannotBeWrittenIsRead(t *testing.T) {
	for name, mode := range map[string]struct{ folder, file os.FileMode }{
		"file":            {0o777, 0o444},
		"folder":          {0o555, 0o666},
		"file and folder": {0o555, 0o444},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			done := f.ordered(orderOf("shop"))
			require.NoError(t, f.Close(t.Context()))
			for dir := filepath.Dir(filepath.Dir(f.path)); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
				require.NoError(t, os.Chmod(dir, 0o755))
			}
			require.NoError(t, os.Chmod(f.path, mode.file))
			require.NoError(t, os.Chmod(filepath.Dir(f.path), mode.folder))
			t.Cleanup(func() { os.Chmod(filepath.Dir(f.path), 0o700) })
			var (
				store           Store
				err, wErr, lErr error
				page            *Page
				got             *Operation
			)
			asNobody(t, func() {
				if store, err = OpenSQLite(f.path); err != nil {
					return
				}
				defer store.Close()
				wErr = store.Propose(t.Context(), Proposal{Operation: *mustOperation(t, f, "other"), Phrase: "x", Limits: Limits{Orders: 20, Terminations: 20}})
				page, lErr = store.List(t.Context(), f.baseURL, Filter{})
				got, _ = store.Get(t.Context(), done.Operation.ID)
			})
			require.NoError(t, err)
			require.Error(t, wErr)
			require.NoError(t, lErr)
			require.Len(t, page.Operations, 1)
			require.Equal(t, done.Operation, *got)
		})
	}
}

func TestFolderThatCannotBeMadeSaysSo(t *testing.T) {
	var err error
	asNobody(t, func() { _, err = OpenSQLite("/proc/none/ledger.db") })
	require.ErrorContains(t, err, "/proc/none")
}

func mustOperation(t *testing.T, f *fixture, title string) *Operation {
	t.Helper()
	o := f.operation(t.Context(), Order, "plesk", "", orderOf(title).Form)
	o.State, o.ProposedAt = Proposed, f.now()
	o.ExpiresAt = o.ProposedAt.Add(phraseLife)
	var err error
	o.ID, err = newID(o.ProposedAt, f.random)
	require.NoError(t, err)
	return o
}
