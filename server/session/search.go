package session

import (
	"errors"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/resource"
	"resellerd/store/fault"
	"resellerd/store/query"
)

// Matching asks the policy for which stored rows it allows what in asks, and records the
// answer. It returns the query for the ids of these rows. They are those for which the
// decision about in with the row allows. Its errors are those of Plan.
func (r *Session) Matching(in *input.Input) (query.Query, error) {
	p, err := r.planned(in)
	if err != nil {
		return query.Query{}, err
	}
	q := idsOf(resource.Named(in.Resource.Type).Decided(), r.inTenant(p.Filter, in.Subject.Facts))
	q.Env, q.Leaf = p.Bind(r.Ctx, in), in.Subject.Facts != nil && in.Subject.Facts.Leaf
	return q, nil
}

// idsOf returns the query for the ids of rows.
func idsOf(typ string, f predicate.Filter) query.Query {
	return query.Query{Type: typ, Filter: f, Views: []query.View{{When: predicate.Filter{Kind: predicate.All}}}}
}

// inTenant reduces a filter to the rows of the caller's tenant. A filter that lets no
// other row pass stays as it is.
func (r *Session) inTenant(f predicate.Filter, of *input.Facts) predicate.Filter {
	if r.Caller.Tenant == "" || f.Kind == predicate.None {
		return f
	}
	if f.Kind == predicate.Where && of != nil && of.Account.TenantID == r.Caller.Tenant && predicate.Implies(f.Where, ownTenant) {
		return f
	}
	within := predicate.ColumnIs("tenant_id", predicate.Operand{Const: r.Caller.Tenant})
	if f.Kind == predicate.All {
		return predicate.Of(within)
	}
	return predicate.Of(predicate.And{f.Where, within})
}

// ownTenant holds for rows of the subject's tenant only.
var ownTenant = predicate.Or{
	predicate.ColumnIs("tenant_id", predicate.Operand{Ref: predicate.Ref{"subject", "account", "tenant_id"}}),
	predicate.Member{Item: predicate.Column("account_id"), Set: predicate.Operand{Ref: predicate.Below}},
}

// UserIDs returns the ids of at most n users that the caller may ask about, in ascending
// order after the given id.
func (r *Session) UserIDs(after string, n int) ([]string, error) {
	f := predicate.Filter{Kind: predicate.All}
	asked := &input.Input{}
	if account := r.Caller.Limits.Account; account != "" {
		asked.Subject.Facts = input.NewFacts(input.Facts{Account: input.AccountFacts{ID: account}})
		f = predicate.Of(predicate.Member{Item: predicate.Column("account_id"), Set: predicate.Operand{Ref: predicate.Below}})
	}
	q := idsOf(SubjectUser, r.inTenant(f, nil))
	q.Env, q.Limit = (&policies.Plan{}).Bind(r.Ctx, asked), n
	if after != "" {
		q.After = &query.Cursor{ID: after}
	}
	page, err := r.Store.List(r.Ctx, q)
	if err != nil {
		return nil, errors.Join(fault.ErrUnavailable, err)
	}
	return IDs(page), nil
}

// IDs returns the ids of a page of rows.
func IDs(page query.Page) []string {
	ids := make([]string, len(page.Rows))
	for i, row := range page.Rows {
		ids[i] = row.ID()
	}
	return ids
}
