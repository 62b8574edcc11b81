package filter

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// touch records, for each rule of a tree, whether it reads values that are
// unknown when a filter is compiled: columns of the row, or late values of the
// request.
type touch struct {
	rules  *rego.Rules
	schema input.Schema
	Row    map[*ast.Rule]bool // reads the row, directly, through another rule or through an argument
	Late   map[*ast.Rule]bool // reads a late value other than the row
	fed    map[*ast.Rule]bool // functions that receive a value of the row
	vars   map[*ast.Rule]map[ast.Var]bool
}

// newTouch analyses rules, which must be closed under reachability. If in
// doubt, it assumes that a rule reads the row.
func newTouch(rules *rego.Rules, schema input.Schema, all []*ast.Rule) *touch {
	t := &touch{
		rules: rules, schema: schema,
		Row: map[*ast.Rule]bool{}, Late: map[*ast.Rule]bool{}, fed: map[*ast.Rule]bool{},
		vars: map[*ast.Rule]map[ast.Var]bool{},
	}
	for changed := true; changed; {
		changed = false
		for _, rule := range all {
			changed = t.update(rule) || changed
		}
	}
	return t
}

// update applies the current results to one rule. It reports whether they
// changed.
func (t *touch) update(rule *ast.Rule) bool {
	before := len(t.Row) + len(t.Late) + len(t.fed) + len(t.vars[rule])
	t.flow(rule)
	row, late := t.fed[rule], false
	ast.WalkRefs(rule, func(ref ast.Ref) bool {
		row = row || t.rowRef(ref)
		late = late || lateRef(ref)
		return false
	})
	for _, callee := range t.rules.Callees(rule) {
		row = row || t.Row[callee]
		late = late || t.Late[callee]
	}
	if row {
		t.Row[rule] = true
	}
	if late {
		t.Late[rule] = true
	}
	return len(t.Row)+len(t.Late)+len(t.fed)+len(t.vars[rule]) != before
}

// flow marks the variables of a rule that carry a value of the row, and the
// functions that receive one.
func (t *touch) flow(rule *ast.Rule) {
	vars := t.vars[rule]
	if vars == nil {
		vars = map[ast.Var]bool{}
		t.vars[rule] = vars
	}
	if t.fed[rule] {
		mark(vars, rule.Head.Args)
	}
	ast.WalkExprs(rule, func(x *ast.Expr) bool {
		switch terms := x.Terms.(type) {
		case *ast.Every:
			if t.carries(rule, terms.Domain) {
				mark(vars, terms.Key)
				mark(vars, terms.Value)
			}
		case []*ast.Term:
			t.flowCall(rule, terms)
		}
		return false
	})
	ast.WalkTerms(rule, func(term *ast.Term) bool {
		if call, ok := term.Value.(ast.Call); ok {
			t.flowCall(rule, call)
		}
		return false
	})
}

func (t *touch) flowCall(rule *ast.Rule, terms []*ast.Term) {
	operator, ok := terms[0].Value.(ast.Ref)
	if !ok {
		return
	}
	var carried bool
	for _, operand := range terms[1:] {
		carried = carried || t.carries(rule, operand)
	}
	if !carried {
		return
	}
	name := operator.String()
	builtin := ast.BuiltinMap[name]
	switch {
	case name == ast.Equality.Name || name == ast.Assign.Name:
		mark(t.vars[rule], terms[1])
		mark(t.vars[rule], terms[2])
	case builtin == nil:
		for _, callee := range t.rules.Lookup(operator) {
			t.fed[callee] = true
			mark(t.vars[rule], terms[len(terms)-1])
		}
	case len(terms)-1 > builtin.Decl.Arity():
		mark(t.vars[rule], terms[len(terms)-1])
	}
}

func mark(vars map[ast.Var]bool, x any) {
	if term, ok := x.(*ast.Term); ok && term == nil {
		return
	}
	ast.WalkVars(x, func(v ast.Var) bool {
		if v != ast.InputRootDocument.Value && v != ast.DefaultRootDocument.Value {
			vars[v] = true
		}
		return false
	})
}

// carries reports whether a term of a rule carries a value of the row.
func (t *touch) carries(rule *ast.Rule, term *ast.Term) bool {
	found := false
	ast.WalkTerms(term, func(x *ast.Term) bool {
		switch v := x.Value.(type) {
		case ast.Var:
			found = found || t.vars[rule][v]
		case ast.Ref:
			found = found || t.rowRef(v) || t.rowValue(v)
		}
		return found
	})
	return found
}

// rowValue reports whether a reference reads a rule whose value depends on the
// row. A rule that can only be true or false by default carries no value of
// the row.
func (t *touch) rowValue(ref ast.Ref) bool {
	for _, callee := range t.rules.Lookup(ref) {
		if t.Row[callee] && !rego.IsTrue(callee) && !rego.IsFalseDefault(callee) {
			return true
		}
	}
	return false
}

// rowRef reports whether a reference may read a column.
func (t *touch) rowRef(ref ast.Ref) bool {
	if len(t.schema) == 0 || !ref.HasPrefix(ast.InputRootRef) {
		return false
	}
	if len(ref) < 2 || !isText(ref[1], "resource") {
		return len(ref) < 2 || !ref[1].IsGround()
	}
	if len(ref) == 2 {
		return true
	}
	name, ok := ref[2].Value.(ast.String)
	return !ok || string(name) != "type" && string(name) != "properties" && string(name) != "id"
}

// lateRef reports whether a reference may read a late value.
func lateRef(ref ast.Ref) bool {
	if !ref.HasPrefix(ast.InputRootRef) {
		return false
	}
	for _, known := range KnownRefs {
		if ref.HasPrefix(known) {
			return false
		}
	}
	return true
}

// KnownRefs are the parts of the input that every filter is compiled with.
var KnownRefs = []ast.Ref{
	ast.MustParseRef("input.subject.type"), ast.MustParseRef("input.subject.access"),
	ast.MustParseRef("input.subject.account.kind"),
	ast.MustParseRef("input.subject.account.status"), ast.MustParseRef("input.subject.account.depth"),
	ast.MustParseRef("input.subject.user.status"), ast.MustParseRef("input.action.name"),
	ast.MustParseRef("input.action.change"), ast.MustParseRef("input.resource.type"),
}

func isText(term *ast.Term, text string) bool {
	s, ok := term.Value.(ast.String)
	return ok && string(s) == text
}
