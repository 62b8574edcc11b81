package filter

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

// lintSame refuses equalities of a reference with itself. Such an equality
// only asks that the value is present, and partial evaluation assumes that it
// is. A reference through a variable may equal another one with the same last
// part, so lintSame refuses those pairs too.
func lintSame(rules []*ast.Rule) []rego.Finding {
	var findings []rego.Finding
	for _, rule := range rules {
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if !x.IsEquality() && !x.IsAssignment() {
				return false
			}
			a, okA := x.Operand(0).Value.(ast.Ref)
			b, okB := x.Operand(1).Value.(ast.Ref)
			if okA && okB && maybeSame(a, b) {
				if aliased(a) {
					a = b
				}
				findings = append(findings, rego.FindingAt(x.Location, "same",
					fmt.Sprintf("rule %s compares %s with what may be the same: write both out from input", rego.RulePath(rule), a)))
			}
			return false
		})
	}
	return findings
}

func maybeSame(a, b ast.Ref) bool {
	if a.Equal(b) {
		return true
	}
	return (aliased(a) || aliased(b)) && a[len(a)-1].Equal(b[len(b)-1])
}

// aliased reports whether a reference starts at a local variable of the
// policy.
func aliased(ref ast.Ref) bool {
	return !ref.HasPrefix(ast.InputRootRef) && !ref.HasPrefix(ast.DefaultRootRef)
}
