package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The compiler moves references out of negated expressions and out of calls:
//
//	not startswith(input.resource.name, "a")
//
// becomes
//
//	x = input.resource.name; not startswith(x, "a")
//
// so that the body is undefined if the name is absent. Partial evaluation puts
// the reference back and loses the condition that the name must be present.
// Its residual then allows more than the rule. keepPresence therefore adds the
// condition in a form that partial evaluation keeps:
//
//	x = input.resource.name; x != sentinel; not startswith(x, "a")
//
// This changes no evaluation, because no value equals the sentinel.

// sentinel is an object that no input can contain, because keys contain no
// NUL.
var sentinel = ast.NewTerm(ast.NewObject(ast.Item(ast.StringTerm("\x00"), ast.NullTerm())))

// keepPresence is a compiler stage that runs after all rewriting.
func keepPresence(c *ast.Compiler) *ast.Error {
	for _, module := range c.Modules {
		eachBody(module, withPresence)
	}
	return nil
}

// withPresence adds a presence condition after each expression that binds a
// variable to a reference. It leaves out variables whose other uses already
// require the value.
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

// asksPresence collects the variables whose presence the expression requires,
// both in the evaluation and in the residual. These are operands of a built-in
// and of an equality with a constant. In negations, function calls, closures
// and equalities of references, the residual may lose the requirement.
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

// BoundRef returns the variable that an expression binds to a reference, or
// nil.
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

// IsPresence recognises a condition that keepPresence has added. It returns
// the other operand.
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

// WithoutPresence returns a copy of a compiled module without the conditions that
// keepPresence has added, so that it can be compiled again.
func WithoutPresence(module *ast.Module) *ast.Module {
	module = module.Copy()
	eachBody(module, func(body ast.Body) ast.Body {
		return slices.DeleteFunc(body, func(x *ast.Expr) bool {
			_, added := IsPresence(operandsOf(x))
			return added
		})
	})
	return module
}

func operandsOf(x *ast.Expr) []*ast.Term {
	if terms, ok := x.Terms.([]*ast.Term); ok {
		return terms[1:]
	}
	return nil
}

// eachBody replaces every body of a module with the result of f.
func eachBody(module *ast.Module, f func(ast.Body) ast.Body) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Rule:
			x.Body = f(x.Body)
		case *ast.ArrayComprehension:
			x.Body = f(x.Body)
		case *ast.SetComprehension:
			x.Body = f(x.Body)
		case *ast.ObjectComprehension:
			x.Body = f(x.Body)
		case *ast.Every:
			x.Body = f(x.Body)
		}
		return false
	}).Walk(module)
}
