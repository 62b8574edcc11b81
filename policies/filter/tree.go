package filter

import (
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Tree is a compiled policy tree with the facts that filters need about it. It
// is immutable and safe for concurrent use.
type Tree struct {
	Compiler  *ast.Compiler
	Store     storage.Store
	Modules   map[string]*ast.Module
	Rules     *rego.Rules
	Schema    input.Schema
	Data      map[string]any // of the tree's data files
	Touch     *touch         // which rules read the row or late values
	Mentioned *rego.Mentions // parts of the input that decisions may read
	Lookups   *Lookups       // nil for none; see WithLookups

	Timeout      time.Duration // limit for one evaluation
	MaxDisjuncts int           // limit for one filter
	// Catalogued reports whether the catalog names an account for any resource
	// of a type.
	Catalogued func(typ, account string) bool
}

// NewTree analyses a compiled tree. decides are the rules that a decision
// depends on; allows are the ones among them that allow depends on. The
// findings list the constructs that no filter can express.
func NewTree(t Tree, decides, allows []*ast.Rule) (*Tree, []rego.Finding) {
	t.Mentioned = rego.NewMentions(nil, decides)
	t.Touch = newTouch(t.Rules, t.Schema, decides)
	findings := t.Touch.lint(allows)
	return &t, slices.Concat(findings, lintBelow(decides), lintSame(decides), t.lintGroups(decides))
}
