package filter

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// choice is a value that a rule has if a condition holds.
type choice struct {
	value *ast.Term
	when  predicate.Expr
}

// cases translates the support rules of a document into all values that it
// may have, each with its condition.
func (t *Translator) cases(ref ast.Ref) ([]choice, error) {
	rules := t.Support[ref.String()]
	if len(rules) == 0 {
		return nil, t.refuse(t.written(ref), ref, "rule %s cannot be carried into a filter", asWritten(ref))
	}
	var out []choice
	var fallback *ast.Term
	for _, rule := range rules {
		if err := plainRule(rule); err != nil {
			return nil, err
		}
		if rule.Default {
			fallback = rule.Head.Value
			continue
		}
		before := t.Needs.len()
		found, err := t.chain(rule)
		if t.lose(err) {
			t.Needs.truncate(before)
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if fallback != nil {
		out = append(out, choice{fallback, predicate.Not{X: anyOf(out)}})
	}
	return out, nil
}

// chain translates a rule and its else branches. The first branch that holds
// gives the value.
func (t *Translator) chain(rule *ast.Rule) ([]choice, error) {
	if rule.Else != nil { // the condition of a later branch contains the negation of the earlier ones
		t.negated++
		defer func() { t.negated-- }()
	}
	var out []choice
	for r := rule; r != nil; r = r.Else {
		if err := plainRule(r); err != nil {
			return nil, err
		}
		when, err := t.body(r.Body)
		if err != nil {
			return nil, err
		}
		if len(out) > 0 {
			when = predicate.And{predicate.Not{X: anyOf(out)}, when}
		}
		out = append(out, choice{r.Head.Value, when})
	}
	return out, nil
}

// plainRule refuses rules that yield anything but a constant.
func plainRule(rule *ast.Rule) error {
	if len(rule.Head.Args) > 0 || rule.Head.RuleKind() == ast.MultiValue || rule.Head.HasDynamicRef() ||
		rule.Head.Value == nil || !ast.IsConstant(rule.Head.Value.Value) {
		return &Refusal{Message: "rule " + rule.Head.Ref().String() + " yields something other than a constant", Loc: rule.Loc()}
	}
	return nil
}

func anyOf(choices []choice) predicate.Expr {
	any := predicate.Or{}
	for _, c := range choices {
		any = append(any, c.when)
	}
	return any
}

// supportTruth translates the condition that a rule's value is present and
// not false.
func (t *Translator) supportTruth(ref ast.Ref) (predicate.Expr, error) {
	return t.supportWhere(ref, func(v *ast.Term) bool { return !ast.Boolean(false).Equal(v.Value) })
}

// supportCompare translates the condition that a rule's value equals a
// constant, or differs from it.
func (t *Translator) supportCompare(ref ast.Ref, c *ast.Term, differs bool) (predicate.Expr, error) {
	return t.supportWhere(ref, func(v *ast.Term) bool { return v.Value.Compare(c.Value) == 0 != differs })
}

func (t *Translator) supportWhere(ref ast.Ref, keep func(*ast.Term) bool) (predicate.Expr, error) {
	for _, rule := range t.Support[ref.String()] {
		if rule.Default && keep(rule.Head.Value) { // the condition contains the negation of the others
			t.negated++
			defer func() { t.negated-- }()
		}
	}
	cases, err := t.cases(ref)
	if err != nil {
		return nil, err
	}
	any := predicate.Or{}
	for _, c := range cases {
		if keep(c.value) {
			any = append(any, c.when)
		}
	}
	return any, nil
}

// supportSide finds a comparison of a rule's value with a constant.
func supportSide(operands []*ast.Term) (ast.Ref, *ast.Term, bool) {
	if len(operands) != 2 {
		return nil, nil, false
	}
	for i, operand := range operands {
		ref, ok := operand.Value.(ast.Ref)
		if other := operands[1-i]; ok && ref.HasPrefix(ast.DefaultRootRef) && ast.IsConstant(other.Value) {
			return ref, other, true
		}
	}
	return nil, nil, false
}

// written returns the place of the rule that a reference reads.
func (t *Translator) written(ref ast.Ref) *ast.Location {
	for _, rule := range t.Tree.Rules.Lookup(asWritten(ref)) {
		return rule.Loc()
	}
	return nil
}

// asWritten returns the path of the rule that partial evaluation made a support rule
// from.
func asWritten(ref ast.Ref) ast.Ref {
	partial := ast.MustParseRef("data.partial")
	if !ref.HasPrefix(partial) {
		return ref
	}
	return ast.DefaultRootRef.Concat(ref[len(partial):])
}
