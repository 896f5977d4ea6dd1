package operations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/untrusted"
	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// seeEdit looks whether a licence holds what an edit wrote, or still what it
// held before.
func (s *Service) seeEdit(ctx context.Context, store Store, o *Operation) (sight, error) {
	license, err := s.api.GetLicense(ctx, o.Family, o.KeyNumber)
	if isNotFound(err) {
		return sight{Finding: Finding{Certainty: Ambiguous, Message: "the API does not find the licence any more, so whether it was edited before cannot be told"}}, nil
	}
	if err != nil {
		return sight{}, err
	}
	// Asked after the read: the licence holds what the last write left there, and
	// that one's values say nothing of this one.
	last, err := store.LastWrite(ctx, o.BaseURL, o.Family, o.KeyNumber)
	if err != nil {
		return sight{}, err
	}
	if last != nil && last.ID != o.ID {
		by := last.ID
		if last.Actor.Principal != o.Actor.Principal {
			by = "another caller" // who reads this may not be one who may see that operation
		}
		return sight{Finding: Finding{Certainty: Ambiguous, Message: fmt.Sprintf("the licence was written again by %s, so whether this edit took effect before cannot be told", by)}}, nil
	}
	holds := func(title, comment string) bool {
		return (license.TitleShown || license.CommentShown) &&
			(!license.TitleShown || strings.TrimSpace(license.Title) == strings.TrimSpace(title)) &&
			(!license.CommentShown || strings.TrimSpace(license.Comment) == strings.TrimSpace(comment))
	}
	written := holds(formValue(o.Request, "title"), formValue(o.Request, "comment"))
	before := holds(o.Previous.Title, o.Previous.Comment)
	switch {
	case written && license.TitleShown && license.CommentShown:
		return sight{found: true, Finding: Finding{Certainty: Exact, Message: "found by looking: the licence holds what was written"}}, nil
	case written && !before:
		return sight{found: true, Finding: Finding{Certainty: Probable, Message: "found by looking: what the API shows of the licence is as written"}}, nil
	case before && !written:
		return sight{nothing: true}, nil
	}
	return sight{Finding: Finding{Certainty: Ambiguous, Message: "what the API shows of the licence is not clearly as it was before nor as it was written"}}, nil
}

// seeTermination looks whether a licence is over, or still as the person saw it.
func (s *Service) seeTermination(ctx context.Context, o *Operation) (sight, error) {
	license, err := s.api.GetLicense(ctx, o.Family, o.KeyNumber)
	wasOver := ended(o.Previous.Status)
	switch {
	case isNotFound(err) && !wasOver:
		return s.seeGone(ctx, o)
	case isNotFound(err):
		return sight{nothing: true}, nil // it was over before the request
	case err != nil:
		return sight{}, err
	case ended(license.Status) && !wasOver:
		return sight{found: true, Finding: Finding{Certainty: Exact, Message: "found by looking: the licence's status is " + license.Status}}, nil
	case license.Status == o.Previous.Status:
		return sight{nothing: true}, nil
	}
	return sight{Finding: Finding{Certainty: Ambiguous, Message: fmt.Sprintf("the licence's status is now %s, which does not tell whether it was terminated", untrusted.Line(license.Status, maxQuoted))}}, nil
}

func isNotFound(err error) bool {
	var api *websoftsolus.Error
	return errors.As(err, &api) && api.Kind == websoftsolus.NotFound
}

// seeGone makes sure that a licence which the API does not find is gone, and not
// that the API finds nothing at all.
func (s *Service) seeGone(ctx context.Context, o *Operation) (sight, error) {
	keys, err := s.api.ListKeys(ctx, o.Family)
	if err != nil {
		return sight{}, err
	}
	for _, key := range keys {
		if canonicalKey(key) == canonicalKey(o.KeyNumber) {
			return sight{Finding: Finding{Certainty: Ambiguous, Message: "the API lists the licence and does not find it"}}, nil
		}
	}
	answers := len(keys) > 0
	for _, family := range websoftsolus.Families {
		if answers {
			break
		}
		others, err := s.api.ListKeys(ctx, family)
		answers = err == nil && len(others) > 0
	}
	if !answers {
		return sight{}, errors.New("the API lists no licences at all")
	}
	return sight{found: true, Finding: Finding{Certainty: Exact, Message: "found by looking: the licence is gone"}}, nil
}
