package session

import (
	"slices"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// likeViewer cuts a read plan of the previewed user to the columns that the viewer sees
// on the same row. It changes neither rows nor views. It returns the plan unchanged if
// there is no viewer, and never changes p itself. The values of a request for the result
// are those of bind.
func (r *Session) likeViewer(in *input.Input, p *policies.Plan) (*policies.Plan, error) {
	if r.Viewer == nil || p.Outcome != policies.OutcomeAllow || in.Action.Name != "read" {
		return p, nil
	}
	v := r.asViewer()
	seen := v.Engine.Plan(r.Ctx, r.askedByViewer(in))
	if seen.Outcome == policies.OutcomeError {
		return nil, &DeniedError{Decision: policies.Decision{Outcome: seen.Outcome, Err: seen.Err}}
	}
	when := map[string]predicate.Expr{}
	for _, group := range v.HideCosts(in.Resource.Type, seen).Columns {
		shown := ofViewer(group.When)
		for _, column := range group.Columns {
			if before := when[column]; before != nil {
				when[column] = predicate.Or{before, shown}
			} else {
				when[column] = shown
			}
		}
	}
	cut := *p
	cut.Columns = nil
	for _, group := range p.Columns {
		for _, column := range group.Columns {
			if also := when[column]; also != nil {
				cut.Columns = showAlso(cut.Columns, column, andAlso(group.When, also))
			}
		}
	}
	return &cut, nil
}

// showAlso adds a column to the group with this condition.
func showAlso(groups []policies.ColumnGroup, column string, when predicate.Filter) []policies.ColumnGroup {
	text := when.String()
	for i := range groups {
		if groups[i].When.String() == text {
			groups[i].Columns = append(groups[i].Columns, column)
			slices.Sort(groups[i].Columns)
			return groups
		}
	}
	if when.Kind == predicate.None {
		return groups
	}
	return append(groups, policies.ColumnGroup{Columns: []string{column}, When: when})
}

// ofViewer returns a condition of the viewer's plan, with the viewer's values under
// paths of their own.
func ofViewer(f predicate.Filter) predicate.Expr {
	switch {
	case f.Kind == predicate.All:
		return predicate.True{}
	case f.Kind != predicate.Where || f.Where == nil:
		return predicate.False{}
	}
	return predicate.Rename(f.Where, func(ref predicate.Ref) predicate.Ref {
		if ref[0] != "subject" {
			return ref
		}
		return append(predicate.Ref{predicate.Viewer}, ref[1:]...)
	})
}

// bind returns the values of one request for a plan that likeViewer may have cut.
func (r *Session) bind(p *policies.Plan, in *input.Input) predicate.Env {
	env := p.Bind(r.Ctx, in)
	if r.Viewer == nil {
		return env
	}
	return previewEnv{Env: env, viewer: p.Bind(r.Ctx, r.askedByViewer(in))}
}

// previewEnv supplies the values of the previewed user and of the viewer.
type previewEnv struct {
	predicate.Env
	viewer predicate.Env
}

// Lookup implements predicate.Env.
func (e previewEnv) Lookup(ref predicate.Ref) (any, bool) {
	switch {
	case ref.IsViewerBelow():
		return e.viewer.Below, true
	case len(ref) > 0 && ref[0] == predicate.Viewer:
		return e.viewer.Lookup(append(predicate.Ref{"subject"}, ref[1:]...))
	}
	return e.Env.Lookup(ref)
}

// askedByViewer returns the same question, asked by the viewer.
func (r *Session) askedByViewer(in *input.Input) *input.Input {
	asked := *in
	asked.Subject = input.Subject{Type: SubjectUser, ID: r.Viewer.Subject.User.ID, Facts: r.Viewer.Facts}
	return &asked
}

// asViewer returns a session of the viewer, for questions that are not recorded.
func (r *Session) asViewer() *Session {
	if r.viewing == nil || r.viewing.Actor != r.Viewer {
		as := *r
		as.Viewer, as.Actor, as.Subject, as.Facts, as.costs = nil, r.Viewer, r.Viewer.Subject, r.Viewer.Facts, costsSeen{}
		r.viewing = &as
	}
	r.viewing.Ctx = r.Ctx
	return r.viewing
}

// ViewerReads reports whether the viewer of a preview also reads what an area shows of the
// previewed user's account to its own users alone: the viewer is one of them, and has the
// area. It is true if there is no viewer.
func (r *Session) ViewerReads(area string) bool {
	return r.Viewer == nil || r.Viewer.Subject.Account.ID == r.Subject.Account.ID &&
		r.Engine.Decide(r.Ctx, r.askedByViewer(r.Input("read", "area", area))).Allow
}

// seenByBoth returns the columns that the viewer of a preview also sees of a row, or all
// of them if there is no viewer.
func (r *Session) seenByBoth(columns []string, typ, id string, row map[string]any) []string {
	if r.Viewer == nil || len(columns) == 0 {
		return columns
	}
	seen := r.asViewer().ColumnsShown(typ, id, row)
	return slices.DeleteFunc(slices.Clone(columns), func(column string) bool { return !slices.Contains(seen, column) })
}
