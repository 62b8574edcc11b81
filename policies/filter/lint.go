package filter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// linter refuses constructs that no filter can express, in the rules that
// allow depends on. Partial evaluation would accept some of them and allow
// more than the full evaluation does.
type linter struct {
	*touch
	findings []rego.Finding
}

// lint returns the problems of the rules that allow depends on.
func (t *touch) lint(rules []*ast.Rule) []rego.Finding {
	l := &linter{touch: t}
	definitions := DefinitionsOf(rules)
	for _, rule := range rules {
		l.value(rule, definitions[rule.Ref().String()])
		l.otherwise(rule)
		l.refs(rule)
		l.expressions(rule)
	}
	return l.findings
}

// DefinitionsOf groups rules by the document that they define. It leaves out
// defaults, because any other definition replaces a default.
func DefinitionsOf(rules []*ast.Rule) map[string][]*ast.Rule {
	definitions := map[string][]*ast.Rule{}
	for _, rule := range rules {
		if !rego.IsDefault(rule) {
			definitions[rule.Ref().String()] = append(definitions[rule.Ref().String()], rule)
		}
	}
	return definitions
}

func (l *linter) refuse(loc *ast.Location, code, format string, args ...any) {
	f := rego.FindingAt(loc, code, fmt.Sprintf(format, args...))
	if !slices.Contains(l.findings, f) {
		l.findings = append(l.findings, f)
	}
}

// value refuses rules whose values may conflict without partial evaluation
// detecting it.
func (l *linter) value(rule *ast.Rule, definitions []*ast.Rule) {
	if rego.IsTrue(rule) && rule.Else == nil || rego.IsFalseDefault(rule) {
		return
	}
	if !rego.IsTrue(rule) && l.Row[rule] {
		l.refuse(rule.Loc(), "value", "rule %s depends on the row and may yield something other than true", rego.RulePath(rule))
		return
	}
	if !ConflictProne(rule, definitions) {
		return
	}
	if l.Late[rule] || len(rule.Head.Args) > 0 {
		l.refuse(rule.Loc(), "value", "rule %s has several definitions whose values may conflict", rego.RulePath(rule))
	}
}

// ConflictProne reports whether the definitions of a document could yield two
// different values for one input.
func ConflictProne(rule *ast.Rule, definitions []*ast.Rule) bool {
	if rego.IsDefault(rule) || rule.Head.RuleKind() == ast.MultiValue {
		return false
	}
	if len(definitions) > 1 && !exclusive(definitions) {
		return true
	}
	return iterates(rule)
}

// exclusive reports whether the definitions of a function differ in a
// constant argument, so that only one applies to any call.
func exclusive(definitions []*ast.Rule) bool {
	for i := range definitions[0].Head.Args {
		if distinctConstants(definitions, i) {
			return true
		}
	}
	return false
}

func distinctConstants(definitions []*ast.Rule, i int) bool {
	seen := map[string]bool{}
	for _, d := range definitions {
		if i >= len(d.Head.Args) || !ast.IsConstant(d.Head.Args[i].Value) {
			return false
		}
		key := d.Head.Args[i].String()
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// iterates reports whether a rule iterates over a collection, outside
// comprehensions, and yields a value that is not constant.
func iterates(rule *ast.Rule) bool {
	if rule.Head.Value == nil || rule.Head.Value.IsGround() {
		return false
	}
	bound := boundVars(rule)
	found := false
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, *ast.Every:
			return true
		case ast.Ref:
			found = found || ranges(x, bound)
		}
		return found
	}).Walk(rule.Body)
	return found
}

// boundVars returns the variables of a rule that have a value of their own:
// arguments, assigned variables, and results of calls.
func boundVars(rule *ast.Rule) map[ast.Var]bool {
	bound := map[ast.Var]bool{}
	mark(bound, rule.Head.Args)
	bind := func(term *ast.Term) {
		if v, ok := term.Value.(ast.Var); ok {
			bound[v] = true
		}
	}
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		terms, ok := x.Terms.([]*ast.Term)
		if !ok {
			return false
		}
		if x.IsEquality() || x.IsAssignment() {
			bind(terms[1])
			bind(terms[2])
		} else {
			bind(terms[len(terms)-1])
		}
		return false
	})
	return bound
}

func ranges(ref ast.Ref, bound map[ast.Var]bool) bool {
	for _, part := range ref[1:] {
		if v, ok := part.Value.(ast.Var); ok && !bound[v] {
			return true
		}
	}
	return false
}

