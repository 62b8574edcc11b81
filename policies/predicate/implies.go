package predicate

import "slices"

// Implies reports whether b holds wherever a holds. It is sound but not
// complete: false means that this is unknown.
func Implies(a, b Expr) bool {
	if _, ok := b.(True); ok || Text(a) == Text(b) {
		return true
	}
	if _, ok := a.(False); ok {
		return true
	}
	if or, ok := a.(Or); ok {
		return !slices.ContainsFunc(or, func(x Expr) bool { return !Implies(x, b) })
	}
	if and, ok := b.(And); ok {
		return !slices.ContainsFunc(and, func(x Expr) bool { return !Implies(a, x) })
	}
	if or, ok := b.(Or); ok && slices.ContainsFunc(or, func(x Expr) bool { return Implies(a, x) }) {
		return true
	}
	if and, ok := a.(And); ok {
		return slices.ContainsFunc(and, func(x Expr) bool { return Implies(x, b) })
	}
	return false
}

// Covers reports whether the filter lets all rows pass for which e holds.
// Like Implies, it is sound but not complete.
func (f Filter) Covers(e Expr) bool {
	return f.Kind == All || f.Kind == Where && f.Where != nil && Implies(e, f.Where)
}
