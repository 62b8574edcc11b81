package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// Rules finds the rules that a rule of a compiled tree depends on.
type Rules struct{ compiler *ast.Compiler }

// NewRules returns the Rules of a compiled tree.
func NewRules(compiler *ast.Compiler) *Rules { return &Rules{compiler} }

// At returns the rules that define a document.
func (s *Rules) At(ref ast.Ref) []*ast.Rule { return s.compiler.GetRulesExact(ref) }

// Reachable returns the rules that the value of any of refs may depend on, each
// once, beginning with the rules at refs. An else branch belongs to its rule.
func (s *Rules) Reachable(refs ...ast.Ref) []*ast.Rule {
	var from []*ast.Rule
	for _, ref := range refs {
		from = append(from, s.Lookup(ref)...)
	}
	return s.closure(from)
}

// reachedBy returns the rules that a query may depend on.
func (s *Rules) reachedBy(body ast.Body) []*ast.Rule { return s.closure(s.Callees(body)) }

// closure returns the given rules and the rules that they depend on.
func (s *Rules) closure(from []*ast.Rule) []*ast.Rule {
	var order []*ast.Rule
	seen := map[*ast.Rule]bool{}
	var visit func(rules []*ast.Rule)
	visit = func(rules []*ast.Rule) {
		for _, rule := range rules {
			if seen[rule] {
				continue
			}
			seen[rule] = true
			order = append(order, rule)
			visit(s.Callees(rule))
		}
	}
	visit(from)
	return order
}

// Callees returns the rules that x, for example a rule with its else branches,
// refers to.
func (s *Rules) Callees(x any) []*ast.Rule {
	var rules []*ast.Rule
	ast.WalkRefs(x, func(ref ast.Ref) bool {
		rules = append(rules, s.Lookup(ref)...)
		return false
	})
	return rules
}

// Lookup returns the rules that a reference may read.
func (s *Rules) Lookup(ref ast.Ref) []*ast.Rule {
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return nil
	}
	return s.compiler.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true})
}

// ReadInput reports whether any of the rules reads the input.
func (s *Rules) ReadInput(rules []*ast.Rule) bool {
	for _, rule := range rules {
		found := false
		ast.WalkRefs(rule, func(ref ast.Ref) bool {
			found = found || ref.HasPrefix(ast.InputRootRef)
			return found
		})
		ast.WalkVars(rule, func(v ast.Var) bool {
			found = found || v == ast.InputRootDocument.Value
			return found
		})
		if found {
			return true
		}
	}
	return false
}

// RulePath returns the path of a rule in the notation of policies.
func RulePath(rule *ast.Rule) string { return rule.Ref().GroundPrefix().String() }

// IsDefault reports whether a rule is the default of its document.
func IsDefault(rule *ast.Rule) bool { return rule.Default }

// IsTrue reports whether true is the only value that a rule can yield.
func IsTrue(rule *ast.Rule) bool {
	if rule.Head.RuleKind() == ast.MultiValue || rule.Head.HasDynamicRef() {
		return false
	}
	return rule.Head.Value != nil && ast.Boolean(true).Equal(rule.Head.Value.Value)
}

// IsFalseDefault reports whether a rule is a default of false. Such a rule only
// says that the document is not true.
func IsFalseDefault(rule *ast.Rule) bool {
	return IsDefault(rule) && rule.Head.Value != nil && ast.Boolean(false).Equal(rule.Head.Value.Value)
}
