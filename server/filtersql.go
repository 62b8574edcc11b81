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

// FiltersAsSQL renders each filter that a policy is tested with as SQL for both
// databases. A finding is a filter that cannot be rendered: a list with it would
// answer with an error.
func FiltersAsSQL(ctx context.Context, e *policies.Engine) []rego.Finding {
	var findings []rego.Finding
	through := map[string]bool{}
	for _, t := range schema.Types() {
		through[t.Name] = t.Through != ""
	}
	for in := range e.FiltersToTry() {
		if through[in.Resource.Type] {
			continue // covered by the types that decide about its rows
		}
		plan := e.Plan(ctx, in)
		if plan.Err != nil {
			continue // reported when the policy was loaded, or specific to this subject
		}
		q := session.ReadPlan{Type: in.Resource.Type, Plan: plan, Env: plan.Bind(ctx, in)}.Query()
		if len(q.Views) == 0 { // no row is shown, but the filter must still compile
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
