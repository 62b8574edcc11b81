package mutation

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// site is one possible change at a place of a module.
type site struct {
	rule    *ast.Rule
	line    int
	change  string
	apply   func()        // changes the module; call it only once
	removes *ast.Location // of the condition that the change removes; nil for others
	negated bool          // the removed condition is
}

// finder collects the sites of a module in the order of its text. It always
// finds the same sites for the same module.
type finder struct {
	sites []site
	rule  *ast.Rule
}

func sitesOf(module *ast.Module) []site {
	f := &finder{}
	for _, rule := range module.Rules {
		for r := rule; r != nil; r = r.Else {
			f.rule = r
			f.ofRule(r)
		}
	}
	return f.sites
}

func (f *finder) add(loc *ast.Location, apply func(), format string, args ...any) {
	line := f.rule.Location.Row
	if loc != nil && loc.Row > 0 {
		line = loc.Row
	}
	f.sites = append(f.sites, site{rule: f.rule, line: line, change: fmt.Sprintf(format, args...), apply: apply})
}

func (f *finder) ofRule(r *ast.Rule) {
	if !r.Default {
		f.add(r.Location, func() { r.Body = ast.NewBody(constant(r.Location, false)) }, "rule removed")
	}
	if r.Head.Key != nil && len(r.Head.Ref()) == 1 { // otherwise the key is part of the rule's name
		f.ofTerm(r.Head.Key)
	}
	if r.Head.Value != nil && !implied(r.Head.Value) {
		f.ofTerm(r.Head.Value)
	}
	for _, arg := range r.Head.Args {
		f.ofTerm(arg)
	}
	if !(len(r.Body) == 1 && isTrue(r.Body[0])) {
		f.ofBody(&r.Body)
	}
}

// implied reports whether the head's value is true without being written.
func implied(term *ast.Term) bool {
	return ast.Boolean(true).Equal(term.Value) && (term.Location == nil || string(term.Location.Text) != "true")
}

func isTrue(x *ast.Expr) bool {
	term, ok := x.Terms.(*ast.Term)
	return ok && ast.Boolean(true).Equal(term.Value) && !x.Negated
}

func constant(loc *ast.Location, value bool) *ast.Expr {
	return ast.NewExpr(ast.BooleanTerm(value).SetLocation(loc)).SetLocation(loc)
}

// ofBody adds changes of each condition of a body.
func (f *finder) ofBody(body *ast.Body) {
	for i, x := range *body {
		_, every := x.Terms.(*ast.Every)
		_, some := x.Terms.(*ast.SomeDecl)
		if condition := !some && !x.IsAssignment(); condition {
			f.add(x.Location, func() { *body = without(*body, i) }, removed+"%s", source(x.Location, x))
			f.sites[len(f.sites)-1].removes, f.sites[len(f.sites)-1].negated = x.Location, x.Negated
			if !every {
				f.add(x.Location, func() { x.Negated = !x.Negated }, "condition negated: %s", source(x.Location, x))
			}
		}
		f.ofExpr(x)
	}
}

// without returns a body without condition i.
func without(body ast.Body, i int) ast.Body {
	if len(body) == 1 {
		return ast.NewBody(constant(body[0].Location, true))
	}
	kept := ast.Body{}
	for j, x := range body {
		if j != i {
			kept.Append(x)
		}
	}
	return kept
}

func (f *finder) ofExpr(x *ast.Expr) {
	switch terms := x.Terms.(type) {
	case *ast.Term:
		f.ofTerm(terms)
	case []*ast.Term:
		f.ofCall(x.Location, terms)
	case *ast.Every:
		f.ofTerm(terms.Domain)
		f.ofBody(&terms.Body)
	case *ast.SomeDecl:
		for _, symbol := range terms.Symbols {
			f.ofTerm(symbol)
		}
	}
}

// swaps holds operators and functions that authors easily confuse.
var swaps = map[string]struct{ other, was, becomes string }{
	"equal": {"neq", "==", "!="}, "neq": {"equal", "!=", "=="},
	"lt": {"lte", "<", "<="}, "lte": {"lt", "<=", "<"}, "gt": {"gte", ">", ">="}, "gte": {"gt", ">=", ">"},
	"plus": {"minus", "+", "-"}, "minus": {"plus", "-", "+"}, "and": {"or", "&", "|"}, "or": {"and", "|", "&"},
	"mul": {"plus", "*", "+"}, "div": {"mul", "/", "*"},
	"startswith": {"endswith", "startswith", "endswith"}, "endswith": {"startswith", "endswith", "startswith"},
	"max": {"min", "max", "min"}, "min": {"max", "min", "max"}, "upper": {"lower", "upper", "lower"}, "lower": {"upper", "lower", "upper"},
}

