package policies

import (
	"context"
	"errors"

	"resellerd/policies/predicate"
)

// Plan is what a policy says about all rows of one type for one subject and
// action. It is immutable and shared; do not change it.
//
// Outcome is OutcomeDeny when no row can pass, OutcomeAllow when rows may, and
// OutcomeError, with Err, when there is no filter or no way to show rows; then
// Filter lets none pass.
type Plan struct {
	Filter  predicate.Filter
	Views   []ViewCase
	Columns []ColumnGroup
	Outcome Outcome
	Err     error
}

// ViewCase names the view of the rows that When holds for. A row for which two
// different views hold must not be shown at all.
type ViewCase struct {
	Name string
	When predicate.Filter
}

// ColumnGroup lists the columns, sorted, that are shown on the rows that When
// holds for.
type ColumnGroup struct {
	Columns []string
	When    predicate.Filter
}

// Plan returns the filter, views and columns for a list. Of in it uses the
// subject, the action, the resource type and the context. A condition that
// touches no row is decided here; when it cannot be, the plan is an error.
func (e *Engine) Plan(ctx context.Context, in *Input) *Plan {
	return &Plan{Outcome: OutcomeError, Err: errors.New("policies: no tree")}
}

// Bind returns the values of one request, and of its row when in has one, for
// the plan's predicates.
func (p *Plan) Bind(ctx context.Context, in *Input) predicate.Env { return nil }
