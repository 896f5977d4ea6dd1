package operations

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// brokenStore is a ledger that fails to record steps while broken is set.
type brokenStore struct {
	Store
	broken atomic.Bool
	claim  atomic.Bool // claims fail too
}

var errDisk = errors.New("the disk that holds the ledger is full")

func (b *brokenStore) Step(ctx context.Context, s Step) (*Operation, error) {
	if b.broken.Load() {
		return nil, errDisk
	}
	return b.Store.Step(ctx, s)
}

func (b *brokenStore) Claim(ctx context.Context, c Claim) (*Operation, error) {
	if b.claim.Load() {
		return nil, errDisk
	}
	return b.Store.Claim(ctx, c)
}

func newBroken(t *testing.T) (*fixture, *brokenStore) {
	b := &brokenStore{}
	f := newFixture(t, func(c *Config) {
		open := c.Open
		c.Open = func(ctx context.Context) (Store, error) {
			store, err := open(ctx)
			b.Store = store
			return b, err
		}
	})
	return f, b
}

func TestOutcomeThatCannotBeRecordedIsToldAndKept(t *testing.T) {
	f, store := newBroken(t)
	preview := f.proposed(orderOf("shop"))
	store.broken.Store(true)
	result, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	require.NoError(t, err)
	require.Equal(t, Succeeded, result.Operation.State)
	require.Contains(t, result.Operation.Message, "the ledger could not record this")
	require.Equal(t, Sending, f.state(preview.Operation.ID))
	again, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, result.Operation.KeyNumber, again.Operation.KeyNumber)
	require.Equal(t, Succeeded, f.got(preview.Operation.ID).State)
	page, err := f.List(t.Context(), Filter{})
	require.NoError(t, err)
	require.Equal(t, Succeeded, page.Operations[0].State)

	store.broken.Store(false)
	require.Equal(t, Succeeded, f.got(preview.Operation.ID).State)
	require.Equal(t, Succeeded, f.state(preview.Operation.ID), "written as soon as it can be")
	require.Len(t, f.api.sent("POST"), 1)
}

func TestOutcomeThatWasNeverRecordedIsFoundByTheNext(t *testing.T) {
	f, store := newBroken(t)
	preview := f.proposed(orderOf("shop"))
	store.broken.Store(true)
	_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	require.NoError(t, err)
	require.NoError(t, f.Close(t.Context()))
	f.quiet()
	o, err := f.service().Get(t.Context(), preview.Operation.ID)
	require.NoError(t, err)
	require.Equal(t, Succeeded, o.State)
	require.Equal(t, "PLSK.02980004", o.KeyNumber)
}

func TestFailedClaimSendsNothing(t *testing.T) {
	f, store := newBroken(t)
	preview := f.proposed(orderOf("shop"))
	store.claim.Store(true)
	_, err := f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered", "full")
	require.Empty(t, f.api.sent("POST"))
	store.claim.Store(false)
	_, err = f.ConfirmOrder(t.Context(), orderOf("shop"), preview.Confirm)
	require.NoError(t, err)
}

func TestLedgerThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.WriteFile(folder, []byte("in the way"), 0o600))
	f := newFixture(t, func(c *Config) {
		c.Open = func(context.Context) (Store, error) { return OpenSQLite(filepath.Join(folder, "ledger.db")) }
	})
	title := "x"
	_, err := f.ProposeOrder(t.Context(), orderOf("shop"))
	refused(t, err, CodeLedgerUnavailable, "nothing was ordered")
	_, err = f.ProposeTermination(t.Context(), termination(1))
	refused(t, err, CodeLedgerUnavailable, "the licence was not terminated")
	_, err = f.Edit(t.Context(), EditRequest{Family: websoftsolus.Plesk, KeyNumber: "PLSK.02980001", Title: &title})
	refused(t, err, CodeLedgerUnavailable, "the licence was not changed")
	_, err = f.List(t.Context(), Filter{})
	refused(t, err, CodeLedgerUnavailable)
	_, err = f.Get(t.Context(), "op_x")
	refused(t, err, CodeLedgerUnavailable)
	require.Empty(t, f.api.sent("P"))

	require.NoError(t, os.Remove(folder))
	f.ordered(orderOf("shop"))
}

func TestFullDiskStopsWritesAndNotReads(t *testing.T) {
	f := newFixture(t)
	done := f.ordered(orderOf("shop"))
	store, err := f.ledger(t.Context())
	require.NoError(t, err)
	l := store.(*ledger)
	// SQLite's own limit on pages makes it fail as it does on a full disk.
	_, err = l.write.Exec(`PRAGMA max_page_count = 1`)
	require.NoError(t, err)
	var refusal *Refusal
	for range 50 { // pages that are in use have room for some more
		if _, err = f.ProposeOrder(t.Context(), orderOf("other")); err != nil {
			break
		}
	}
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, CodeLedgerUnavailable, refusal.Code)
	require.Contains(t, refusal.Message, "nothing was ordered: the disk that holds the ledger is full")
	require.Equal(t, done.Operation, *f.got(done.Operation.ID))
	v, err := f.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, v.Problems, "what failed left nothing behind")
}
