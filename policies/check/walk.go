package check

import (
	"iter"

	"github.com/open-policy-agent/opa/v1/ast"
)

// rules yields every definition of a file, including else branches.
func (f *file) rules() iter.Seq[*ast.Rule] {
	return func(yield func(*ast.Rule) bool) {
		for _, rule := range f.module.Rules {
			for r := rule; r != nil; r = r.Else {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// bodies calls fn with the body of a rule and with every body inside it: those
// of comprehensions and of every.
func bodies(rule *ast.Rule, fn func(ast.Body)) {
	if !bodyless(rule) {
		fn(rule.Body)
	}
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Rule:
			return x != rule // rules yields else branches separately
		case *ast.ArrayComprehension:
			fn(x.Body)
		case *ast.SetComprehension:
			fn(x.Body)
		case *ast.ObjectComprehension:
			fn(x.Body)
		case *ast.Every:
			fn(x.Body)
		}
		return false
	}).Walk(rule)
}

// exprs calls fn with every expression of every body of a file.
func (f *file) exprs(fn func(rule *ast.Rule, x *ast.Expr)) {
	for rule := range f.rules() {
		bodies(rule, func(body ast.Body) {
			for _, x := range body {
				fn(rule, x)
			}
		})
	}
}

// calls hands fn each call in a file, as an expression or inside one.
func (f *file) calls(fn func(rule *ast.Rule, loc *ast.Location, name string, args []*ast.Term)) {
	for rule := range f.rules() {
		visit := func(loc *ast.Location, terms []*ast.Term) {
			if operator, ok := terms[0].Value.(ast.Ref); ok {
				fn(rule, loc, operator.String(), terms[1:])
			}
		}
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Rule:
				return x != rule
			case *ast.Expr:
				if terms, ok := x.Terms.([]*ast.Term); ok {
					visit(x.Location, terms)
				}
			case *ast.Term:
				if call, ok := x.Value.(ast.Call); ok {
					visit(x.Location, call)
				}
			}
			return false
		}).Walk(rule)
	}
}

// bodyless reports whether a rule is written without a body. OPA then gives it
// the body true.
func bodyless(rule *ast.Rule) bool {
	if len(rule.Body) != 1 {
		return len(rule.Body) == 0
	}
	term := single(rule.Body[0])
	return term != nil && implied(term)
}

// valueless reports whether a rule is written without a value.
func valueless(rule *ast.Rule) bool { return rule.Head.Value == nil || implied(rule.Head.Value) }

func implied(term *ast.Term) bool {
	return ast.Boolean(true).Equal(term.Value) && (term.Location == nil || string(term.Location.Text) != "true")
}

// called returns the operator and the arguments of an expression that is a
// call. The operators := and == are calls too.
func called(x *ast.Expr) (name string, args []*ast.Term) {
	terms, ok := x.Terms.([]*ast.Term)
	if !ok || len(terms) == 0 {
		return "", nil
	}
	return terms[0].String(), terms[1:]
}

// single returns the term of an expression that is a single term, otherwise
// nil.
func single(x *ast.Expr) *ast.Term {
	term, _ := x.Terms.(*ast.Term)
	return term
}

func scalar(term *ast.Term) bool {
	switch term.Value.(type) {
	case ast.Null, ast.Boolean, ast.Number, ast.String:
		return true
	}
	return false
}

// wildcard reports whether a variable is written as _.
func wildcard(v ast.Var) bool { return v.IsWildcard() }

// iterated returns a term's reference and reports whether its last step
// iterates: xs[_], or xs[i] with a new variable i.
func (f *file) iterated(rule *ast.Rule, term *ast.Term) (ast.Ref, bool) {
	ref, ok := term.Value.(ast.Ref)
	if !ok || len(ref) < 2 {
		return nil, false
	}
	v, ok := ref[len(ref)-1].Value.(ast.Var)
	return ref, ok && (wildcard(v) || !f.names(rule)[v])
}

// names returns the variables that are bound outside the bodies of a rule:
// arguments, imports, and rules of the package.
func (f *file) names(rule *ast.Rule) map[ast.Var]bool {
	names := map[ast.Var]bool{"input": true, "data": true}
	for name := range f.imports {
		names[name] = true
	}
	for name := range f.pkg().rules {
		names[ast.Var(name)] = true
	}
	for _, arg := range rule.Head.Args {
		ast.WalkVars(arg, func(v ast.Var) bool { names[v] = true; return false })
	}
	return names
}

// declared calls fn with each variable that a rule declares with some, := or
// every, or as an argument.
func declared(rule *ast.Rule, fn func(v ast.Var, loc *ast.Location)) {
	all := func(x any, loc *ast.Location) {
		ast.WalkVars(x, func(v ast.Var) bool { fn(v, loc); return false })
	}
	for _, arg := range rule.Head.Args {
		all(arg, rule.Head.Location)
	}
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Rule:
			return x != rule
		case *ast.Every:
			all(x.Value, x.Location)
			if x.Key != nil {
				all(x.Key, x.Location)
			}
		case *ast.Expr:
			if x.IsAssignment() {
				all(x.Operand(0), x.Location)
			}
		case *ast.SomeDecl:
			for _, symbol := range x.Symbols {
				call, ok := symbol.Value.(ast.Call)
				if !ok {
					all(symbol, x.Location)
					continue
				}
				for _, named := range call[1 : len(call)-1] {
					all(named, x.Location)
				}
			}
		}
		return false
	}).Walk(rule)
}
