package filter

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// presence translates a presence condition that the compiler stage
// keepPresence has added.
func (s *scope) presence(term *ast.Term, loc *ast.Location) (predicate.Expr, *side, error) {
	ref, ok := term.Value.(ast.Ref)
	if ok && ref.HasPrefix(ast.InputRootRef) {
		at, plain := refPathOf(ref)
		if _, late := s.lateRoot(at); plain && (len(at) < 2 || !late && s.holdsLate(at)) {
			return s.wholePresence(at), nil, nil
		}
	}
	if ok && ref.HasPrefix(ast.DefaultRootRef) {
		e, err := s.supportWhere(ref, func(*ast.Term) bool { return true })
		return e, nil, err
	}
	value, err := s.term(term, loc)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case value.form == element:
		return predicate.True{}, &value, nil
	case value.form == scalar && value.at.Ref != nil:
		s.stated = append(s.stated, value)
		return predicate.True{}, nil, nil
	}
	return present(value), nil, nil
}

// state adds a presence condition for each value in stated, unless another
// condition already requires that value.
func (s *scope) state() {
	for _, value := range s.stated {
		if !needsPresent(s.all, value.at.Ref) {
			s.all = append(s.all, present(value))
		}
	}
}

// needsPresent reports whether a condition can hold only if the value at a
// path is present.
func needsPresent(e predicate.Expr, ref predicate.Ref) bool {
	is := func(o predicate.Operand) bool { return o.Ref != nil && slices.Equal(o.Ref, ref) }
	switch e := e.(type) {
	case predicate.And:
		return slices.ContainsFunc(e, func(x predicate.Expr) bool { return needsPresent(x, ref) })
	case predicate.Compare:
		return is(e.Left) || is(e.Right)
	case predicate.Member:
		return is(e.Item)
	case predicate.Match:
		return is(e.Text) || is(e.Part)
	case predicate.Defined:
		return slices.Equal(e.Ref, ref)
	default:
		return false
	}
}

// wholePresence translates the presence of an object that contains open
// values. The four top-level parts of the input are always present.
func (s *scope) wholePresence(at predicate.Ref) predicate.Expr {
	if _, ok := input.Walk(s.Known, at); len(at) < 2 || ok {
		return predicate.True{}
	}
	return predicate.False{}
}
