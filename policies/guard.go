package policies

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// guard is a condition that touches no row: a part of a filter's own tree, or
// an expression that only Rego can decide.
type guard struct {
	text  string
	where predicate.Expr // one of the two
	rego  *query
}

// guardSet collects the guards of a plan; equal ones are one.
type guardSet struct {
	list []guard
	ids  map[string]int
}

func newGuardSet() *guardSet { return &guardSet{ids: map[string]int{}} }

// add returns the guard's condition.
func (g *guardSet) add(x guard) predicate.Expr {
	id, ok := g.ids[x.text]
	if !ok {
		id = len(g.list)
		g.list = append(g.list, x)
		g.ids[x.text] = id
	}
	return predicate.Guard{ID: id}
}

// guard turns expressions that touch no row and do not translate into a query
// of their own. cause is why they do not.
func (t *translator) guard(body ast.Body, cause error) (predicate.Expr, error) {
	if readsBelow(body) || t.supportReadsBelow(body) {
		return nil, cause
	}
	text := "rego " + body.String()
	for _, module := range t.modules {
		text += "\n" + module.String()
	}
	if id, ok := t.guards.ids[text]; ok {
		return predicate.Guard{ID: id}, nil
	}
	q, err := t.guardQuery(body)
	if err != nil {
		return nil, err
	}
	return t.guards.add(guard{text: text, rego: q}), nil
}

// guardQuery compiles a guard together with the rules that partial evaluation
// left for it.
func (t *translator) guardQuery(body ast.Body) (*query, error) {
	compiler := t.tree.compiler
	if len(t.modules) > 0 {
		compiler = newCompiler(untyped)
		modules := map[string]*ast.Module{}
		if t.refersToTree(body) {
			maps.Copy(modules, t.tree.modules)
		}
		for i, module := range t.modules {
			modules[fmt.Sprintf("residual-%d", i)] = module
		}
		if compiler.Compile(modules); compiler.Failed() {
			return nil, fmt.Errorf("policy guard: %w", compiler.Errors)
		}
	}
	return newQuery(body.Copy(), compiler, t.tree.store)
}

// refersToTree tells whether rules of the tree itself are asked for.
func (t *translator) refersToTree(body ast.Body) bool {
	found := len(t.tree.rules.callees(body)) > 0
	for _, module := range t.modules {
		found = found || len(t.tree.rules.callees(module)) > 0
	}
	return found
}

func readsBelow(x any) bool {
	found := false
	ast.WalkRefs(x, func(ref ast.Ref) bool {
		found = found || ref.HasPrefix(belowRef) || ref.HasPrefix(ast.InputRootRef) && len(ref) < 3 &&
			(len(ref) == 1 || isText(ref[1], "subject"))
		return found
	})
	return found
}

// supportReadsBelow tells whether the rules that body refers to read it.
func (t *translator) supportReadsBelow(body ast.Body) bool {
	found, seen := false, map[string]bool{}
	var visit func(x any)
	visit = func(x any) {
		ast.WalkRefs(x, func(ref ast.Ref) bool {
			key := ref.ConstantPrefix().String()
			if ref.HasPrefix(ast.DefaultRootRef) && !seen[key] {
				seen[key] = true
				for _, rule := range t.support[key] {
					found = found || readsBelow(rule)
					visit(rule)
				}
				for _, rule := range t.tree.rules.lookup(ref) {
					found = found || readsBelow(rule)
					visit(rule)
				}
			}
			return found
		})
	}
	visit(body)
	return found
}

// holds decides a guard for one request.
func (g *guard) holds(ctx context.Context, env predicate.Env, input func() (ast.Value, error), timeout time.Duration) (bool, error) {
	if g.rego == nil {
		return predicate.Filter{Kind: predicate.Where, Where: g.where}.Eval(env), nil
	}
	doc, err := input()
	if err != nil {
		return false, err
	}
	results, err := g.rego.run(ctx, doc, timeout)
	if err != nil {
		return false, fmt.Errorf("policy guard: %w", err)
	}
	return len(results) > 0, nil
}

// hoist replaces the parts of a condition that touch no row by guards, so that
// a store sees nothing but columns.
func (g *guardSet) hoist(f predicate.Filter) predicate.Filter {
	if f.Kind != predicate.Where {
		return f
	}
	f.Where = g.hoisted(f.Where)
	return f
}

func (g *guardSet) hoisted(e predicate.Expr) predicate.Expr {
	if !onRow(e) {
		if _, ok := e.(predicate.Guard); ok {
			return e
		}
		return g.add(guard{text: predicate.Text(e), where: e})
	}
	switch e := e.(type) {
	case predicate.And:
		return predicate.And(g.hoistedParts(e, func(x []predicate.Expr) predicate.Expr { return predicate.And(x) }))
	case predicate.Or:
		return predicate.Or(g.hoistedParts(e, func(x []predicate.Expr) predicate.Expr { return predicate.Or(x) }))
	case predicate.Not:
		return predicate.Not{X: g.hoisted(e.X)}
	default:
		return e
	}
}

// hoistedParts keeps the parts on the row and makes the others one guard.
func (g *guardSet) hoistedParts(parts []predicate.Expr, join func([]predicate.Expr) predicate.Expr) []predicate.Expr {
	var kept, free []predicate.Expr
	for _, x := range parts {
		if onRow(x) {
			kept = append(kept, g.hoisted(x))
		} else {
			free = append(free, x)
		}
	}
	switch len(free) {
	case 0:
		return kept
	case 1:
		return append(kept, g.hoisted(free[0]))
	default:
		return append(kept, g.hoisted(join(free)))
	}
}

// onRow tells whether a condition reads a column.
func onRow(e predicate.Expr) bool {
	switch e := e.(type) {
	case predicate.And:
		return anyOnRow(e)
	case predicate.Or:
		return anyOnRow(e)
	case predicate.Not:
		return onRow(e.X)
	case predicate.Compare:
		return isColumn(e.Left) || isColumn(e.Right)
	case predicate.Member:
		return isColumn(e.Item) || isColumn(e.Set)
	case predicate.Match:
		return isColumn(e.Text) || isColumn(e.Part)
	case predicate.Defined:
		return isColumn(predicate.Operand{Ref: e.Ref})
	default:
		return false
	}
}

func anyOnRow(list []predicate.Expr) bool {
	for _, e := range list {
		if onRow(e) {
			return true
		}
	}
	return false
}

func isColumn(o predicate.Operand) bool {
	_, ok := o.Ref.Column()
	return ok
}
