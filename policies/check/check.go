// Package check says what is wrong with a policy tree, where, and what to do
// about it: beyond what keeps it from loading, whatever makes it harder to
// read, to trust or to change.
package check

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// Finding is one thing wrong with a tree. Code groups findings; those that a
// linter called Regal has too bear its names. Line is 0 when the file as a
// whole is meant, and File is empty when the tree is.
type Finding struct {
	Code    string `json:"code"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do
}

// Report is what a check has found, by file and line. Engine is nil when the
// tree does not load; it answers requests otherwise, whatever the findings.
type Report struct {
	Engine   *policies.Engine
	Findings []Finding
}

// Tree checks a policy tree against the columns and limits that o tells. It
// returns an error when the tree cannot be read at all.
func Tree(ctx context.Context, tree fs.FS, o policies.Options) (*Report, error) {
	report := &Report{}
	engine, err := policies.Load(ctx, tree, o)
	var load *rego.LoadError
	switch {
	case errors.As(err, &load):
		report.Add(load.Findings...)
	case err != nil:
		return nil, err
	default:
		report.Engine = engine
		report.Add(engine.Slow()...)
	}
	read, err := readTree(tree)
	switch {
	case errors.As(err, &load):
		report.Add(load.Findings...)
	case err != nil:
		return nil, err
	default:
		report.Add(read.findings()...)
	}
	report.sort()
	return report, nil
}

// Has reports whether something of this code was found.
func (r *Report) Has(code string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code })
}

// Add adds findings, each once, with what there is to do about them.
func (r *Report) Add(findings ...rego.Finding) {
	for _, f := range findings {
		found := Finding{Code: f.Code, File: f.File, Line: f.Line, Message: f.Message, Hint: hint(f)}
		if !slices.Contains(r.Findings, found) {
			r.Findings = append(r.Findings, found)
		}
	}
	r.sort()
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code))
	})
}
