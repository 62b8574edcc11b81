package policies

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/filter"
	"resellerd/policies/rego"
)

// Partial evaluation does not detect that two definitions of a rule give it
// different values. It does not know the values of the row and the request,
// and it ignores an error under a negation. The linter refuses conflicts that
// depend on the row or the request where allow depends on them. The code
// below finds the rest.

// conflicts lists the rules of a tree whose values may conflict.
type conflicts struct {
	known   []*rego.Query // depend only on values that every plan knows; evaluated for each plan
	reasons bool          // reasons depend on rules that may conflict
	shown   bool          // view or columns depend on rules that may conflict
}

// findConflicts examines the rules that decisions depend on.
func (e *Engine) findConflicts() (conflicts, error) {
	var c conflicts
	all := e.tree.Rules.Reachable(decisionRef)
	for _, rule := range e.prone(all) {
		if e.tree.Touch.Row[rule] || e.tree.Touch.Late[rule] || len(rule.Head.Args) > 0 {
			continue
		}
		body := ast.NewBody(ast.Equality.Expr(ast.NewTerm(rule.Ref().GroundPrefix()), ast.NewTerm(filter.ResultVar)))
		q, err := rego.NewQuery(body, e.tree.Compiler, e.tree.Store)
		if err != nil {
			return c, err
		}
		c.known = append(c.known, q)
	}
	view := e.viewRules()
	for _, part := range []struct {
		name string
		into *bool
	}{{"reasons", &c.reasons}, {"view", &c.shown}, {"columns", &c.shown}} {
		for _, rule := range e.prone(e.tree.Rules.Reachable(partRefOf(part.name))) {
			open := e.tree.Touch.Row[rule] || e.tree.Touch.Late[rule] || len(rule.Head.Args) > 0
			*part.into = *part.into || open && !view[rule]
		}
	}
	return c, nil
}

// prone returns the rules that may yield two different values.
func (e *Engine) prone(rules []*ast.Rule) []*ast.Rule {
	definitions := filter.DefinitionsOf(rules)
	var out []*ast.Rule
	for _, rule := range rules {
		if !rego.IsTrue(rule) && filter.ConflictProne(rule, definitions[rule.Ref().String()]) {
			out = append(out, rule)
		}
	}
	return out
}

// viewRules returns the rules that give the view its value. Two different
// values of such a rule are two views, and a row with two views is an error
// anyway. A rule may take its view from another one through a variable:
// data.reseller.resource[kind].view.
func (e *Engine) viewRules() map[*ast.Rule]bool {
	out := map[*ast.Rule]bool{}
	var add func(ref ast.Ref)
	add = func(ref ast.Ref) {
		for _, rule := range e.tree.Rules.Lookup(ref) {
			if out[rule] || len(rule.Ref()) != len(ref) || rule.Head.HasDynamicRef() {
				continue // ref reads only a part of the rule's value, or more than its value
			}
			out[rule] = true
			if next := passedOn(rule); next != nil {
				add(next)
			}
		}
	}
	add(partRefOf("view"))
	return out
}

// passedOn returns the path of the rule whose value this rule passes on. It
// returns nil if the rule computes its own value.
func passedOn(rule *ast.Rule) ast.Ref {
	if rule.Head.Value == nil {
		return nil
	}
	for _, x := range rule.Body {
		term := rego.BoundRef(x)
		if term == nil || !term.Equal(rule.Head.Value) {
			continue
		}
		for i := range 2 {
			if ref, ok := x.Operand(i).Value.(ast.Ref); ok && ref.HasPrefix(ast.DefaultRootRef) {
				return ref
			}
		}
	}
	return nil
}

// check evaluates the rules that depend only on known values.
func (c *conflicts) check(ctx context.Context, f *filter.Frame, timeout time.Duration) error {
	if len(c.known) == 0 {
		return nil
	}
	known, err := ast.InterfaceToValue(f.Known)
	if err != nil {
		return fmt.Errorf("input: %w", err)
	}
	for _, q := range c.known {
		if _, err := q.Run(ctx, known, timeout); err != nil {
			return err
		}
	}
	return nil
}
