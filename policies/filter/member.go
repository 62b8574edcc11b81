package filter

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// isMember translates item in set.
func (s *scope) isMember(item, in side, x *ast.Expr) (predicate.Expr, error) {
	switch {
	case item.form == absent || in.form == absent:
		return predicate.False{}, nil
	case in.form == list:
		return s.inList(item, in, x.Location)
	case in.form == set:
		return s.inSet(item, in, x.Location)
	case in.form == scalar && in.kind != 0 || in.form == odd:
		return predicate.False{}, nil // not a collection, so it has no elements
	default:
		return nil, s.refuseSides(x.Location, "membership in a list of the request cannot be carried into a filter", in)
	}
}

// inSet translates the condition that a value is an element of a set column
// or of the subject's subtree.
func (s *scope) inSet(item, in side, loc *ast.Location) (predicate.Expr, error) {
	switch {
	case item.form == element || item.form == set:
		return nil, s.refuse(loc, nil, "a filter cannot compare two elements of sets")
	case item.form != scalar || item.kind != 0 && item.kind != input.Text:
		return predicate.False{}, nil
	case item.at.Ref.IsElement() && !in.at.Ref.IsBelow():
		return nil, s.refuse(loc, nil, "a filter cannot compare two elements of sets")
	case in.at.Ref.IsBelow() && !s.account(item):
		return nil, s.refuse(loc, nil, "input.subject.below can only be asked for columns and properties that name an account")
	}
	if item.kind == 0 && !in.at.Ref.IsBelow() {
		s.Needs.add(item.at.Ref, input.Text)
	}
	return predicate.Member{Item: item.at, Set: predicate.Operand{Ref: in.at.Ref}}, nil
}

// account reports whether item can only be a value that the input looks up in
// the subject's subtree: an account of the request, of the row or of the
// catalog. For other values, the filter and the full evaluation could
// disagree.
func (s *scope) account(item side) bool {
	if item.at.Ref == nil {
		id, ok := item.at.Const.(string)
		return ok && s.Tree.Catalogued(s.typ, id)
	}
	at := item.at.Ref
	if name, ok := at.Column(); ok {
		return input.AccountKey(s.typ, name)
	}
	if len(at) == 3 && at[0] == "subject" && at[1] == "account" {
		return true
	}
	return len(at) > 2 && at[1] == "properties"
}

// inList translates the condition that a value is in a list. A list that
// contains an absent value is itself absent.
func (s *scope) inList(item, in side, loc *ast.Location) (predicate.Expr, error) {
	if n := len(in.items); n > maxRowKeys {
		return nil, s.refuse(loc, nil, "membership in a list of %d entries: a filter can bind %d", n, maxRowKeys)
	}
	all := predicate.And{}
	any := predicate.Or{}
	for _, x := range in.items {
		all = append(all, present(x))
		e, err := s.equals(item, x, loc)
		if err != nil {
			return nil, err
		}
		any = append(any, e)
	}
	return append(all, any), nil
}
