package operations

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// maxCandidates is how many new keys are read to find an order's. Where there are
// more, a person must look.
const maxCandidates = 25

// seeOrder looks for the licence that an order made: a key number that the
// family did not have before, that no other order was given, and whose licence
// is as ordered.
//
// Another order on its way or of unknown outcome may have made that key just as
// well. What the others are is asked after the keys are listed: an order that is
// claimed later cannot have made a key that is listed already, and one that was
// settled meanwhile holds its key, which the ledger gives to one order only.
func (s *Service) seeOrder(ctx context.Context, store Store, o *Operation) (sight, error) {
	listed, err := s.api.ListKeys(ctx, o.Family)
	if err != nil {
		return sight{}, err
	}
	before, err := keysBefore(ctx, store, o)
	if err != nil {
		return sight{}, err
	}
	taken, err := store.TakenKeys(ctx, o)
	if err != nil {
		return sight{}, err
	}
	over, err := endedSince(ctx, store, o)
	if err != nil {
		return sight{}, err
	}
	candidates, complete := newKeys(listed, before, taken, over)
	if len(candidates) > maxCandidates {
		return cannotTell(candidates, fmt.Sprintf("%d key numbers are new since the order", len(candidates))), nil
	}
	rivals, err := s.rivals(ctx, store, o)
	if err != nil {
		return sight{}, err
	}

	var all, match, quiet, like []string // key numbers, by verdict
	contested, unread := map[string]bool{}, 0
	for _, key := range candidates {
		license, err := s.api.GetLicense(ctx, o.Family, key)
		if last := over[canonicalKey(key)]; last != nil && isNotFound(err) {
			license, err = last, nil
		}
		if err != nil {
			unread++
			all = append(all, key)
			continue
		}
		how := judge(license, o)
		if how == unlike || how != matches && anyMade(rivals, license) {
			continue
		}
		switch how {
		case matches:
			match = append(match, key)
		case silent:
			quiet = append(quiet, key)
		case similar:
			like = append(like, key)
		}
		all = append(all, key)
		for _, r := range rivals {
			contested[key] = contested[key] || r.contests(license, how)
		}
	}
	switch {
	case unread > 0:
		return cannotTell(all, "new licences could not be read"), nil
	case len(match) == 1 && !contested[match[0]]:
		return foundKey(match[0], Exact, "the one new licence that is as ordered"), nil
	case len(match) > 0:
		return cannotTell(match, "more than one order or licence fits"), nil
	case len(quiet) == 1 && len(like) == 0 && len(candidates) == 1 && !contested[quiet[0]]:
		return foundKey(quiet[0], Probable, "the one new licence; the API shows nothing to tell it by"), nil
	case len(all) > 0:
		return cannotTell(all, "new licences could be it, and do not show all that was ordered"), nil
	case !complete:
		return sight{}, errors.New("the list is cut short")
	}
	return sight{nothing: true}, nil
}

// endedSince returns the licences, by canonical key, that this server terminated
// since an order was claimed, as they were seen before their end. The order may
// have made one of them.
func endedSince(ctx context.Context, store Store, o *Operation) (map[string]*websoftsolus.License, error) {
	ends, err := store.EndedSince(ctx, o)
	if err != nil {
		return nil, err
	}
	licenses := make(map[string]*websoftsolus.License, len(ends))
	for _, end := range ends {
		seen := end.Previous
		licenses[canonicalKey(end.KeyNumber)] = &websoftsolus.License{
			Family: end.Family, KeyNumber: end.KeyNumber, Product: seen.Product, Period: seen.Period, ServerIP: seen.ServerIP,
			Title: seen.Title, TitleShown: seen.Title != "", Comment: seen.Comment, CommentShown: seen.Comment != "",
		}
	}
	return licenses, nil
}

func foundKey(key string, certainty Certainty, why string) sight {
	return sight{found: true, Finding: Finding{Certainty: certainty, KeyNumber: key, KeyCertainty: certainty, Message: "found by looking: " + why}}
}

func cannotTell(candidates []string, why string) sight {
	return sight{Finding: Finding{Certainty: Ambiguous, KeyCertainty: Ambiguous, Candidates: candidates, Message: "it cannot be told which licence the order made: " + why}}
}

// keysBefore returns the key numbers, in canonical spelling, that the family had
// before an order was sent.
func keysBefore(ctx context.Context, store Store, o *Operation) (map[string]bool, error) {
	baseline, err := store.Baseline(ctx, o.ID)
	if err != nil {
		return nil, fmt.Errorf("baseline of %s: %w", o.ID, err)
	}
	before := make(map[string]bool, len(baseline))
	for _, key := range baseline {
		before[canonicalKey(key)] = true
	}
	return before, nil
}

// newKeys returns the keys, listed or over since the order, that are neither from
// before nor another order's, each once. complete is false for a list that lacks
// more than half of the keys from before without our having ended them: licences
// end one at a time, answers are cut short.
func newKeys(listed []string, before, taken map[string]bool, over map[string]*websoftsolus.License) (keys []string, complete bool) {
	seen := make(map[string]bool, len(listed))
	add := func(key string) {
		c := canonicalKey(key)
		if !seen[c] && !before[c] && !taken[c] {
			keys = append(keys, key)
		}
		seen[c] = true
	}
	for _, key := range listed {
		add(key)
	}
	for _, key := range slices.Sorted(maps.Keys(over)) {
		add(key)
	}
	gone := 0
	for key := range before {
		if !seen[key] {
			gone++
		}
	}
	return keys, 2*gone <= len(before)
}

// rival is another order that may have made a new key.
type rival struct {
	order  *Operation
	before map[string]bool
}

func (s *Service) rivals(ctx context.Context, store Store, o *Operation) ([]rival, error) {
	orders, err := store.Rivals(ctx, o, o.ClaimedAt.Add(-keySearch))
	if err != nil {
		return nil, err
	}
	rivals := make([]rival, len(orders))
	for i := range orders {
		before, err := keysBefore(ctx, store, &orders[i])
		if err != nil {
			return nil, err
		}
		rivals[i] = rival{order: &orders[i], before: before}
	}
	return rivals, nil
}

// contests says whether the rival has as good a claim to a licence as an order
// of which the verdict is given. What is exactly as one order asked, and not as
// the other did, is the first one's.
func (r rival) contests(l *websoftsolus.License, verdict verdict) bool {
	if r.before[canonicalKey(l.KeyNumber)] {
		return false
	}
	theirs := judge(l, r.order)
	return theirs == matches || verdict != matches && theirs != unlike
}

// anyMade says whether a licence is exactly as one of the rivals asked.
func anyMade(rivals []rival, l *websoftsolus.License) bool {
	for _, r := range rivals {
		if !r.before[canonicalKey(l.KeyNumber)] && judge(l, r.order) == matches {
			return true
		}
	}
	return false
}
