package policies

import (
	"context"

	"resellerd/policies/input"
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

	text *PlanText
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
func (e *Engine) Plan(ctx context.Context, in *input.Input) *Plan {
	if in.Misnamed() {
		return &Plan{Outcome: OutcomeDeny}
	}
	t, request, warm, err := e.planTemplate(ctx, in)
	if err != nil {
		return failedPlan(err)
	}
	return t.plan(&binding{ctx: ctx, in: request, template: t}, warm)
}

// planTemplate returns the template for a list, and the input without what a
// list does not use.
func (e *Engine) planTemplate(ctx context.Context, in *input.Input) (t *template, request *input.Input, warm bool, err error) {
	list := *in
	list.Resource = input.Resource{Type: in.Resource.Type}
	if in.Resource.Type == input.AreaType {
		list.Resource.ID = in.Resource.ID
	}
	if in.Action.Change != nil {
		return nil, &list, false, errChange
	}
	t, warm, err = e.plans.template(ctx, &list, nil)
	if err == nil && !t.fits(&list) {
		t, warm, err = e.plans.template(ctx, &list, t.needed())
	}
	return t, &list, warm, err
}

// Bind returns the values of one request for the plan's conditions, to be
// rendered into a query. It is for one goroutine at a time, and holds in until
// it is dropped.
func (p *Plan) Bind(ctx context.Context, in *input.Input) predicate.Env {
	return &binding{ctx: ctx, in: in}
}

// PlanText is a plan in words, to be recorded and compared: equal texts mean
// equal plans. It holds no value of a request.
type PlanText struct {
	Filter  string        `json:"filter"`
	Views   []ViewText    `json:"views,omitempty"`
	Columns []ColumnsText `json:"shown,omitempty"`
}

// ViewText is a ViewCase in words.
type ViewText struct {
	Name string `json:"name"`
	When string `json:"when"`
}

// ColumnsText is a ColumnGroup in words.
type ColumnsText struct {
	Columns []string `json:"columns"`
	When    string   `json:"when"`
}

// Text returns the plan in words, as it was made. It is shared: read only.
func (p *Plan) Text() *PlanText {
	if p.text != nil {
		return p.text
	}
	text := &PlanText{Filter: p.Filter.String()}
	for _, v := range p.Views {
		text.Views = append(text.Views, ViewText{v.Name, v.When.String()})
	}
	for _, c := range p.Columns {
		text.Columns = append(text.Columns, ColumnsText{c.Columns, c.When.String()})
	}
	return text
}
