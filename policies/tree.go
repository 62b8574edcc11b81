package policies

import (
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
)

// tree is a compiled policy tree, and what filters need to know of it. It is
// immutable and safe for concurrent use.
type tree struct {
	compiler  *ast.Compiler
	store     storage.Store
	modules   map[string]*ast.Module
	rules     *ruleSet
	schema    Schema
	touch     *touch     // what rules read of the row
	mentioned *mentioned // what decisions may read of the input

	timeout      time.Duration // of one evaluation
	maxDisjuncts int           // of one filter
	// catalogued tells whether the catalog names an account for some resource
	// of a type.
	catalogued func(typ, account string) bool
}

// newTree analyses a compiled tree. decides are the rules that lead to a
// decision, and allows those of them that lead to allow. The findings say what
// no filter can carry.
func newTree(t tree, decides, allows []*ast.Rule) (*tree, []Finding) {
	t.mentioned = newMentioned(nil, decides)
	t.touch = newTouch(t.rules, t.schema, decides)
	findings := t.touch.lint(allows)
	return &t, append(append(findings, lintBelow(decides)...), lintSame(decides)...)
}