func (f *finder) ofCall(loc *ast.Location, terms []*ast.Term) {
	if swap, ok := swaps[terms[0].String()]; ok {
		operator := terms[0]
		f.add(loc, func() { operator.Value = ast.Ref{ast.VarTerm(swap.other)} }, "%s became %s: %s", swap.was, swap.becomes, source(loc, ast.Call(terms)))
	}
	for _, term := range terms[1:] {
		f.ofTerm(term)
	}
}

// ofTerm adds changes of the constants in a term and of terms that contain
// them. It does not change the names in a reference.
func (f *finder) ofTerm(term *ast.Term) {
	switch v := term.Value.(type) {
	case ast.String:
		f.constant(term, ast.String(string(v)+"~"))
	case ast.Boolean:
		f.constant(term, !v)
	case ast.Number:
		f.constant(term, next(v))
	case ast.Call:
		f.ofCall(term.Location, v)
	case *ast.Array, ast.Set, ast.Object:
		f.ofCollection(term)
	case *ast.ArrayComprehension:
		f.ofTerm(v.Term)
		f.ofBody(&v.Body)
	case *ast.SetComprehension:
		f.ofTerm(v.Term)
		f.ofBody(&v.Body)
	case *ast.ObjectComprehension:
		f.ofTerm(v.Key)
		f.ofTerm(v.Value)
		f.ofBody(&v.Body)
	}
}

func (f *finder) constant(term *ast.Term, value ast.Value) {
	before := term.String()
	f.add(term.Location, func() { replace(term, value) }, "%s became %s", before, value)
}

// replace gives a term another value. It also changes the source text,
// because the formatter prints constants from it.
func replace(term *ast.Term, value ast.Value) {
	term.Value = value
	if term.Location != nil {
		place := *term.Location
		place.Text = []byte(value.String())
		term.Location = &place
	}
}

func next(n ast.Number) ast.Value {
	if i, ok := n.Int(); ok {
		return ast.Number(json.Number(fmt.Sprint(i + 1)))
	}
	return ast.Number("0")
}

// ofCollection adds the removal of each element of a collection. It does not
// change scalar elements, because that would test nothing more.
func (f *finder) ofCollection(term *ast.Term) {
	elements, rebuild := elementsOf(term.Value)
	if len(elements) == 0 {
		stray := rebuild([][2]*ast.Term{{ast.StringTerm("~"), ast.StringTerm("~")}})
		f.add(term.Location, func() { replace(term, stray) }, "%s became %s", term, stray)
		return
	}
	for i, element := range elements {
		f.add(element[0].Location, func() {
			kept := append(append([][2]*ast.Term{}, elements[:i]...), elements[i+1:]...)
			replace(term, rebuild(kept))
		}, "element removed: %s", source(element[0].Location, element[0]))
		for _, part := range element {
			if part != nil && (part != element[0] || element[1] == nil) && !ast.IsScalar(part.Value) {
				f.ofTerm(part)
			}
		}
	}
}

// elementsOf returns the elements of a collection and a function that builds
// a collection from elements. An element of an object is a key with its
// value.
func elementsOf(value ast.Value) (elements [][2]*ast.Term, rebuild func([][2]*ast.Term) ast.Value) {
	switch v := value.(type) {
	case *ast.Array:
		v.Foreach(func(t *ast.Term) { elements = append(elements, [2]*ast.Term{t}) })
		rebuild = func(kept [][2]*ast.Term) ast.Value { return ast.NewArray(firsts(kept)...) }
	case ast.Set:
		v.Foreach(func(t *ast.Term) { elements = append(elements, [2]*ast.Term{t}) })
		rebuild = func(kept [][2]*ast.Term) ast.Value { return ast.NewSet(firsts(kept)...) }
	case ast.Object:
		v.Foreach(func(key, value *ast.Term) { elements = append(elements, [2]*ast.Term{key, value}) })
		rebuild = func(kept [][2]*ast.Term) ast.Value { return ast.NewObject(kept...) }
	}
	return elements, rebuild
}

func firsts(kept [][2]*ast.Term) []*ast.Term {
	terms := make([]*ast.Term, len(kept))
	for i := range kept {
		terms[i] = kept[i][0]
	}
	return terms
}

// source returns a piece of Rego as it is written, on one line of at most 100
// characters.
func source(loc *ast.Location, x fmt.Stringer) string {
	text := x.String()
	if loc != nil && len(loc.Text) > 0 {
		text = string(loc.Text)
	}
	return shortened(text)
}

// shortened returns a text on one line of at most 100 characters.
func shortened(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len([]rune(text)) > 100 {
		text = string([]rune(text)[:99]) + "…"
	}
	return text
}
