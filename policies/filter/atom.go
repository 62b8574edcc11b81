package filter

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// atom translates one expression.
func (s *scope) atom(x *ast.Expr) (predicate.Expr, error) {
	if len(x.With) > 0 {
		return nil, s.refuse(x.Location, x, "with cannot be carried into a filter")
	}
	if x.Negated {
		s.negated++
		defer func() { s.negated-- }()
	}
	var e predicate.Expr
	var of *side
	var err error
	switch terms := x.Terms.(type) {
	case *ast.Term:
		e, of, err = s.truth(terms, x.Location)
	case []*ast.Term:
		e, of, err = s.call(x, terms)
	case *ast.Every:
		err = s.refuse(x.Location, x, "every over the row")
	default:
		err = s.refuse(x.Location, x, "%s cannot be carried into a filter", x)
	}
	if err != nil {
		return nil, err
	}
	if of != nil && of.named == "" {
		e = predicate.Exists{Set: of.at.Ref, Where: e}
	}
	if x.Negated {
		e = predicate.Not{X: e}
	}
	if of != nil && of.named != "" {
		s.having[of.named] = append(s.having[of.named], e)
		return predicate.True{}, nil
	}
	return e, nil
}

// truth translates an expression that is a single term. It holds if the term
// is present and not false. If the term is an element of a set, truth also returns
// that element.
func (s *scope) truth(term *ast.Term, loc *ast.Location) (predicate.Expr, *side, error) {
	if ref, ok := term.Value.(ast.Ref); ok && ref.HasPrefix(ast.DefaultRootRef) {
		e, err := s.supportTruth(ref)
		return e, nil, err
	}
	value, err := s.term(term, loc)
	if err != nil {
		return nil, nil, err
	}
	if value.form == element {
		return predicate.True{}, &value, nil
	}
	return truthOf(value), nil, nil
}

func truthOf(value side) predicate.Expr {
	switch {
	case value.form == scalar && value.at.Ref != nil:
		return predicate.Defined{Ref: value.at.Ref}
	case value.form == scalar && value.at.Const == false:
		return predicate.False{}
	default:
		return present(value)
	}
}

var orderings = map[string]predicate.Op{
	"lt": predicate.Lt, "lte": predicate.Le, "gt": predicate.Gt, "gte": predicate.Ge,
}

var matchings = map[string]predicate.MatchOp{
	"startswith": predicate.StartsWith, "endswith": predicate.EndsWith, "contains": predicate.Contains,
}

// call translates a call of a built-in. If the call is about an element of a set, call
// also returns that element, and the condition is about predicate.Element.
func (s *scope) call(x *ast.Expr, terms []*ast.Term) (predicate.Expr, *side, error) {
	name := terms[0].String()
	operands, err := s.inputs(x, name, terms[1:])
	if err != nil {
		return nil, nil, err
	}
	if term, ok := rego.IsPresence(operands); ok && name == "neq" {
		return s.presence(term, x.Location)
	}
	if ref, c, ok := supportSide(operands); ok && (name == "eq" || name == "equal" || name == "neq") {
		e, err := s.supportCompare(ref, c, name == "neq")
		return e, nil, err
	}
	sides := make([]side, len(operands))
	for i, operand := range operands {
		if sides[i], err = s.term(operand, x.Location); err != nil {
			return nil, nil, err
		}
	}
	of, err := s.elementAmong(sides, x.Location)
	if err != nil {
		return nil, nil, err
	}
	e, err := s.apply(x, name, sides)
	return e, of, err
}

// elementAmong replaces the element among the operands with predicate.Element and
// returns it, or nil if there is none.
func (s *scope) elementAmong(sides []side, loc *ast.Location) (*side, error) {
	var of *side
	for i := range sides {
		if sides[i].form != element {
			continue
		}
		if of != nil {
			return nil, s.refuse(loc, nil, "a filter cannot compare two elements of sets")
		}
		found := sides[i]
		of = &found
		sides[i] = side{form: scalar, at: predicate.Operand{Ref: predicate.Element}, kind: input.Text}
	}
	return of, nil
}

// inputs returns the operands of a call that must be true. It drops an
// explicit result operand of true and refuses any other result.
func (s *scope) inputs(x *ast.Expr, name string, operands []*ast.Term) ([]*ast.Term, error) {
	builtin := ast.BuiltinMap[name]
	if builtin == nil || !carried[name] {
		return nil, s.refuse(x.Location, x, "%s on the row: a filter cannot carry it", name)
	}
	n := builtin.Decl.Arity()
	if len(operands) == n {
		return operands, nil
	}
	if len(operands) == n+1 && ast.Boolean(true).Equal(operands[n].Value) {
		return operands[:n], nil
	}
	return nil, s.refuse(x.Location, x, "the result of %s as a value cannot be carried into a filter", name)
}

func (s *scope) apply(x *ast.Expr, name string, sides []side) (predicate.Expr, error) {
	if op, ok := orderings[name]; ok {
		return s.orders(op, sides[0], sides[1], x)
	}
	if op, ok := matchings[name]; ok {
		return s.matches(op, sides[0], sides[1], x)
	}
	switch name {
	case "eq", "equal":
		return s.equals(sides[0], sides[1], x.Location)
	case "neq":
		return s.differs(sides[0], sides[1], x)
	case "internal.member_2":
		return s.isMember(sides[0], sides[1], x)
	default:
		return nil, s.refuse(x.Location, x, "%s on the row: a filter cannot carry it", name)
	}
}

