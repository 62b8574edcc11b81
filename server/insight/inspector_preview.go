package insight

import (
	"context"
	"fmt"
	"time"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

// PreviewQuestion asks what a user may do and sees. It can compare that with one of
// Against, Policies and Change; at most one of them is set.
type PreviewQuestion struct {
	User     string           // id or external id
	Against  string           // another user
	Policies *policies.Engine // another policy
	Change   *Change          // a proposed change, which is not kept
	At       time.Time        // zero means now
}

// Change is a proposed change of data. Apply makes it in a transaction that is rolled
// back.
type Change struct {
	Apply func(ctx context.Context, tx *store.Tx) error
}

// Preview returns what the user may do and sees of its tenant's rows. First it writes
// an audit entry for each user that it looks at, in a transaction of its own. It
// writes nothing else. It returns fault.ErrNotFound and fault.ErrAmbiguous for the
// users, the error of the change, and an error if the store does not answer.
func (d *Inspector) Preview(ctx context.Context, q PreviewQuestion) (*Preview, error) {
	r := d.reader(ctx, "")
	r.At = q.At
	users, err := r.lookedAt(q.User, q.Against)
	if err != nil {
		return nil, err
	}
	tenant := users[0].TenantID
	if err := r.auditInspection(tenant, users); err != nil {
		return nil, err
	}
	c := comparison{r: r, q: q, users: users}
	if q.Change != nil {
		err = d.shared.Store.Rehearse(ctx, tenant, func(tx *store.Tx) error { return q.Change.Apply(ctx, tx) }, c.withProposal, c.kept)
	} else {
		err = d.shared.Store.Snapshot(ctx, tenant, c.kept)
	}
	if err != nil {
		return nil, err
	}
	return c.result(), nil
}

// lookedAt finds users by id or external id, and skips empty references. The second
// user must be of the first one's tenant.
func (r *Reader) lookedAt(refs ...string) ([]store.User, error) {
	var users []store.User
	for _, ref := range refs {
		if ref == "" {
			continue
		}
		tenant := ""
		if len(users) > 0 {
			tenant = users[0].TenantID
		}
		sub, err := r.Store.Subject(r.Ctx, tenant, ref)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
		users = append(users, sub.User)
	}
	return users, nil
}

// auditInspection writes an audit entry for each user that was looked at. An entry
// without an actor stands for the command line.
func (r *Reader) auditInspection(tenant string, users []store.User) error {
	return r.Store.Write(r.Ctx, tenant, func(tx *store.Tx) error {
		for _, u := range users {
			entry := previewEntry(&store.User{}, &u)
			if _, err := tx.Audit(r.Ctx, entry); err != nil {
				return err
			}
		}
		return nil
	})
}

// comparison holds both sides of a preview.
type comparison struct {
	r      *Reader
	q      PreviewQuestion
	users  []store.User
	totals map[string]int
	looks  [2]*visibility // the user's view, and the view that it is compared with
}

// kept looks at the stored data.
func (c *comparison) kept(m *store.Moment) (err error) {
	if c.totals, err = c.r.allOf(m, c.users[0].TenantID); err != nil {
		return err
	}
	if c.looks[0], err = c.r.visibilityOf(m, c.users[0].ID); err != nil {
		return err
	}
	switch {
	case len(c.users) > 1:
		c.looks[1], err = c.r.visibilityOf(m, c.users[1].ID)
	case c.q.Policies != nil:
		under := *c.r.Session
		under.Engine = c.q.Policies
		other := Reader{&under}
		c.looks[1], err = other.visibilityOf(m, c.users[0].ID)
	}
	return err
}

// withProposal looks at the data after the proposed change. A user that the change
// deletes sees nothing.
func (c *comparison) withProposal(m *store.Moment) (err error) {
	c.looks[1], err = c.r.visibilityOf(m, c.users[0].ID)
	if session.IsUnknown(err) {
		c.looks[1], err = &visibility{}, nil
	}
	return err
}

func (c *comparison) result() *Preview {
	p := c.looks[0].preview(c.users[0].ID, c.totals)
	if c.looks[1] == nil {
		return p
	}
	touched := nothing
	if c.q.Change != nil {
		touched = anything
	}
	p.Difference = differences(c.looks[0], c.looks[1], touched)
	switch {
	case len(c.users) > 1:
		p.Against = c.users[1].ID
	case c.q.Policies != nil:
		p.Against = "policy " + c.q.Policies.Revision()
	default:
		p.Against = "the planned change"
	}
	return p
}

// visibilityOf returns what a user may do and sees at a moment.
func (r *Reader) visibilityOf(m *store.Moment, user string) (*visibility, error) {
	target, err := r.Users.FindAt(r.Ctx, m, user)
	if err != nil {
		return nil, err
	}
	var look *visibility
	err = r.through(target, func() (err error) {
		look, err = observer{r: r, m: m, first: firstShown, ids: true, quiet: true}.of()
		return err
	})
	return look, err
}

// allOf returns how many rows of each type a tenant has.
func (r *Reader) allOf(m *store.Moment, tenant string) (map[string]int, error) {
	all := predicate.Filter{Kind: predicate.All}
	totals := map[string]int{}
	for _, a := range rowAreas {
		n, err := m.Count(r.Ctx, query.Query{Type: a.typ, Filter: tenantFilter(tenant), Views: []query.View{{Name: "full", When: all}}})
		if err != nil {
			return nil, err
		}
		totals[a.typ] = n
	}
	return totals, nil
}
