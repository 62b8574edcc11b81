package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// Mentions are the paths below input that decisions may read, each as far as
// it is written out. What none of them leads to need not be left open, and
// every open path costs partial evaluation time.
type Mentions struct{ paths []predicate.Ref }

// NewMentions collects the paths that a query and a list of rules mention.
func NewMentions(body ast.Body, rules []*ast.Rule) *Mentions {
	m := &Mentions{}
	seen := map[string]bool{}
	add := func(at predicate.Ref) {
		if key := at.String(); !seen[key] {
			seen[key] = true
			m.paths = append(m.paths, at)
		}
	}
	scan := func(x any) {
		ast.WalkRefs(x, func(ref ast.Ref) bool {
			if ref.HasPrefix(ast.InputRootRef) {
				add(WrittenOut(ref))
			}
			return false
		})
		ast.WalkTerms(x, func(term *ast.Term) bool {
			if _, isRef := term.Value.(ast.Ref); isRef {
				return true
			}
			if term.Value.Compare(ast.InputRootDocument.Value) == 0 {
				add(predicate.Ref{})
			}
			return false
		})
	}
	scan(body)
	for _, rule := range rules {
		scan(rule)
	}
	return m
}

// WrittenOut returns the path of a reference up to the first part that is no
// plain text.
func WrittenOut(ref ast.Ref) predicate.Ref {
	at := predicate.Ref{}
	for _, part := range ref[1:] {
		s, ok := part.Value.(ast.String)
		if !ok {
			break
		}
		at = append(at, string(s))
	}
	return at
}

// Overlaps tells whether a path, something in it, or something it lies in may
// be read.
func (m *Mentions) Overlaps(at predicate.Ref) bool {
	return slices.ContainsFunc(m.paths, func(p predicate.Ref) bool {
		n := min(len(p), len(at))
		return slices.Equal(p[:n], at[:n])
	})
}
