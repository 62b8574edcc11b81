package session

import (
	"context"
	"fmt"
	"slices"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/identity"
	"resellerd/store/fault"
	"resellerd/store/query"
)

// Lister is the store, a transaction in it, or a moment of it: rows are read the
// same way from each.
type Lister interface {
	List(ctx context.Context, q query.Query) (query.Page, error)
}

// ReadPlan is what the policy says about all rows of a type for a user, ready to be
// asked with. The zero value shows no row.
type ReadPlan struct {
	Type string
	Plan *policies.Plan
	Env  predicate.Env
	Leaf bool // no account lies below the user's, as far as the store was asked
}

// ReadPlan asks the policy which rows of a type the acting user may read, and
// records the answer. Where no row of the type may be read, it returns a
// DeniedError with the reasons: they are no secret. Other errors as of Plan.
func (r *Session) ReadPlan(typ string) (ReadPlan, error) {
	plan, env, err := r.Plan("read", typ)
	if err == nil && plan.Outcome == policies.OutcomeDeny {
		err = r.whyNone(typ)
	}
	return ReadPlan{Type: typ, Plan: plan, Env: env, Leaf: r.Facts.Leaf}, err
}

// MayList is ReadPlan, nil where no row of the type may be read.
func (r *Session) MayList(typ string) (*ReadPlan, error) {
	plan, env, err := r.Plan("read", typ)
	if err != nil || plan.Outcome == policies.OutcomeDeny {
		return nil, err
	}
	return &ReadPlan{Type: typ, Plan: plan, Env: env, Leaf: r.Facts.Leaf}, nil
}

// whyNone explains why no row of a type may be read, by the decision on a row
// without columns.
func (r *Session) whyNone(typ string) error {
	in := r.Input("read", typ, "")
	in.Resource.Row = map[string]any{}
	d := r.Decide(in)
	d.Allow = false
	return DeniedOpenly(d)
}

// DeniedOpenly is the denial of something that the user named itself: that it is
// not visible is not among its reasons, so nothing hides behind "not found".
func DeniedOpenly(d policies.Decision) error {
	d.Reasons = slices.DeleteFunc(slices.Clone(d.Reasons), func(code string) bool { return code == policies.ReasonNotVisible })
	return &DeniedError{Decision: d}
}

// Query asks for what the plan lets the user see.
func (p ReadPlan) Query() query.Query {
	q := query.Query{Type: p.Type, Filter: p.Plan.Filter, Env: p.Env, Leaf: p.Leaf}
	for _, v := range p.Plan.Views {
		q.Views = append(q.Views, query.View{Name: v.Name, When: v.When})
	}
	for _, c := range p.Plan.Columns {
		q.Columns = append(q.Columns, query.Columns{Names: c.Columns, When: c.When})
	}
	return q
}

// Also is the plan as the filter of a type that a list joins.
func (p ReadPlan) Also() query.TypedFilter {
	return query.TypedFilter{Type: p.Type, Filter: p.Plan.Filter, Env: p.Env, Leaf: p.Leaf}
}

// Sees reports whether the plan shows a column of this name on some row.
func (p ReadPlan) Sees(column string) bool {
	return slices.ContainsFunc(p.Plan.Columns, func(g policies.ColumnGroup) bool {
		return g.When.Kind != predicate.None && slices.Contains(g.Columns, column)
	})
}

// One returns the row of this id as the user sees it. It returns fault.ErrNotFound
// for a row that is not there, and the same for one that is not visible.
func (r *Session) One(from Lister, p ReadPlan, id string) (query.Row, error) {
	q := p.Query()
	q.ID, q.Limit = id, 1
	return r.Single(from, q)
}

// Single returns the one row that q asks for by its id, and fault.ErrNotFound where
// there is none.
func (r *Session) Single(from Lister, q query.Query) (query.Row, error) {
	if q.ID == "" || len(q.ID) > identity.MaxName {
		return query.Row{}, fmt.Errorf("%s: %w", q.Type, fault.ErrNotFound)
	}
	page, err := from.List(r.Ctx, q)
	if err != nil {
		return query.Row{}, err
	}
	if len(page.Rows) != 1 {
		return query.Row{}, fmt.Errorf("%s %s: %w", q.Type, q.ID, fault.ErrNotFound)
	}
	return page.Rows[0], nil
}
