package policy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile is the largest policy file, in bytes.
const maxFile = 1 << 20

// Problem is one thing that is wrong with a policy file.
type Problem struct {
	Line, Column int // from 1
	Message      string
}

// Problems is the error of a file that was read and is no policy: everything
// that is wrong with it, in the order of the file.
type Problems struct {
	Path string
	All  []Problem
}

// Error writes a line for each problem, as path:line:column: message.
func (p *Problems) Error() string {
	lines := make([]string, len(p.All))
	for i, one := range p.All {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", p.Path, one.Line, one.Column, one.Message)
	}
	return strings.Join(lines, "\n")
}

// Load reads a policy file. The error is a *Problems where the file could be
// read.
func Load(path string) (*Policy, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("read the policy: %s is larger than 1 MiB", path)
	}
	return Parse(path, content)
}

// Parse reads a policy from the content of a file; path is for its errors. The
// error is a *Problems.
func Parse(path string, content []byte) (*Policy, error) {
	r := &reader{problems: Problems{Path: path}}
	p := &Policy{File: filepath.Base(path)}
	if document := r.document(content); document != nil {
		r.policy(p, document)
	}
	if len(r.problems.All) > 0 {
		slices.SortStableFunc(r.problems.All, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, &r.problems
	}
	return p, nil
}

// document parses the YAML and returns its one document's root; nil where there
// is none.
func (r *reader) document(content []byte) *yaml.Node {
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	var first, second yaml.Node
	if err := decoder.Decode(&first); err != nil {
		if errors.Is(err, io.EOF) {
			r.wrong(1, 1, "the file is empty: it needs version, default and rules")
		} else {
			r.unparsed(err)
		}
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.wrong(max(second.Line, 1), 1, "a second document begins here; a policy is one document")
		return nil
	case !errors.Is(err, io.EOF):
		r.unparsed(err)
		return nil
	}
	if len(first.Content) == 0 {
		r.wrong(1, 1, "the file is empty: it needs version, default and rules")
		return nil
	}
	return first.Content[0]
}

// unparsed reports what is not YAML.
func (r *reader) unparsed(err error) {
	var at *yaml.LoadError
	if errors.As(err, &at) {
		r.wrong(max(at.Mark.Line, 1), max(at.Mark.Column, 1), "not YAML: "+at.Message)
		return
	}
	r.wrong(1, 1, "not YAML: "+err.Error())
}
