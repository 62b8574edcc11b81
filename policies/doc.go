// Package policies decides: it loads a tree of Rego, evaluates it for a single
// check, and turns it into a typed predicate for a list. It is the only
// importer of OPA.
//
// One rule, data.reseller.main.allow, answers both. For a list it is partially
// evaluated with the row unknown, and what is left of it becomes a
// predicate.Filter; the same filter, evaluated in memory, answers a check. A
// row passes the filter exactly when the full evaluation allows it. What a
// filter cannot carry is refused when the tree loads, or, where only a certain
// subject reveals it, lets no row pass.
package policies
