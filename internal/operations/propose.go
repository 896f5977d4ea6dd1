package operations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/policy"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Preview is what a person decides on: nothing was sent.
type Preview struct {
	Operation Operation
	Confirm   string                // the phrase that confirms it, once, until Operation.ExpiresAt; empty unless its Way is ByPhrase
	License   *websoftsolus.License // termination: the licence as it stands
	// Bound is what flags, token and policy say of it, the strictest of each.
	Bound policy.Bound
}

// ProposeOrder records an order and returns its preview. It makes no request.
// The error is a *Refusal.
func (s *Service) ProposeOrder(ctx context.Context, r OrderRequest) (*Preview, error) {
	store, refusal := s.writable(ctx, Order)
	if refusal != nil {
		return nil, refusal
	}
	o := s.operation(ctx, Order, r.Family, "", r.Form)
	o.Tool = r.Tool
	o.DuplicateOf = r.DuplicateOf
	o.Warnings = slices.Concat(r.Warnings, orderWarnings(r))
	if r.ServerIP != "" {
		earlier, err := store.ServerOrders(ctx, s.baseURL, r.ServerIP)
		if err != nil {
			return nil, noLedger(Order, err)
		}
		if warning := serverWarning(ctx, r.ServerIP, earlier); warning != "" {
			o.Warnings = append(o.Warnings, warning)
		}
	}
	return s.propose(ctx, store, o, r.Choose, func(code string) string { return orderPhrase(r.Product, r.Period, code) })
}

// ProposeTermination reads the licence, records its termination and returns the
// preview. The error is a *Refusal, or wraps the *websoftsolus.Error of the
// read.
func (s *Service) ProposeTermination(ctx context.Context, r TerminationRequest) (*Preview, error) {
	store, refusal := s.writable(ctx, Terminate)
	if refusal != nil {
		return nil, refusal
	}
	if r.Choose != nil {
		// A licence that ended after its approval can be read no more, and the same
		// call is still to be told.
		o := s.operation(ctx, Terminate, r.Family, r.KeyNumber, nil)
		o.ProposedAt = s.now()
		earlier, err := store.Asked(ctx, o)
		if err != nil {
			return nil, noLedger(Terminate, err)
		}
		if earlier != nil && earlier.State != Proposed {
			return &Preview{Operation: *s.asKnown(earlier)}, nil
		}
	}
	license, err := s.api.GetLicense(ctx, r.Family, r.KeyNumber)
	if err != nil {
		return nil, fmt.Errorf("read the licence before its termination: %w", err)
	}
	o := s.operation(ctx, Terminate, r.Family, license.KeyNumber, nil)
	if r.KeyNumber != license.KeyNumber {
		o.Asked = r.KeyNumber
	}
	o.Previous = snapshot(license)
	o.Warnings = terminationWarnings(r.KeyNumber, license)
	preview, err := s.propose(ctx, store, o, r.Choose, func(code string) string { return terminationPhrase(license.KeyNumber, code) })
	if err != nil {
		return nil, err
	}
	preview.License = license
	return preview, nil
}

// writable returns the ledger for a write, or why there is none.
func (s *Service) writable(ctx context.Context, kind Kind) (Store, *Refusal) {
	if s.readOnly {
		return nil, refuse(kind, CodeReadOnly, RetryNever, "this server is read-only",
			"tell the person; they can start the server without --read-only")
	}
	store, err := s.ledger(ctx)
	if err != nil {
		return nil, noLedger(kind, err)
	}
	return store, nil
}

// operation begins an operation; its id is drawn when it is recorded.
func (s *Service) operation(ctx context.Context, kind Kind, family websoftsolus.Family, keyNumber string, form []Field) *Operation {
	return &Operation{
		Kind:        kind,
		Family:      family,
		Environment: s.environment,
		BaseURL:     s.baseURL,
		KeyNumber:   keyNumber,
		Request:     slices.Clone(form),
		Fingerprint: fingerprint(kind, family, keyNumber, form),
		Actor:       proposer(ctx),
	}
}

