// Package policies makes the decisions. It loads a tree of Rego, evaluates it
// for a single check, and turns it into a typed predicate for a list. Only
// this package and the packages below it import OPA.
//
// One rule, data.reseller.main.allow, answers checks and lists. For a list,
// the rule is partially evaluated with the row unknown, and the residual
// becomes a predicate.Filter. The same filter, evaluated in memory, answers a
// check. A row passes the filter exactly when the full evaluation allows the
// row. Load refuses a tree with a rule that cannot become a filter. If only a
// certain subject reveals the problem, that subject's plan is an error and
// lets no row pass.
//
// Errors deny. If a condition on the request fails with an error, the decision
// denies even if other conditions would allow. This holds for checks and
// lists. There is one difference from a full evaluation. Values known
// beforehand may show that a rule cannot hold. If that rule contains a failing
// condition, the full evaluation may meet the error, but the filter no longer
// contains the rule.
package policies
