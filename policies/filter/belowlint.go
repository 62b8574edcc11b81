package filter

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

var belowRef = ast.MustParseRef("input.subject.below")

// lintBelow refuses every use of the subject's subtree except a membership
// test, because the input never lists the whole subtree.
func lintBelow(rules []*ast.Rule) []rego.Finding {
	var findings []rego.Finding
	for _, rule := range rules {
		names := belowNames(rule)
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if listsBelow(x, names) {
				findings = append(findings, rego.FindingAt(x.Location, "below",
					fmt.Sprintf("input.subject.below in rule %s: only membership can be asked, with in", rego.RulePath(rule))))
			}
			return false
		})
	}
	return findings
}

// belowNames returns the variables that stand for the subtree. The compiler
// creates one for each operand that is a reference.
func belowNames(rule *ast.Rule) map[ast.Var]bool {
	names := map[ast.Var]bool{}
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		if v, ok := namesBelow(x); ok {
			names[v] = true
		}
		return false
	})
	return names
}

func namesBelow(x *ast.Expr) (ast.Var, bool) {
	if !x.IsEquality() && !x.IsAssignment() {
		return "", false
	}
	for i := range 2 {
		v, isVar := x.Operand(i).Value.(ast.Var)
		ref, isRef := x.Operand(1 - i).Value.(ast.Ref)
		if isVar && isRef && ref.Equal(belowRef) {
			return v, true
		}
	}
	return "", false
}

// listsBelow reports whether an expression does more with the subtree than
// bind it to a variable or test membership.
func listsBelow(x *ast.Expr, names map[ast.Var]bool) bool {
	if _, ok := namesBelow(x); ok {
		return false
	}
	terms, ok := x.Terms.([]*ast.Term)
	if !ok {
		return false
	}
	if _, ok := rego.IsPresence(terms[1:]); ok {
		return false
	}
	member := terms[0].String() == ast.Member.Name
	for i, term := range terms[1:] {
		if v, ok := term.Value.(ast.Var); ok && names[v] && !(member && i == 1) {
			return true
		}
		if ref, ok := term.Value.(ast.Ref); ok && ref.Equal(belowRef) && !(member && i == 1) {
			return true
		}
	}
	return false
}
