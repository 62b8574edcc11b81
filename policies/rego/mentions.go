package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// Mentions lists the paths below input that decisions may read, each up to
// its first non-constant part. Partial evaluation need not treat other paths
// as unknown, which saves time.
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

// ReadsOf returns the paths below input that a rule reads, as it is written. A constant path
// of object.get belongs to the path.
func ReadsOf(rule *ast.Rule) []predicate.Ref {
	paths := NewMentions(nil, []*ast.Rule{rule}).paths
	get := func(call []*ast.Term) {
		if len(call) != 4 || call[0].String() != ast.ObjectGet.Name {
			return
		}
		ref, ok := call[1].Value.(ast.Ref)
		if !ok || !ref.HasPrefix(ast.InputRootRef) {
			return
		}
		parts := ast.NewArray(call[2])
		if list, ok := call[2].Value.(*ast.Array); ok {
			parts = list
		}
		longer := ref.Copy()
		parts.Foreach(func(part *ast.Term) { longer = longer.Append(part) })
		paths = append(paths, WrittenOut(longer))
	}
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		if terms, ok := x.Terms.([]*ast.Term); ok {
			get(terms)
		}
		return false
	})
	ast.WalkTerms(rule, func(term *ast.Term) bool {
		if call, ok := term.Value.(ast.Call); ok {
			get(call)
		}
		return false
	})
	return paths
}

// WrittenOut returns the path of a reference up to the first part that is not
// a constant text.
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

// Overlaps reports whether the value at a path, a part of it, or a value that
// contains it may be read.
func (m *Mentions) Overlaps(at predicate.Ref) bool {
	return slices.ContainsFunc(m.paths, at.Overlaps)
}
