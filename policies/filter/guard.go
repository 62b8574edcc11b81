package filter

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// Guard is a condition that reads no row. It is either a part of a filter's
// own tree or an expression that only Rego can decide.
type Guard struct {
	text  string
	where predicate.Expr // set unless Rego is set
	Rego  *rego.Query
}

// Len returns the length of the guard's text.
func (g *Guard) Len() int { return len(g.text) }

// Guards collects the guards of a plan. Equal guards share one entry.
type Guards struct {
	List []Guard
	Own  bool // resource.id and resource.properties are the panel's own row
	ids  map[string]int
}

// NewGuards returns an empty collection.
func NewGuards() *Guards { return &Guards{ids: map[string]int{}} }

// add adds a guard, unless an equal one exists, and returns its condition.
func (g *Guards) add(x Guard) predicate.Expr {
	id, ok := g.ids[x.text]
	if !ok {
		id = len(g.List)
		g.List = append(g.List, x)
		g.ids[x.text] = id
	}
	return predicate.Guard{ID: id}
}

// guard compiles expressions that read no row and do not translate into a Rego
// query. cause is the reason why they do not translate. guard returns cause if
// the expressions read the subject's subtree.
func (t *Translator) guard(body ast.Body, cause error) (predicate.Expr, error) {
	if readsBelow(body) || t.supportReadsBelow(body) {
		return nil, cause
	}
	if t.trial {
		return predicate.Guard{}, nil
	}
	text := "rego " + body.String()
	for _, module := range t.Modules {
		text += "\n" + module.String()
	}
	if id, ok := t.Guards.ids[text]; ok {
		return predicate.Guard{ID: id}, nil
	}
	q, err := t.guardQuery(body)
	if err != nil {
		return nil, err
	}
	return t.Guards.add(Guard{text: text, Rego: q}), nil
}

// guardQuery compiles a guard together with the support rules of its residual.
func (t *Translator) guardQuery(body ast.Body) (*rego.Query, error) {
	compiler := t.Tree.Compiler
	if len(t.Modules) > 0 {
		compiler = rego.NewCompiler(rego.Untyped)
		modules := map[string]*ast.Module{}
		if t.refersToTree(body) {
			maps.Copy(modules, t.Tree.Modules)
		}
		for i, module := range t.Modules {
			modules[fmt.Sprintf("residual-%d", i)] = module
		}
		if compiler.Compile(modules); compiler.Failed() {
			return nil, fmt.Errorf("policy guard: %w", compiler.Errors)
		}
	}
	return rego.NewQuery(body.Copy(), compiler, t.Tree.Store)
}

// refersToTree reports whether the body or its support rules refer to rules of
// the tree itself.
func (t *Translator) refersToTree(body ast.Body) bool {
	found := len(t.Tree.Rules.Callees(body)) > 0
	for _, module := range t.Modules {
		found = found || len(t.Tree.Rules.Callees(module)) > 0
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

// supportReadsBelow reports whether the rules that body refers to read the
// subject's subtree.
func (t *Translator) supportReadsBelow(body ast.Body) bool {
	found, seen := false, map[string]bool{}
	var visit func(x any)
	visit = func(x any) {
		ast.WalkRefs(x, func(ref ast.Ref) bool {
			key := ref.ConstantPrefix().String()
			if ref.HasPrefix(ast.DefaultRootRef) && !seen[key] {
				seen[key] = true
				for _, rule := range t.Support[key] {
					found = found || readsBelow(rule)
					visit(rule)
				}
				for _, rule := range t.Tree.Rules.Lookup(ref) {
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

// Holds decides a guard for one request.
func (g *Guard) Holds(ctx context.Context, env predicate.Env, input func() (ast.Value, error), timeout time.Duration) (bool, error) {
	if g.Rego == nil {
		return predicate.Filter{Kind: predicate.Where, Where: g.where}.Eval(env), nil
	}
	doc, err := input()
	if err != nil {
		return false, err
	}
	results, err := g.Rego.Run(ctx, doc, timeout)
	if err != nil {
		return false, fmt.Errorf("policy guard: %w", err)
	}
	return len(results) > 0, nil
}

// Hoist replaces the parts of a condition that read no row with guards, so
// that a store sees only conditions on columns.
func (g *Guards) Hoist(f predicate.Filter) predicate.Filter {
	if f.Kind != predicate.Where {
		return f
	}
	f.Where = g.hoisted(f.Where)
	return f
}

func (g *Guards) hoisted(e predicate.Expr) predicate.Expr {
	if !g.onRow(e) {
		if _, ok := e.(predicate.Guard); ok {
			return e
		}
		return g.add(Guard{text: predicate.Text(e), where: e})
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

// hoistedParts keeps the parts that read the row and joins the others into one
// guard.
func (g *Guards) hoistedParts(parts []predicate.Expr, join func([]predicate.Expr) predicate.Expr) []predicate.Expr {
	var kept, free []predicate.Expr
	for _, x := range parts {
		if g.onRow(x) {
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

// onRow reports whether a condition reads the row.
func (g *Guards) onRow(e predicate.Expr) bool {
	switch e := e.(type) {
	case predicate.And:
		return g.anyOnRow(e)
	case predicate.Or:
		return g.anyOnRow(e)
	case predicate.Not:
		return g.onRow(e.X)
	case predicate.Compare:
		return g.isColumn(e.Left) || g.isColumn(e.Right)
	case predicate.Member:
		return g.isColumn(e.Item) || g.isColumn(e.Set)
	case predicate.Match:
		return g.isColumn(e.Text) || g.isColumn(e.Part)
	case predicate.Defined:
		return g.isColumn(predicate.Operand{Ref: e.Ref})
	case predicate.Exists:
		return true
	default:
		return false
	}
}

func (g *Guards) anyOnRow(list []predicate.Expr) bool {
	for _, e := range list {
		if g.onRow(e) {
			return true
		}
	}
	return false
}

func (g *Guards) isColumn(o predicate.Operand) bool {
	_, ok := o.Ref.Column()
	return ok || g.Own && len(o.Ref) > 1 && o.Ref[0] == "resource" && o.Ref[1] == "properties"
}
