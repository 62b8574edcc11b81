package insight

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

// PolicyQuestion asks what another policy would change for users.
type PolicyQuestion struct {
	User     string // id or external id; "" for all users of the store
	Policies *policies.Engine
	At       time.Time // zero means now
	// Audited says that the audit trail has an entry for this look already.
	Audited bool
}

// PolicyChanges is what differs between two policies: their rules and data, and what users
// of a store see and may do.
type PolicyChanges struct {
	Against string                 `json:"against"` // revision of the other policy
	Rules   []policies.ChangedRule `json:"rules"`
	Data    []policies.DataChange  `json:"data"`
	Users   []UserChange           `json:"users"`              // those for whom something differs
	LeftOut int                    `json:"left_out,omitempty"` // users for whom something differs and that Users has no room for
	Looked  int                    `json:"looked_at"`
	Gain    int                    `json:"gain"` // users that see or may do more
	Lose    int                    `json:"lose"` // users that see or may do less
	// Unproved says what the comparison did not look at, so that somebody may gain by it.
	Unproved []string `json:"unproved,omitempty"`

	kept int // bytes of Users
}

// More reports whether anybody may see or do more, as far as the comparison shows.
func (c *PolicyChanges) More() bool {
	return c.Gain > 0 || slices.ContainsFunc(c.Data, func(d policies.DataChange) bool { return d.More })
}

// maxKept limits the changes of users that a comparison keeps, in bytes of JSON. Half of
// it is for users that see or may do more.
const maxKept = 16 << 20

// add counts a user for whom something differs, and keeps the change if there is room.
func (c *PolicyChanges) add(u *UserChange) error {
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	room := maxKept / 2
	if u.Less {
		c.Lose++
	}
	if u.More {
		c.Gain++
		room = maxKept
	}
	if c.kept+len(text) > room {
		c.LeftOut++
		return nil
	}
	c.kept += len(text)
	c.Users = append(c.Users, *u)
	return nil
}

// UserChange is what differs for one user.
type UserChange struct {
	User       string            `json:"user"` // "" for a subject that the store does not know
	ExternalID string            `json:"external_id,omitempty"`
	Account    string            `json:"account"`
	Unknown    string            `json:"unknown,omitempty"` // the type of a subject that the store does not know
	More       bool              `json:"more"`              // sees or may do something more
	Less       bool              `json:"less"`
	Areas      []AreaDifference  `json:"areas,omitempty"`
	Actions    []RowsChange      `json:"actions,omitempty"` // on rows of the store
	Conditions []ConditionChange `json:"conditions,omitempty"`
}

// ConditionChange is a filter, a view or a column with another condition.
type ConditionChange struct {
	Type     string   `json:"type"`
	Action   string   `json:"action"`
	Form     string   `json:"form,omitempty"` // of the request, if only this form differs
	Parts    []string `json:"parts"`          // "rows", "view NAME" or "column NAME"
	Added    []string `json:"added,omitempty"`
	Removed  []string `json:"removed,omitempty"`
	Wider    bool     `json:"wider"`    // false if it certainly lets no further row pass
	Narrower bool     `json:"narrower"` // false if it certainly lets every row pass as before
}

// CompareTrees compares the rules and the data of two policies, and asks about no user.
func CompareTrees(before, after *policies.Engine) *PolicyChanges {
	c := &PolicyChanges{Against: after.Revision(), Rules: policies.ChangedRules(before, after),
		Data: policies.DataChanges(before, after), Users: []UserChange{}}
	for _, read := range policies.ChangedReads(before, after) {
		if notVaried(read.Path) {
			c.Unproved = append(c.Unproved, fmt.Sprintf("the rule %s at %s:%d reads input.%s, and only one value of it was tried", read.Rule, read.File, read.Line, read.Path))
		}
	}
	return c
}

// notVaried reports whether a path belongs to a request, so that a comparison of users
// knows no values for it.
func notVaried(path predicate.Ref) bool {
	for _, at := range []predicate.Ref{{"context"}, {"subject", "properties"}, {"action", "properties"}, {"resource", "properties"}} {
		if len(path) >= len(at) && slices.Equal(path[:len(at)], at) {
			return path.String() != "action.properties.form" && path.String() != "resource.properties.account_id"
		}
	}
	return len(path) == 0
}

// ComparePolicies compares the inspector's policy with another one. First it writes an
// audit entry, for all users of a tenant together if it looks at all. Its errors are those
// of Preview.
func (d *Inspector) ComparePolicies(ctx context.Context, q PolicyQuestion) (*PolicyChanges, error) {
	r := d.reader(ctx, "")
	r.At = q.At
	c := &policyComparison{r: r, q: q, out: CompareTrees(d.engine, q.Policies)}
	c.asks = newAsks(d.engine, q.Policies, len(c.out.Rules)+len(c.out.Data) > 0)
	err := c.strangers()
	if err == nil && q.User != "" {
		err = c.one()
	} else if err == nil {
		err = c.all()
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(c.out.Users, func(a, b UserChange) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.User, b.User))
	})
	return c.out, nil
}

