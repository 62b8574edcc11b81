// Package check reports the problems of a policy tree: what, where, and how
// to fix them. It reports problems that keep the tree from loading, and
// problems that make it harder to read, trust or change.
package check

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// Finding is one problem of a tree. Code groups findings. A finding that the
// linter Regal also makes has Regal's code. Line is 0 if the finding concerns
// the whole file, and File is empty if it concerns the whole tree.
type Finding struct {
	Code    string `json:"code"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // how to fix it
}

// Report holds the findings of a check, sorted by file and line. Engine is
// nil if the tree does not load. If it loads, Engine can answer requests
// despite the findings.
type Report struct {
	Engine   *policies.Engine
	Findings []Finding
}

// Names are the areas, types and columns that a tree may name beside those in its data.
type Names struct {
	Areas   []string
	Columns map[string][]string // of each type
}

// Tree checks a policy tree, with o as for policies.Load. It looks for misspelt names
// unless names is empty. It returns an error only if the tree cannot be read at all.
func Tree(ctx context.Context, tree fs.FS, o policies.Options, names Names) (*Report, error) {
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
		if !report.Has("slow") { // every question would be just as slow
			report.Add(engine.Try(ctx)...)
		}
	}
	read, err := readTree(tree)
	switch {
	case errors.As(err, &load):
		report.Add(load.Findings...)
	case err != nil:
		return nil, err
	default:
		report.Add(read.findings()...)
		if len(names.Areas) > 0 && report.Engine != nil {
			report.Add(read.misspelt(names, report.Engine.Areas())...)
		}
	}
	report.foldEntrypoint()
	report.sort()
	return report, nil
}

// foldEntrypoint reports a missing entrypoint once, and not for each rule that asks it.
func (r *Report) foldEntrypoint() {
	asks := func(of string) func(Finding) bool {
		return func(f Finding) bool {
			return f.Code == "unresolved-reference" && strings.HasPrefix(f.Message, "data.reseller.main."+of)
		}
	}
	if !slices.ContainsFunc(r.Findings, asks("decision:")) {
		return
	}
	r.Findings = slices.DeleteFunc(r.Findings, asks(""))
	r.Add(rego.Finding{Code: "entrypoint", Message: "data.reseller.main.decision is not defined"})
}

// Has reports whether there is a finding with this code.
func (r *Report) Has(code string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code })
}

// Add adds findings with their hints, and drops duplicates.
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
