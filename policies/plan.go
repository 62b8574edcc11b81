package policies

import (
	"context"

	"resellerd/policies/predicate"
)

// Plan is what a policy says about all rows of one type for one subject and
// action. It is immutable and shared; do not change it.
//
// Outcome is OutcomeDeny when no row can pass, OutcomeAllow when rows may, and
// OutcomeError, with Err, when there is no filter or no way to show rows; then
// Filter lets none pass. Every condition in it reads at least one column of
// the row: what depends on the request alone is decided by Engine.Plan.
type Plan struct {
	Filter  predicate.Filter
	Views   []ViewCase
	Columns []ColumnGroup
	Outcome Outcome
	Err     error
	Warm    bool // a cached plan answered
}

// ViewCase names the view of the rows that When holds for. A row for which two
// different views hold must not be shown at all.
type ViewCase struct {
	Name string
	When predicate.Filter
}

// ColumnGroup lists the columns, sorted, that are shown on the rows that When
// holds for. A column stands in one group only.
type ColumnGroup struct {
	Columns []string
	When    predicate.Filter
}

func failedPlan(err error) *Plan { return &Plan{Outcome: OutcomeError, Err: err} }

// Plan returns the filter, views and columns for a list. Of in it uses the
// subject, the action, the resource type and the context. A condition that
// touches no row is decided here; when that fails, the plan is an error.
// Cancelling ctx, or the engine's timeout, ends it with an error as well.
func (e *Engine) Plan(ctx context.Context, in *Input) *Plan {
	request := *in
	request.Resource = Resource{Type: in.Resource.Type}
	if in.Resource.Type == areaType {
		request.Resource.ID = in.Resource.ID
	}
	if in.Action.Change != nil {
		return failedPlan(errChange)
	}
	t, warm, err := e.plans.template(ctx, &request, nil)
	if err == nil && !t.fits(&request) {
		t, warm, err = e.plans.template(ctx, &request, t.needed())
	}
	if err != nil {
		return failedPlan(err)
	}
	return t.plan(ctx, &request, warm)
}

// Bind returns the values of one request for the plan's conditions, to be
// rendered into a query. It is for one goroutine at a time, and holds in until
// it is dropped.
func (p *Plan) Bind(ctx context.Context, in *Input) predicate.Env {
	return &binding{ctx: ctx, in: in}
}
