package filter

import (
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Tree is a compiled policy tree, and what filters need to know of it. It is
// immutable and safe for concurrent use.
type Tree struct {
	Compiler  *ast.Compiler
	Store     storage.Store
	Modules   map[string]*ast.Module
	Rules     *rego.Rules
	Schema    input.Schema
	Touch     *touch         // what rules read of the row
	Mentioned *rego.Mentions // what decisions may read of the input

	Timeout      time.Duration // of one evaluation
	MaxDisjuncts int           // of one filter
	// Catalogued tells whether the catalog names an account for some resource
	// of a type.
	Catalogued func(typ, account string) bool
}

// NewTree analyses a compiled tree. decides are the rules that lead to a
// decision, and allows those of them that lead to allow. The findings say what
// no filter can carry.
func NewTree(t Tree, decides, allows []*ast.Rule) (*Tree, []rego.Finding) {
	t.Mentioned = rego.NewMentions(nil, decides)
	t.Touch = newTouch(t.Rules, t.Schema, decides)
	findings := t.Touch.lint(allows)
	return &t, append(append(findings, lintBelow(decides)...), lintSame(decides)...)
}
