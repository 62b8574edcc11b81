package replay

import (
	"context"
	"fmt"
	"slices"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// RowCounts say how many rows of a store a list shows by each policy.
type RowCounts struct {
	Was *int `json:"was,omitempty"` // nil if the former policy is not known, or cannot decide
	Now *int `json:"now,omitempty"` // nil if the candidate cannot decide
}

// maxCounted is the number of groups whose rows are counted.
const maxCounted = 200

// Count counts the rows that the lists of a replay show in a store, as it is now: for each
// group of lists, those of its first example. was may be nil. It returns the errors of the
// store.
func (r *Report) Count(ctx context.Context, st *store.Store, was, now *policies.Engine) error {
	counted := 0
	for _, g := range r.Groups {
		isList := g.Kind == Filter || g.Rule == everyRow
		if !isList || g.in.Subject.Facts == nil || counted == maxCounted {
			continue
		}
		listed := func(t schema.TypeInfo) bool { return t.Name == g.in.Resource.Type && !t.Parent && t.Through == "" }
		if !slices.ContainsFunc(schema.Types(), listed) {
			continue
		}
		counted++
		g.Rows = &RowCounts{}
		err := st.Snapshot(ctx, g.in.Subject.Facts.Account.TenantID, func(m *store.Moment) (err error) {
			if was != nil {
				g.Rows.Was, err = rowsOf(ctx, m, was, g.in)
			}
			if err == nil {
				g.Rows.Now, err = rowsOf(ctx, m, now, g.in)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("rows of decision %s: %w", g.Examples[0], err)
		}
	}
	return nil
}

// rowsOf counts the rows that a list shows by a policy. It returns nil if the policy cannot
// decide.
func rowsOf(ctx context.Context, m *store.Moment, e *policies.Engine, in *input.Input) (*int, error) {
	p := e.Plan(ctx, in)
	if p.Outcome == policies.OutcomeError {
		return nil, ctx.Err()
	}
	n, err := m.Count(ctx, query.Query{Type: in.Resource.Type, Filter: p.Filter, Env: p.Bind(ctx, in),
		Views: []query.View{{Name: "any", When: predicate.Filter{Kind: predicate.All}}}})
	return &n, err
}
