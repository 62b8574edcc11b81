package server

import (
	"context"
	"fmt"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
	"resellerd/server/session"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// FiltersAsSQL renders the filters that a policy is tried with for both
// databases, and finds what cannot be asked there: what a list would answer
// with an error.
func FiltersAsSQL(ctx context.Context, e *policies.Engine) []rego.Finding {
	var findings []rego.Finding
	through := map[string]bool{}
	for _, t := range schema.Types() {
		through[t.Name] = t.Through != ""
	}
	for in := range e.FiltersToTry() {
		if through[in.Resource.Type] {
			continue // asked as the rows that decide about them
		}
		plan := e.Plan(ctx, in)
		if plan.Err != nil {
			continue // said when the tree was loaded, or of this subject alone
		}
		q := session.ReadPlan{Type: in.Resource.Type, Plan: plan, Env: plan.Bind(ctx, in)}.Query()
		if len(q.Views) == 0 { // no row is shown, and the filter is asked all the same
			q.Views = []query.View{{Name: "any", When: predicate.Filter{Kind: predicate.All}}}
		}
		for _, dialect := range []string{"sqlite", "postgres"} {
			if _, _, err := query.SQL(dialect, q); err != nil {
				findings = append(findings, rego.Finding{Code: "sql", Message: fmt.Sprintf(
					"the filter to %s rows of type %s cannot be asked of %s: %v", in.Action.Name, in.Resource.Type, dialect, err)})
			}
		}
	}
	return findings
}
