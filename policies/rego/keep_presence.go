package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// The compiler takes references out of negated expressions and out of calls:
//
//	not startswith(input.resource.name, "a")
//
// becomes
//
//	x = input.resource.name; not startswith(x, "a")
//
// so that an absent name makes it undefined. Partial evaluation puts the
// reference back and forgets that it must be there: its residual is wider than
// the rule. keepPresence therefore states the presence in words that survive,
//
//	x = input.resource.name; x != sentinel; not startswith(x, "a")
//
// which changes no evaluation, because no value equals the sentinel.

// sentinel is an object that no input can hold: keys are free of NUL.
var sentinel = ast.NewTerm(ast.NewObject(ast.Item(ast.StringTerm("\x00"), ast.NullTerm())))

// keepPresence is a stage of the compiler; it runs after all rewriting.
func keepPresence(c *ast.Compiler) *ast.Error {
	for _, module := range c.Modules {
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Rule:
				x.Body = withPresence(x.Body)
			case *ast.ArrayComprehension:
				x.Body = withPresence(x.Body)
			case *ast.SetComprehension:
				x.Body = withPresence(x.Body)
			case *ast.ObjectComprehension:
				x.Body = withPresence(x.Body)
			case *ast.Every:
				x.Body = withPresence(x.Body)
			}
			return false
		}).Walk(module)
	}
	return nil
}

// withPresence adds, after each reference that a variable stands for, that it
// is there, unless the variable is used in a way that asks it anyway.
func withPresence(body ast.Body) ast.Body {
	asked := ast.NewVarSet()
	for _, x := range body {
		asksPresence(x, asked)
	}
	var out ast.Body
	for _, x := range body {
		out.Append(x)
		if term := BoundRef(x); term != nil && !asked.Contains(term.Value.(ast.Var)) {
			there := ast.NotEqual.Expr(term, sentinel)
			there.Generated = true
			there.Location = x.Location
			out.Append(there)
		}
	}
	return out
}

// asksPresence collects the variables that an expression needs, and needs in
// its residual as well: operands of a built-in, or of an equality with a
// constant. In negations, in calls of functions, in closures and in equalities
// of references, the residual may forget.
func asksPresence(x *ast.Expr, asked ast.VarSet) {
	terms, ok := x.Terms.([]*ast.Term)
	if !ok || x.Negated || len(x.With) > 0 || ast.BuiltinMap[terms[0].String()] == nil {
		return
	}
	if x.IsEquality() || x.IsAssignment() {
		a, b := x.Operand(0), x.Operand(1)
		if !ast.IsConstant(a.Value) && !ast.IsConstant(b.Value) {
			return
		}
	}
	for _, term := range terms[1:] {
		if v, ok := term.Value.(ast.Var); ok {
			asked.Add(v)
		}
	}
}

// BoundRef returns the variable of an expression that gives it a reference.
func BoundRef(x *ast.Expr) *ast.Term {
	if x.Negated || !x.IsEquality() && !x.IsAssignment() {
		return nil
	}
	for i := range 2 {
		_, isVar := x.Operand(i).Value.(ast.Var)
		if _, isRef := x.Operand(1 - i).Value.(ast.Ref); isVar && isRef {
			return x.Operand(i)
		}
	}
	return nil
}

// IsPresence recognises what keepPresence has stated.
func IsPresence(operands []*ast.Term) (*ast.Term, bool) {
	if len(operands) != 2 {
		return nil, false
	}
	for i, operand := range operands {
		if operand.Equal(sentinel) {
			return operands[1-i], true
		}
	}
	return nil, false
}
