package filter

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

// Relaxed returns the tree without the conditions that read no row, in the rules
// that read the row. Such a condition can hide the rest of its rule from a
// subject for whom it fails. Without them, the residual of a question contains
// the conditions on the row of every rule. A relaxed tree must decide nothing.
func (t *Tree) Relaxed(refs ...ast.Ref) (*Tree, error) {
	modules := map[string]*ast.Module{}
	for name, module := range t.Compiler.Modules {
		relaxed := *module
		relaxed.Rules = nil
		for _, rule := range module.Rules {
			if t.Touch.Row[rule] {
				changed := *rule
				changed.Body = t.Touch.relax(rule)
				rule = &changed
			}
			relaxed.Rules = append(relaxed.Rules, rule)
		}
		modules[name] = rego.WithoutPresence(&relaxed)
	}
	return t.recompiled(modules, refs)
}

// relax returns the expressions of a rule's body that read the row, and those
// that give a value to a variable of these or of the head.
func (t *touch) relax(rule *ast.Rule) ast.Body {
	r := relaxing{body: rule.Body, kept: make([]bool, len(rule.Body)), needed: map[ast.Var]bool{}}
	mark(r.needed, rule.Head.Reference)
	if rule.Head.Key != nil {
		mark(r.needed, rule.Head.Key)
	}
	if rule.Head.Value != nil {
		mark(r.needed, rule.Head.Value)
	}
	answers := map[ast.Var]bool{} // variables with the value of a rule that reads the row
	for _, x := range rule.Body {
		if v := rego.BoundRef(x); v != nil && t.readsRow(rule, x) {
			mark(answers, v)
		}
	}
	asksType := t.ofType(rule.Body)
	for i, x := range rule.Body {
		if t.readsRow(rule, x) || usesAny(x, answers) || asksType[x] {
			r.keep(i)
		}
	}
	for r.bindMore() {
	}
	return r.result(rule)
}

func usesAny(x *ast.Expr, vars map[ast.Var]bool) bool {
	for v := range freeVars(x) {
		if vars[v] {
			return true
		}
	}
	return false
}

// ofType returns the expressions that read nothing but the type of the resource, which
// each question states. They say for which types the rest of the body is meant.
func (t *touch) ofType(body ast.Body) map[*ast.Expr]bool {
	known, found := map[ast.Var]bool{}, map[*ast.Expr]bool{} // known: variables with the type
	plain := constants(body)
	for changed := true; changed; {
		changed = false
		for _, x := range body {
			reads, alone := t.readsType(x)
			if found[x] || !alone || !reads && !usesAny(x, known) {
				continue
			}
			vars := freeVars(x)
			if x.IsEquality() && len(vars) == 1 {
				known[slices.Collect(maps.Keys(vars))[0]] = true
			}
			if allIn(vars, known, plain) {
				found[x], changed = true, true
			}
		}
	}
	return found
}

// constants returns the variables of a body that stand for a written value.
func constants(body ast.Body) map[ast.Var]bool {
	plain := map[ast.Var]bool{}
	for _, x := range body {
		vars, refs := slices.Collect(maps.Keys(freeVars(x))), 0
		ast.WalkRefs(x, func(ast.Ref) bool { refs++; return false })
		if x.IsEquality() && len(vars) == 1 && refs <= 1 { // the operator
			plain[vars[0]] = true
		}
	}
	return plain
}

// allIn reports whether each variable is in one of the sets.
func allIn(vars map[ast.Var]int, sets ...map[ast.Var]bool) bool {
	for v := range vars {
		if !slices.ContainsFunc(sets, func(set map[ast.Var]bool) bool { return set[v] }) {
			return false
		}
	}
	return true
}

var typeRef = ast.MustParseRef("input.resource.type")

// readsType reports whether an expression reads the type of the resource, and whether it
// reads no other part of the input, and no rule.
func (t *touch) readsType(x *ast.Expr) (reads, alone bool) {
	alone = len(t.rules.Callees(x)) == 0
	ast.WalkRefs(x, func(ref ast.Ref) bool {
		if ref.HasPrefix(typeRef) {
			reads = true
		} else if ref.HasPrefix(ast.InputRootRef) {
			alone = false
		}
		return false
	})
	return reads, alone
}

// readsRow reports whether an expression carries a value of the row or depends on
// a rule that does.
func (t *touch) readsRow(rule *ast.Rule, x *ast.Expr) bool {
	found := false
	ast.WalkTerms(x, func(term *ast.Term) bool {
		found = found || t.carries(rule, term)
		return found
	})
	for _, callee := range t.rules.Callees(x) {
		found = found || t.Row[callee]
	}
	return found
}

// relaxing selects expressions of one body.
type relaxing struct {
	body   ast.Body
	kept   []bool
	needed map[ast.Var]bool
}

func (r *relaxing) keep(i int) {
	r.kept[i] = true
	for v := range freeVars(r.body[i]) {
		r.needed[v] = true
	}
}

// bindMore keeps further expressions that give a needed variable its value. If
// there is none for a variable, it keeps all expressions with the variable.
func (r *relaxing) bindMore() bool {
	for i, x := range r.body {
		if !r.kept[i] && r.anyNeeded(boundBy(x)) {
			r.keep(i)
			return true
		}
	}
	bound := map[ast.Var]bool{}
	for i, x := range r.body {
		if r.kept[i] && !x.Negated {
			for v := range freeVars(x) {
				bound[v] = true
			}
		}
	}
	for i, x := range r.body {
		if r.kept[i] {
			continue
		}
		for v := range freeVars(x) {
			if r.needed[v] && !bound[v] {
				r.keep(i)
				return true
			}
		}
	}
	return false
}

func (r *relaxing) anyNeeded(vars []ast.Var) bool {
	for _, v := range vars {
		if r.needed[v] {
			return true
		}
	}
	return false
}

// boundBy returns the variables that an equality or a call gives a value.
func boundBy(x *ast.Expr) []ast.Var {
	terms, ok := x.Terms.([]*ast.Term)
	if !ok || x.Negated {
		return nil
	}
	from := terms[len(terms)-1:]
	builtin := ast.BuiltinMap[terms[0].String()]
	switch {
	case x.IsEquality() || x.IsAssignment():
		from = terms[1:]
	case builtin != nil && len(terms)-1 <= builtin.Decl.Arity():
		return nil
	}
	var vars []ast.Var
	for _, term := range from {
		ast.WalkVars(term, func(v ast.Var) bool {
			vars = append(vars, v)
			return false
		})
	}
	return vars
}

func (r *relaxing) result(rule *ast.Rule) ast.Body {
	var out ast.Body
	for i, x := range r.body {
		if r.kept[i] {
			out.Append(x.Copy()) // Append numbers the expression anew
		}
	}
	if len(out) == 0 {
		out.Append(ast.NewExpr(ast.BooleanTerm(true)).SetLocation(rule.Loc()))
	}
	return out
}
