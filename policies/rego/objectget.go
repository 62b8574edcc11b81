package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A filter cannot carry a call of object.get, but it can carry what the call means:
//
//	object.get(input.resource, ["properties", "status"], "")
//
// is input.resource.properties.status where that value is present, and "" elsewhere.
// withoutGets therefore replaces a rule that reads the input in this way by two rules,
// one for each case.

// maxGets limits the calls of one rule, because each doubles the number of rules. If a
// rule has more, all of its calls stay.
const maxGets = 4

// withoutGets returns the modules without such calls. It copies the modules that it
// changes.
func withoutGets(modules map[string]*ast.Module) map[string]*ast.Module {
	out := make(map[string]*ast.Module, len(modules))
	for name, module := range modules {
		out[name] = module
		if !slices.ContainsFunc(module.Rules, func(r *ast.Rule) bool { return len(getsOf(r)) > 0 }) {
			continue
		}
		copied := module.Copy() // its annotations belong to the rules of this copy
		rules := copied.Rules
		copied.Rules = nil
		for _, rule := range rules {
			for _, r := range split(rule) {
				r.Module = copied
				copied.Rules = append(copied.Rules, r)
			}
		}
		out[name] = copied
	}
	return out
}

// got is a call of object.get on the input with a constant key and a constant default.
type got struct {
	ref      *ast.Term
	fallback *ast.Term
}

// split returns the rules that replace a rule.
func split(rule *ast.Rule) []*ast.Rule {
	gets := getsOf(rule)
	if len(gets) == 0 {
		return []*ast.Rule{rule}
	}
	absent := rule.Copy()
	with, without := gets[0].replaced(rule, gets[0].ref), gets[0].replaced(absent, gets[0].fallback)
	with.Body.Append(placed(ast.NotEqual.Expr(gets[0].ref.Copy(), sentinel), rule))
	for _, x := range []*ast.Expr{ast.NewExpr(gets[0].ref.Copy()), ast.Equality.Expr(gets[0].ref.Copy(), ast.BooleanTerm(false))} {
		x.Negated = true
		without.Body.Append(placed(x, rule))
	}
	return append(split(with), split(without)...)
}

func placed(x *ast.Expr, of *ast.Rule) *ast.Expr {
	x.Location = of.Loc()
	return x
}

// replaced puts a value in place of all calls of a rule that are equal to g.
func (g got) replaced(rule *ast.Rule, by *ast.Term) *ast.Rule {
	for _, x := range rule.Body {
		eachCall(x, func(found got, term *ast.Term) {
			if !found.ref.Equal(g.ref) || !found.fallback.Equal(g.fallback) {
				return
			}
			if term == nil {
				x.Terms = by.Copy()
			} else {
				term.Value = by.Copy().Value
			}
		})
	}
	return rule
}

// getsOf returns the calls of a rule's body that split replaces, each once. It returns
// none for a rule that reads its own annotations, which a copy does not have.
func getsOf(rule *ast.Rule) []got {
	if rule.Else != nil || rule.Default || readsAnnotations(rule) {
		return nil
	}
	var gets []got
	for _, x := range rule.Body {
		eachCall(x, func(g got, _ *ast.Term) {
			if !slices.ContainsFunc(gets, func(k got) bool { return k.ref.Equal(g.ref) && k.fallback.Equal(g.fallback) }) {
				gets = append(gets, g)
			}
		})
	}
	if len(gets) > maxGets {
		return nil
	}
	return gets
}

func readsAnnotations(rule *ast.Rule) bool {
	found := false
	ast.WalkRefs(rule, func(ref ast.Ref) bool {
		found = found || len(ref) > 1 && ref[0].Value.Compare(ast.Var("rego")) == 0 && ast.String("metadata").Equal(ref[1].Value)
		return found
	})
	return found
}

// eachCall passes the calls of an expression to found, outside of closures. term is nil
// if the call is the whole expression.
func eachCall(x *ast.Expr, found func(g got, term *ast.Term)) {
	if terms, ok := x.Terms.([]*ast.Term); ok && len(x.With) == 0 {
		if g, ok := gotOf(terms); ok {
			found(g, nil)
			return
		}
	} else if !ok || len(x.With) > 0 {
		return
	}
	ast.NewGenericVisitor(func(y any) bool {
		switch y := y.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true
		case *ast.Term:
			if call, ok := y.Value.(ast.Call); ok {
				if g, ok := gotOf(call); ok {
					found(g, y)
					return true
				}
			}
		}
		return false
	}).Walk(x)
}

func gotOf(call []*ast.Term) (got, bool) {
	if len(call) != 4 || call[0].String() != ast.ObjectGet.Name || !ast.IsConstant(call[3].Value) {
		return got{}, false
	}
	of, ok := call[1].Value.(ast.Ref)
	if !ok || !slices.ContainsFunc(wholeParts, func(part ast.Ref) bool { return part.Equal(of) }) {
		return got{}, false
	}
	path := []*ast.Term{call[2]}
	if keys, ok := call[2].Value.(*ast.Array); ok {
		path = nil
		keys.Foreach(func(key *ast.Term) { path = append(path, key) })
	}
	ref := of.Concat(path)
	for _, key := range path {
		if _, ok := key.Value.(ast.String); !ok {
			return got{}, false
		}
	}
	return got{ast.NewTerm(ref).SetLocation(call[0].Location), call[3]}, len(path) > 0 && slices.ContainsFunc(openParts, ref.HasPrefix)
}

// wholeParts are the parts of every input that are objects, and open when a filter is
// compiled. Deeper parts may be absent: then object.get is undefined, whatever its default.
var wholeParts = []ast.Ref{ast.MustParseRef("input.resource"), ast.MustParseRef("input.action"), ast.MustParseRef("input.context")}

// openParts are the parts of the input, other than the subject, that are open when a
// filter is compiled.
var openParts = []ast.Ref{
	ast.MustParseRef("input.resource"), ast.MustParseRef("input.action.properties"), ast.MustParseRef("input.context"),
}
