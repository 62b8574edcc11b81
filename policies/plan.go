package policies

import (
	"context"
	"errors"
	"fmt"

	"resellerd/policies/filter"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// Plan is the policy's answer about all rows of one type, for one subject and
// action. It is immutable and shared; do not change it.
//
// Outcome is OutcomeDeny if no row can pass and OutcomeAllow if rows may pass.
// It is OutcomeError, with Err, if there is no filter or no way to show rows;
// Filter then lets no row pass. Every condition in Filter reads at least one
// column of the row, because Engine.Plan decides conditions that read only the
// request.
type Plan struct {
	Filter  predicate.Filter
	Views   []ViewCase
	Columns []ColumnGroup
	Outcome Outcome
	Err     error
	Warm    bool // true if a cached plan answered

	text  *PlanText
	needs []filter.Need
}

// ErrNoFilter says that the policy cannot be expressed as a filter, whatever the
// request holds. Only single checks can be asked.
var ErrNoFilter = errors.New("the policy cannot be expressed as a filter")

// ViewCase names the view of the rows for which When holds. A row for which
// two different views hold must not be shown at all.
type ViewCase struct {
	Name string
	When predicate.Filter
}

// ColumnGroup lists the columns, sorted, that are shown on the rows for which
// When holds. Each column is in one group only.
type ColumnGroup struct {
	Columns []string
	When    predicate.Filter
}

func failedPlan(err error) *Plan { return &Plan{Outcome: OutcomeError, Err: err} }

// Plan returns the filter, views and columns for a list. From in it uses the
// subject, the action, the resource's type and properties, and the context. Plan decides
// conditions that do not read the row; if one fails, the plan is an error. The
// plan is also an error if ctx is cancelled or the engine's timeout passes.
//
// A tree that says that it shows no rows has plans that let no row pass.
//
// The row of a type outside the Schema consists of resource.id and
// resource.properties. The filter refers to them by these paths; see RowKinds.
func (e *Engine) Plan(ctx context.Context, in *input.Input) *Plan {
	if in.Misnamed() || e.rowless {
		return &Plan{Outcome: OutcomeDeny}
	}
	t, request, warm, err := e.planTemplate(ctx, in)
	if err != nil {
		return failedPlan(err)
	}
	return t.plan(&binding{ctx: ctx, in: request, template: t}, warm)
}

// planTemplate returns the template for a list. It also returns the input
// without the parts that a list does not use.
func (e *Engine) planTemplate(ctx context.Context, in *input.Input) (t *template, request *input.Input, warm bool, err error) {
	list := *in
	list.Resource = input.Resource{Type: in.Resource.Type, Properties: in.Resource.Properties}
	if in.Resource.Type == input.AreaType {
		list.Resource.ID = in.Resource.ID
	}
	if in.Action.Change != nil {
		return nil, &list, false, errChange
	}
	t, warm, err = e.plans.template(ctx, &list, nil)
	if err == nil && !t.fits(&list) {
		usual := t
		if t, warm, err = e.plans.template(ctx, &list, t.needed()); err == nil && len(t.lost) > len(usual.lost) {
			err = fmt.Errorf("policy filter: %w", t.lost[0]) // a value of this request has no filter
		}
	}
	return t, &list, warm, err
}

// Bind returns the values of one request for the plan's conditions, so that
// they can be rendered into a query. The result is not safe for concurrent
// use. It refers to in, so in must not change while the result is in use.
func (p *Plan) Bind(ctx context.Context, in *input.Input) predicate.Env {
	return &binding{ctx: ctx, in: in}
}

// RowKinds returns the types that values of the panel's own row must have for the
// plan to hold, by their paths. The type 0 suits no value. An absent value suits every
// type.
func (p *Plan) RowKinds() map[string]input.ColumnKind {
	kinds := map[string]input.ColumnKind{}
	for _, n := range p.needs {
		if n.Ref[0] != "resource" {
			continue
		}
		at := n.Ref.String()
		if kind, ok := kinds[at]; ok && kind != n.Kind {
			kinds[at] = 0
		} else {
			kinds[at] = n.Kind
		}
	}
	return kinds
}

// PlanText is a plan as text, for logs and comparisons: equal texts mean equal
// plans. It contains no value of a request.
type PlanText struct {
	Filter  string        `json:"filter"`
	Views   []ViewText    `json:"views,omitempty"`
	Columns []ColumnsText `json:"shown,omitempty"`
}

// ViewText is a ViewCase as text.
type ViewText struct {
	Name string `json:"name"`
	When string `json:"when"`
}

// ColumnsText is a ColumnGroup as text.
type ColumnsText struct {
	Columns []string `json:"columns"`
	When    string   `json:"when"`
}

// Text returns the plan as text. The result is shared: do not change it.
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
