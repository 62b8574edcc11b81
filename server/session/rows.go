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

// Lister reads rows. The store, a transaction and a store.Moment are Listers.
type Lister interface {
	List(ctx context.Context, q query.Query) (query.Page, error)
}

// ReadPlan is the policy's answer about all rows of a type for one user, ready to
// query with.
type ReadPlan struct {
	Type string
	Plan *policies.Plan
	Env  predicate.Env
	Leaf bool // the store found no account below the user's
}

// ReadPlan asks the policy which rows of a type the acting user may read, and records
// the answer. If the user may read no row of the type, it returns a DeniedError with
// the reasons, which are not secret. Its other errors are those of Plan.
func (r *Session) ReadPlan(typ string) (ReadPlan, error) {
	plan, env, err := r.Plan("read", typ)
	if err == nil && plan.Outcome == policies.OutcomeDeny {
		err = r.whyNone(typ)
	}
	return ReadPlan{Type: typ, Plan: plan, Env: env, Leaf: r.Facts.Leaf}, err
}

// MayList is ReadPlan, but it returns nil and no error if the user may read no row of
// the type.
func (r *Session) MayList(typ string) (*ReadPlan, error) {
	plan, env, err := r.Plan("read", typ)
	if err != nil || plan.Outcome == policies.OutcomeDeny {
		return nil, err
	}
	return &ReadPlan{Type: typ, Plan: plan, Env: env, Leaf: r.Facts.Leaf}, nil
}

// whyNone returns why no row of a type may be read. It takes the reasons from the
// decision about a row without columns.
func (r *Session) whyNone(typ string) error {
	in := r.Input("read", typ, "")
	in.Resource.Row = map[string]any{}
	d := r.Decide(in)
	d.Allow = false
	return DeniedOpenly(d)
}

// DeniedOpenly returns the denial of something that the user named itself. It drops
// the reason "not visible", so the answer gives the real reasons instead of "not
// found".
func DeniedOpenly(d policies.Decision) error {
	d.Reasons = slices.DeleteFunc(slices.Clone(d.Reasons), func(code string) bool { return code == policies.ReasonNotVisible })
	return &DeniedError{Decision: d}
}

// Query returns a query for the rows, views and columns that the plan shows.
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

// Also returns the plan as the filter of a joined type.
func (p ReadPlan) Also() query.TypedFilter {
	return query.TypedFilter{Type: p.Type, Filter: p.Plan.Filter, Env: p.Env, Leaf: p.Leaf}
}

// Sees reports whether the plan shows a column of this name on any row.
func (p ReadPlan) Sees(column string) bool {
	return slices.ContainsFunc(p.Plan.Columns, func(g policies.ColumnGroup) bool {
		return g.When.Kind != predicate.None && slices.Contains(g.Columns, column)
	})
}

// Sight is what a user sees of a row.
type Sight struct {
	Shown   bool
	View    string
	Columns []string // sorted
}

// Sight returns what a list with the plan shows of a row. The row holds its policy columns.
// It records nothing.
func (r *Session) Sight(p *ReadPlan, id string, row map[string]any) Sight {
	in := r.Input("read", p.Type, id)
	in.Resource.Row = row
	env := r.bind(p.Plan, in)
	if !p.Plan.Filter.Eval(env) {
		return Sight{}
	}
	var s Sight
	views := 0
	for _, v := range p.Plan.Views {
		if v.When.Eval(env) {
			s.View = v.Name
			views++
		}
	}
	if s.Shown = views == 1; !s.Shown {
		return Sight{}
	}
	for _, group := range p.Plan.Columns {
		if group.When.Eval(env) {
			s.Columns = append(s.Columns, group.Columns...)
		}
	}
	slices.Sort(s.Columns)
	s.Columns = slices.Compact(s.Columns)
	return s
}

// One returns the row with this id as the user sees it. It returns fault.ErrNotFound
// if the row does not exist or is not visible.
func (r *Session) One(from Lister, p ReadPlan, id string) (query.Row, error) {
	q := p.Query()
	q.ID, q.Limit = id, 1
	return r.Single(from, q)
}

// Single returns the one row that q selects by its id. It returns fault.ErrNotFound
// if there is none.
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