// policyComparison compares two policies for users.
type policyComparison struct {
	r    *Reader
	q    PolicyQuestion
	asks asks
	out  *PolicyChanges
}

// one compares for the user of the question.
func (c *policyComparison) one() error {
	users, err := c.r.lookedAt(c.q.User)
	if err != nil {
		return err
	}
	if !c.q.Audited {
		if err := c.r.auditInspection(users[0].TenantID, users); err != nil {
			return err
		}
	}
	return c.user(users[0].TenantID, users[0].ID)
}

// all compares for all users of the store. It reads some ids at a time, and each user in a
// snapshot of its own, so that no transaction is long.
func (c *policyComparison) all() error {
	tenants, err := c.r.Store.Tenants(c.r.Ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := c.r.auditRun(tenant); err != nil {
			return err
		}
		for after, more := "", true; more; {
			var ids []string
			err := c.r.Store.Snapshot(c.r.Ctx, tenant, func(m *store.Moment) (err error) {
				ids, err = m.UsersAfter(c.r.Ctx, after, usersAtOnce)
				return err
			})
			if err != nil {
				return err
			}
			for _, after = range ids {
				if err := c.user(tenant, after); err != nil {
					return err
				}
			}
			more = len(ids) == usersAtOnce
		}
	}
	return nil
}

// usersAtOnce is how many ids of users are read at once.
const usersAtOnce = 1000

// auditRun writes one audit entry for a look at all users of a tenant. It names their
// number.
func (r *Reader) auditRun(tenant string) error {
	users := 0
	err := r.Store.Snapshot(r.Ctx, tenant, func(m *store.Moment) (err error) {
		users, err = m.Count(r.Ctx, query.Query{Type: "user", Filter: tenantFilter(tenant), Views: anyView})
		return err
	})
	if err != nil || users == 0 {
		return err
	}
	return r.auditLook(tenant, map[string]any{"users": users})
}

// auditLook writes an audit entry that somebody looked at users of a tenant. look says at
// how many, and how.
func (r *Reader) auditLook(tenant string, look map[string]any) error {
	return r.Store.Write(r.Ctx, tenant, func(tx *store.Tx) error {
		row, err := tx.PolicyRow(r.Ctx, "account", tenant)
		if err != nil {
			return err
		}
		change, err := session.AuditChange("account", row, nil, look)
		if err != nil {
			return err
		}
		_, err = tx.Audit(r.Ctx, store.AuditEntry{AccountID: tenant, ResourceType: "account", ResourceID: tenant, Action: "preview", Change: change})
		return err
	})
}

// user compares for one user. It skips a user that was deleted meanwhile.
func (c *policyComparison) user(tenant, id string) error {
	err := c.r.Store.Snapshot(c.r.Ctx, tenant, func(m *store.Moment) error {
		target, err := c.r.Users.FindAt(c.r.Ctx, m, id)
		switch {
		case session.IsUnknown(err):
			return nil
		case err != nil:
			return err
		}
		c.out.Looked++
		s := c.sides(m, UserChange{User: id, ExternalID: target.Subject.User.ExternalID, Account: target.Subject.Account.ID})
		for _, r := range s.under {
			r.Actor, r.Subject, r.Facts = &session.Actor{Subject: target.Subject, Facts: target.Facts}, target.Subject, target.Facts
		}
		return c.note(s, s.compare())
	})
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	return nil
}

// strangers compares for subjects that the store does not know.
func (c *policyComparison) strangers() error {
	for _, typ := range []string{session.SubjectUser, "identity"} {
		s := c.sides(nil, UserChange{Unknown: typ})
		if err := c.note(s, s.compareStranger()); err != nil {
			return fmt.Errorf("an unknown %s: %w", typ, err)
		}
	}
	return nil
}

func (c *policyComparison) sides(m *store.Moment, out UserChange) *sides {
	s := &sides{m: m, asks: c.asks, out: out}
	for i, e := range []*policies.Engine{c.r.Engine, c.q.Policies} {
		own := *c.r.Session
		own.Engine = e
		s.under[i] = &Reader{&own}
	}
	return s
}

// note adds what differs, if the comparison did not fail.
func (c *policyComparison) note(s *sides, err error) error {
	if err != nil {
		return err
	}
	for _, text := range s.unproved {
		if !slices.Contains(c.out.Unproved, text) {
			c.out.Unproved = append(c.out.Unproved, text)
		}
	}
	if len(s.out.Areas)+len(s.out.Actions)+len(s.out.Conditions) == 0 {
		return nil
	}
	s.judge()
	return c.out.add(&s.out)
}
