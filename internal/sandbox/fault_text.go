package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// ParseFaults reads faults with semicolons between them, as a flag or the
// control interface gives them. Each is words with spaces between them: the
// endpoint or group, the kind and, in any order, what else it needs.
//
//	order drop after times=1
//	any status=429 retry-after=2s times=3
//	read status=503 body=html p=0.1
//	order delay=1s-3s; list delay=200ms
//	order late=2 in=list; terminate late=5s
//	get truncated after path=license/plesk/*
//	any expire-tokens skip=5 times=1
//
// The kind takes what it is about as its value: status=503, delay=1s or 1s-3s,
// slow=2s, late=2 (reads) or late=5s, oversized=10000000, deep=500,
// redirect=https://example.com/. before is what holds where after is not said.
func ParseFaults(text string) ([]Fault, error) {
	var faults []Fault
	for one := range strings.SplitSeq(text, ";") {
		words := strings.Fields(one)
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words)
		if err == nil {
			err = f.check()
		}
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", strings.Join(words, " "), err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func parseFault(words []string) (f Fault, err error) {
	if len(words) < 2 {
		return f, fmt.Errorf("an endpoint and a kind are needed, e.g. order drop after")
	}
	f.On = Endpoint(words[0])
	kind, value, valued := strings.Cut(words[1], "=")
	f.Kind = FaultKind(kind)
	if valued {
		if err := f.setValue(value); err != nil {
			return f, err
		}
	}
	for _, word := range words[2:] {
		if err := f.set(word); err != nil {
			return f, fmt.Errorf("%s: %w", word, err)
		}
	}
	return f, nil
}

// setValue reads what stands behind the kind.
func (f *Fault) setValue(value string) (err error) {
	switch f.Kind {
	case Status:
		f.Status, err = strconv.Atoi(value)
	case Delay, Slow:
		f.Delay, err = ParseSpan(value)
	case Late:
		if f.Reads, err = strconv.Atoi(value); err != nil {
			f.Delay, err = ParseSpan(value)
		}
	case Oversized, Deep:
		f.Size, err = strconv.Atoi(value)
	case Redirect:
		f.To = value
	default:
		return fmt.Errorf("%s takes no value", f.Kind)
	}
	return err
}

var errWord = errors.New("not one of before, after, times=, skip=, p=, method=, family=, path=, body=, retry-after=, in=")

// set reads one of the words after the kind.
func (f *Fault) set(word string) (err error) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case word: // without a value
		if word != "before" && word != "after" {
			return errWord
		}
		f.After = word == "after"
	case "times":
		f.Times, err = strconv.Atoi(value)
	case "skip":
		f.Skip, err = strconv.Atoi(value)
	case "p":
		f.Probability, err = strconv.ParseFloat(value, 64)
	case "method":
		f.Method = strings.ToUpper(value)
	case "family":
		f.Family = websoftsolus.Family(value)
	case "path":
		f.Path = value
	case "body":
		f.Body = value
	case "retry-after":
		f.RetryAfter, err = time.ParseDuration(value)
	case "in":
		f.In = value
	default:
		return errWord
	}
	return err
}

// String returns the fault in words that ParseFaults takes.
func (f Fault) String() string {
	on := f.On
	if on == "" {
		on = AnyEndpoint
	}
	kind := string(f.Kind)
	switch {
	case f.Kind == Status && f.Status != 0:
		kind += "=" + strconv.Itoa(f.Status)
	case f.Kind == Late && f.Reads > 0:
		kind += "=" + strconv.Itoa(f.Reads)
	case f.Kind == Delay || f.Kind == Slow || f.Kind == Late:
		kind += "=" + f.Delay.String()
	case (f.Kind == Oversized || f.Kind == Deep) && f.Size != 0:
		kind += "=" + strconv.Itoa(f.Size)
	case f.Kind == Redirect && f.To != "":
		kind += "=" + f.To
	}
	words := []string{string(on), kind}
	if f.After {
		words = append(words, "after")
	}
	add := func(name, value string, set bool) {
		if set {
			words = append(words, name+"="+value)
		}
	}
	add("method", f.Method, f.Method != "")
	add("family", string(f.Family), f.Family != "")
	add("path", f.Path, f.Path != "")
	add("body", f.Body, f.Body != "")
	add("retry-after", f.RetryAfter.String(), f.RetryAfter != 0)
	add("in", f.In, f.In != "")
	add("skip", strconv.Itoa(f.Skip), f.Skip != 0)
	add("times", strconv.Itoa(f.Times), f.Times != 0)
	add("p", strconv.FormatFloat(f.Probability, 'g', -1, 64), f.Probability != 0)
	return strings.Join(words, " ")
}

// ParseSpan reads a time such as 200ms, or a range such as 1s-3s.
func ParseSpan(text string) (Span, error) {
	low, high, isRange := strings.Cut(text, "-")
	least, err := time.ParseDuration(low)
	if err != nil || !isRange {
		return For(least), err
	}
	most, err := time.ParseDuration(high)
	if err == nil && most < least {
		err = fmt.Errorf("the range %s ends before it begins", text)
	}
	return Span{least, most}, err
}

// String returns the span in words that ParseSpan takes.
func (s Span) String() string {
	if s.Max <= s.Min {
		return s.Min.String()
	}
	return s.Min.String() + "-" + s.Max.String()
}
