package query

import (
	"slices"

	"resellerd/policies/predicate"
	"resellerd/store/schema"
)

// This file makes the few deductions about predicates that simplify statements.
// Each is sound, but none is complete. A missed deduction costs time, but never
// changes the rows.

// disjoint reports whether a and b can be shown never to hold for the same row.
func disjoint(a, b predicate.Expr) bool {
	for _, x := range disjuncts(a) {
		for _, y := range disjuncts(b) {
			if !contradict(conjuncts(x), conjuncts(y)) {
				return false
			}
		}
	}
	return true
}

func contradict(a, b []predicate.Expr) bool {
	for _, x := range a {
		for _, y := range b {
			if negates(x, y) || negates(y, x) || apart(x, y) {
				return true
			}
		}
	}
	return false
}

func negates(x, y predicate.Expr) bool {
	not, ok := x.(predicate.Not)
	return ok && predicate.Implies(y, not.X)
}

// apart reports whether x and y each restrict the same column to constants, without
// one in common.
func apart(x, y predicate.Expr) bool {
	column, values := pinned(x)
	other, allowed := pinned(y)
	return column != "" && column == other && !slices.ContainsFunc(values, func(v any) bool {
		return slices.ContainsFunc(allowed, func(w any) bool { return predicate.Equal(v, w) })
	})
}

// pinned returns the column that e restricts to constants, and the constants.
func pinned(e predicate.Expr) (string, []any) {
	switch e := e.(type) {
	case predicate.Compare:
		column, ok := e.Left.Ref.Column()
		if ok && e.Op == predicate.Eq && e.Right.Ref == nil {
			return column, []any{e.Right.Const}
		}
	case predicate.Member:
		column, ok := e.Item.Ref.Column()
		if ok && e.Set.Ref == nil {
			return column, e.Set.List
		}
	}
	return "", nil
}

// disjuncts splits e into alternatives. It splits an AND that contains an OR at the
// first OR.
func disjuncts(e predicate.Expr) []predicate.Expr {
	if or, ok := e.(predicate.Or); ok {
		return or
	}
	and, ok := e.(predicate.And)
	if !ok {
		return []predicate.Expr{e}
	}
	i := slices.IndexFunc(and, func(x predicate.Expr) bool { _, ok := x.(predicate.Or); return ok })
	if i < 0 {
		return []predicate.Expr{e}
	}
	var out []predicate.Expr
	for _, x := range and[i].(predicate.Or) {
		rest := append(slices.Clone(and[:i]), and[i+1:]...)
		out = append(out, predicate.Simplify(append(rest, x)))
	}
	return out
}

func conjuncts(e predicate.Expr) []predicate.Expr {
	if and, ok := e.(predicate.And); ok {
		return and
	}
	return []predicate.Expr{e}
}

// maxBranches bounds the branches of one statement.
const maxBranches = 8

// indexedParts splits a filter into alternatives that can each use an index. If it
// cannot, it returns the whole filter.
func indexedParts(t *schema.Type, e predicate.Expr) []predicate.Expr {
	parts := disjuncts(e)
	if len(parts) < 2 || len(parts) > maxBranches {
		return []predicate.Expr{e}
	}
	for _, p := range parts {
		if !slices.ContainsFunc(conjuncts(p), func(e predicate.Expr) bool { return indexable(t, e) }) {
			return []predicate.Expr{e}
		}
	}
	return parts
}

// indexable reports whether an index can find the rows for which e holds.
func indexable(t *schema.Type, e predicate.Expr) bool {
	switch e := e.(type) {
	case predicate.Compare:
		column, ok := e.Left.Ref.Column()
		if !ok {
			column, ok = e.Right.Ref.Column()
		}
		return ok && e.Op == predicate.Eq && slices.Contains(t.Indexed, column)
	case predicate.Member:
		if column, ok := e.Item.Ref.Column(); ok {
			return slices.Contains(t.Indexed, column)
		}
		_, ok := e.Set.Ref.Column()
		return ok
	}
	return false
}