// equals translates a = b.
func (s *scope) equals(a, b side, loc *ast.Location) (predicate.Expr, error) {
	if a.form == absent || b.form == absent {
		return predicate.False{}, nil
	}
	if a.form == element || a.form == list || b.form == records {
		a, b = b, a
	}
	switch {
	case a.form == records && b.form == list && b.array && len(b.items) == 0:
		return predicate.Not{X: predicate.Defined{Ref: a.at.Ref}}, nil
	case b.form == element:
		return s.inSet(a, b, loc)
	case a.form == set && b.form == list && len(b.items) == 0 && b.array && !a.at.Ref.IsBelow():
		return predicate.Not{X: predicate.Exists{Set: a.at.Ref, Where: predicate.True{}}}, nil
	case a.form == set && b.form == list && !b.array && !a.at.Ref.IsBelow():
		return predicate.False{}, nil // a set of the row is an array in the input
	case a.form == set || b.form == set:
		return nil, s.refuse(loc, nil, "a set as a whole can only be compared with [] in a filter")
	case a.form != scalar || b.form != scalar:
		return s.equalsOdd(a, b, loc)
	case a.kind != 0 && b.kind != 0 && a.kind != b.kind:
		return predicate.False{}, nil
	}
	s.need(a, b)
	return predicate.Compare{Op: predicate.Eq, Left: a.at, Right: b.at}, nil
}

// equalsOdd translates an equality with an operand that is not a single value.
// A value of a known type never equals such an operand.
func (s *scope) equalsOdd(a, b side, loc *ast.Location) (predicate.Expr, error) {
	if a.form != scalar {
		a, b = b, a
	}
	if a.form != scalar || a.kind == 0 {
		return nil, s.refuseSides(loc, "a list or object cannot be compared in a filter", a, b)
	}
	return predicate.False{}, nil
}

// differs translates a != b: both are present and not equal.
func (s *scope) differs(a, b side, x *ast.Expr) (predicate.Expr, error) {
	if a.form == scalar && b.form == scalar && (a.kind == 0 || b.kind == 0 || a.kind == b.kind) {
		s.need(a, b)
		return predicate.Compare{Op: predicate.Ne, Left: a.at, Right: b.at}, nil
	}
	equal, err := s.equals(a, b, x.Location)
	if err != nil {
		return nil, err
	}
	return predicate.And{present(a), present(b), predicate.Not{X: equal}}, nil
}

// orders translates <, <=, > and >=. Rego also orders values of different
// types; a filter does not.
func (s *scope) orders(op predicate.Op, a, b side, x *ast.Expr) (predicate.Expr, error) {
	if a.form == absent || b.form == absent {
		return predicate.False{}, nil
	}
	if a.form != scalar || b.form != scalar {
		return nil, s.refuseSides(x.Location, x.Operator().String()+" orders something other than texts or integers", a, b)
	}
	kind := a.kind
	if kind == 0 {
		kind = b.kind
	}
	if !s.typed(a, b) || kind != input.Text && kind != input.Integer || b.kind != 0 && b.kind != kind {
		return nil, s.refuseSides(x.Location, x.Operator().String()+" orders something other than texts or integers", a, b)
	}
	s.need(a, b)
	return predicate.Compare{Op: op, Left: a.at, Right: b.at}, nil
}

// matches translates startswith, endswith and contains. They fail with an
// error on anything but texts.
func (s *scope) matches(op predicate.MatchOp, text, part side, x *ast.Expr) (predicate.Expr, error) {
	if text.form == absent || part.form == absent {
		return predicate.False{}, nil
	}
	bad := text.form != scalar || part.form != scalar || !s.typed(text, part) ||
		text.kind != 0 && text.kind != input.Text || part.kind != 0 && part.kind != input.Text
	if bad {
		return nil, s.refuseSides(x.Location, x.Operator().String()+" matches something other than texts", text, part)
	}
	s.need(text, part)
	return predicate.Match{Op: op, Text: text.at, Part: part.at}, nil
}

// typed reports whether the types of both sides are known or can be required.
func (s *scope) typed(a, b side) bool {
	return a.kind != 0 && b.kind != 0 || s.onRow(a) || s.onRow(b)
}

// need requires that a value of unknown type has the type of the column that
// it is compared with.
func (s *scope) need(a, b side) {
	if a.kind == 0 && s.onRow(b) {
		s.Needs.add(a.at.Ref, b.kind)
	}
	if b.kind == 0 && s.onRow(a) {
		s.Needs.add(b.at.Ref, a.kind)
	}
}

// refuseSides refuses a condition. The refusal lists the request's values in
// it, because pinning them may make the condition translate.
func (s *scope) refuseSides(loc *ast.Location, message string, sides ...side) error {
	r := &Refusal{Message: message, Loc: loc}
	for _, x := range sides {
		if root, ok := s.lateRoot(x.at.Ref); ok && !root.IsBelow() && !input.Pinned(root, r.Late) {
			r.Late = append(r.Late, root)
		}
	}
	return r
}
