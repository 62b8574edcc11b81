package filter

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

var groupsRef = ast.MustParseRef("input.subject.groups")

// lintGroups refuses comparisons of the subject's groups with a number. Releases before
// this one had the number of groups there, and Rego orders each list after each number.
func lintGroups(rules []*ast.Rule) []rego.Finding {
	var findings []rego.Finding
	for _, rule := range rules {
		named := map[ast.Var]bool{}
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if v := rego.BoundRef(x); v != nil && (groupsRef.Equal(x.Operand(0).Value) || groupsRef.Equal(x.Operand(1).Value)) {
				named[v.Value.(ast.Var)] = true
			}
			return false
		})
		ast.WalkExprs(rule, func(x *ast.Expr) bool {
			if countsGroups(x, named) {
				findings = append(findings, rego.FindingAt(x.Location, "groups",
					"input.subject.groups in rule "+rego.RulePath(rule)+" is a list of groups: write count(input.subject.groups)"))
			}
			return false
		})
	}
	return findings
}

// countsGroups reports whether an expression orders the groups, whatever it orders them
// by, or compares them with a number.
func countsGroups(x *ast.Expr, named map[ast.Var]bool) bool {
	terms, ok := x.Terms.([]*ast.Term)
	if !ok || len(terms) != 3 {
		return false
	}
	orders := slices.Contains([]string{ast.LessThan.Name, ast.LessThanEq.Name, ast.GreaterThan.Name, ast.GreaterThanEq.Name}, terms[0].String())
	for i := range 2 {
		v, isVar := terms[1+i].Value.(ast.Var)
		_, number := terms[2-i].Value.(ast.Number)
		if (orders || number) && (groupsRef.Equal(terms[1+i].Value) || isVar && named[v]) {
			return true
		}
	}
	return false
}

// LooksIntoGroups reports whether a decision may depend on more of the subject's groups
// than their number.
func (t *Tree) LooksIntoGroups(decides []*ast.Rule) bool {
	found := false
	for _, rule := range decides {
		ast.WalkRefs(rule, func(ref ast.Ref) bool {
			found = found || len(ref) > len(groupsRef) && ref.HasPrefix(groupsRef)
			return found
		})
	}
	return found
}
