package mutation

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"resellerd/policies/regotest"
)

// removed begins the change that removes a condition.
const removed = "condition removed: "

// Condition is a condition of a rule.
type Condition struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Rule string `json:"rule"`
	Text string `json:"text"`
}

// Unfailed returns the conditions of a tree that hold in every Rego test that asks them: no
// test fails by them. It leaves out those whose removal is accepted in AcceptedFile.
func Unfailed(ctx context.Context, tree fs.FS) ([]Condition, error) {
	suite, err := regotest.Read(tree)
	if err != nil {
		return nil, err
	}
	accepted, err := readAccepted(tree)
	if err != nil {
		return nil, err
	}
	fails, err := suite.Fails(ctx)
	if err != nil {
		return nil, err
	}
	out := []Condition{}
	modules := suite.Modules()
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		sites := sitesOf(modules[file].Copy())
		failed := map[int]bool{}
		for place := range fails {
			if place.File == file {
				failed[innermost(sites, place)] = true
			}
		}
		for i, s := range sites {
			m := Mutant{File: file, Line: s.line, Rule: ruleName(s.rule), Change: s.change}
			if s.removes != nil && !failed[i] && !slices.ContainsFunc(accepted, m.is) {
				out = append(out, Condition{m.File, m.Line, m.Rule, strings.TrimPrefix(m.Change, removed)})
			}
		}
	}
	return out, nil
}

// innermost returns the index of the shortest condition around a place of its file, -1 if
// there is none. What fails within a negation is not the negation.
func innermost(sites []site, place regotest.Place) int {
	best := -1
	for i, s := range sites {
		if s.removes == nil || place.Offset < s.removes.Offset || place.Offset >= s.removes.Offset+max(1, len(s.removes.Text)) {
			continue
		}
		if best < 0 || len(s.removes.Text) < len(sites[best].removes.Text) {
			best = i
		}
	}
	if best >= 0 && sites[best].negated != place.Negated {
		return -1
	}
	return best
}