// propose records an operation as proposed: under a fresh phrase, or under none
// where it is confirmed in another way.
func (s *Service) propose(ctx context.Context, store Store, o *Operation, choose Choose, phrase func(code string) string) (*Preview, error) {
	limits, bound, refusal := s.ruled(ctx, o)
	if refusal != nil {
		return nil, refusal
	}
	o.State = Proposed
	o.ProposedAt = s.now()
	o.ExpiresAt = o.ProposedAt.Add(phraseLife)
	o.Way = choose.way(ctx, o, bound)
	if refusal := personFor(o, bound); refusal != nil {
		return nil, refusal
	}
	var err error
	if o.ID, err = newID(o.ProposedAt, s.random); err != nil {
		return nil, refuse(o.Kind, CodeLedgerUnavailable, RetrySafe, err.Error(), "").because(err)
	}
	var lookedAt *Operation
	for {
		var confirm, digest string
		if o.Way == ByPhrase {
			code, err := newCode(s.random)
			if err != nil {
				return nil, refuse(o.Kind, CodeLedgerUnavailable, RetrySafe, err.Error(), "").because(err)
			}
			confirm = phrase(code)
			var ok bool
			if digest, ok = phraseDigest(confirm); !ok {
				return nil, refuse(o.Kind, CodeInvalidInput, RetryAfterChange, "no phrase can be made for it", "")
			}
		}
		err = store.Propose(ctx, Proposal{Operation: *o, Phrase: digest, Limits: limits})
		var (
			blocked *Blocked
			already *askedAlready
		)
		switch {
		case err == nil:
			s.log.InfoContext(ctx, "operation proposed", "operation", o.ID, "kind", o.Kind, "family", o.Family)
			return &Preview{Operation: *o, Confirm: confirm, Bound: bound}, nil
		case errors.Is(err, errPhraseTaken):
			continue
		case errors.As(err, &already):
			return &Preview{Operation: *s.asKnown(already.operation), Bound: bound}, nil
		case errors.As(err, &blocked):
			// Who stands in the way may have an outcome by now.
			if lookedAt == nil && s.mayHaveOutcome(blocked.Other) {
				lookedAt, _ = s.look(ctx, store, blocked.Other)
				continue
			}
			return nil, blocked.refusal(ctx, o)
		default:
			return nil, noLedger(o.Kind, err)
		}
	}
}

// snapshot keeps what a person saw of a licence.
func snapshot(l *websoftsolus.License) *Snapshot {
	sum := sha256.Sum256(l.Properties)
	return &Snapshot{
		KeyNumber: l.KeyNumber,
		Title:     l.Title,
		Comment:   l.Comment,
		Product:   l.Product,
		Status:    l.Status,
		Period:    l.Period,
		ServerIP:  l.ServerIP,
		OrderedAt: l.OrderedAt,
		ExpiresAt: l.ExpiresAt,
		Digest:    hex.EncodeToString(sum[:]),
	}
}

// changes says in what a licence differs from what the person saw. Only what a
// preview shows counts: the rest of an answer may hold counters and dates that
// are new with every read.
func (before *Snapshot) changes(now *Snapshot) []string {
	var changed []string
	for _, f := range []struct{ name, before, now string }{
		{"keyNumber", before.KeyNumber, now.KeyNumber},
		{"title", before.Title, now.Title},
		{"comment", before.Comment, now.Comment},
		{"product", before.Product, now.Product},
		{"status", before.Status, now.Status},
		{"period", before.Period, now.Period},
		{"serverIP", before.ServerIP, now.ServerIP},
		{"orderedAt", before.OrderedAt, now.OrderedAt},
		{"expiresAt", before.ExpiresAt, now.ExpiresAt},
	} {
		if f.before != f.now {
			changed = append(changed, f.name)
		}
	}
	return changed
}