func (l *linter) otherwise(rule *ast.Rule) {
	if rule.Else != nil && l.Row[rule] {
		l.refuse(rule.Else.Loc(), "else", "else in rule %s depends on the row", rego.RulePath(rule))
	}
}

// refs refuses references below input.resource that no column answers.
func (l *linter) refs(rule *ast.Rule) {
	ast.WalkTerms(rule, func(term *ast.Term) bool {
		ref, ok := term.Value.(ast.Ref)
		if !ok || !ref.HasPrefix(ast.InputRootRef) || len(l.schema) == 0 {
			return false
		}
		l.ref(rule, term, ref)
		return false
	})
}

func (l *linter) ref(rule *ast.Rule, term *ast.Term, ref ast.Ref) {
	if len(ref) < 3 || !isText(ref[1], "resource") {
		return
	}
	name, ok := ref[2].Value.(ast.String)
	if !ok {
		l.refuse(rule.Loc(), "column", "input.resource[…] in rule %s: name the column", rego.RulePath(rule))
		return
	}
	if name == "id" || name == "type" || name == "properties" {
		return
	}
	kinds := l.schema.Kinds(string(name))
	switch {
	case len(kinds) == 0:
		l.refuse(place(term, rule), "column", "input.resource.%s: no resource type has this column", string(name))
	case slices.Contains(kinds, input.Opaque) && len(kinds) == 1:
		l.refuse(place(term, rule), "column", "input.resource.%s cannot be read by a filter", string(name))
	}
}

func place(term *ast.Term, rule *ast.Rule) *ast.Location {
	if term.Location != nil && term.Location.Row > 0 {
		return term.Location
	}
	return rule.Loc()
}

// expressions refuses with, every, comprehensions and calls that use the row.
func (l *linter) expressions(rule *ast.Rule) {
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		if len(x.With) > 0 && l.Row[rule] {
			l.refuse(x.Loc(), "with", "with in rule %s, which depends on the row", rego.RulePath(rule))
		}
		switch terms := x.Terms.(type) {
		case *ast.Every:
			if l.carries(rule, terms.Domain) || l.inside(rule, terms.Body) {
				l.refuse(x.Loc(), "every", "every over the row in rule %s", rego.RulePath(rule))
			}
		case []*ast.Term:
			l.call(rule, x.Loc(), terms)
		}
		return false
	})
	ast.WalkTerms(rule, func(term *ast.Term) bool {
		switch v := term.Value.(type) {
		case ast.Call:
			l.call(rule, place(term, rule), v)
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			if l.inside(rule, term) {
				l.refuse(place(term, rule), "comprehension", "comprehension over the row in rule %s", rego.RulePath(rule))
			}
		}
		return false
	})
}

// inside reports whether any term in x carries a value of the row.
func (l *linter) inside(rule *ast.Rule, x any) bool {
	found := false
	ast.WalkTerms(x, func(term *ast.Term) bool {
		found = found || l.carries(rule, term)
		return found
	})
	return found
}

// carried lists the built-ins that a filter can express on a column.
var carried = map[string]bool{
	"eq": true, "equal": true, "assign": true, "neq": true, "lt": true, "lte": true, "gt": true, "gte": true,
	"internal.member_2": true, "startswith": true, "endswith": true, "contains": true, "internal.print": true,
}

// aggregates lists the built-ins that work on a whole collection.
var aggregates = map[string]bool{
	"count": true, "sum": true, "product": true, "max": true, "min": true, "sort": true, "all": true, "any": true,
	"walk": true, "union": true, "intersection": true, "array.concat": true, "array.slice": true, "array.reverse": true,
	"and": true, "or": true, "minus": true, "internal.member_3": true,
}

func (l *linter) call(rule *ast.Rule, loc *ast.Location, terms []*ast.Term) {
	operator, ok := terms[0].Value.(ast.Ref)
	if !ok {
		return
	}
	name := operator.String()
	if builtin := ast.BuiltinMap[name]; builtin == nil || carried[name] {
		return
	}
	for _, operand := range terms[1:] {
		if !l.carries(rule, operand) {
			continue
		}
		if aggregates[name] || strings.HasPrefix(name, "object.") {
			l.refuse(loc, "aggregate", "%s over the row in rule %s", name, rego.RulePath(rule))
		} else {
			l.refuse(loc, "builtin", "%s on the row in rule %s: a filter cannot carry it", name, rego.RulePath(rule))
		}
		return
	}
}
