// Package policies decides: it loads a tree of Rego, evaluates it for a single
// check, and turns it into a typed predicate for a list. OPA is imported here
// and in the packages below, nowhere else.
//
// One rule, data.reseller.main.allow, answers both. For a list it is partially
// evaluated with the row unknown, and what is left of it becomes a
// predicate.Filter; the same filter, evaluated in memory, answers a check. A
// row passes the filter exactly when the full evaluation allows it. What a
// filter cannot carry is refused when the tree loads, or, where only a certain
// subject reveals it, lets no row pass.
//
// Errors deny. A condition on the request that errs denies whether or not
// others would do, in checks and lists alike. The one difference to a full
// evaluation is an erring condition in a rule that cannot hold anyway, because
// of what is known beforehand: the evaluation may come upon the error, while
// the filter holds no trace of that rule.
package policies
