package insight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/predicate"
	"resellerd/server/resource"
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
	// Done is called with the number of users that are compared, and of all users. It
	// may be nil.
	Done func(n, of int)
}

// PolicyChanges is what differs between two policies: their rules and data, and what users
// of a store see and may do.
type PolicyChanges struct {
	Against string                 `json:"against"` // revision of the other policy
	Rules   []policies.ChangedRule `json:"rules"`
	Data    []policies.DataChange  `json:"data"`
	Users   []UserChange           `json:"users"` // those for whom something differs
	Looked  int                    `json:"looked_at"`
}

// More reports whether anybody may see or do more, as far as the comparison shows.
func (c *PolicyChanges) More() bool {
	return slices.ContainsFunc(c.Data, func(d policies.DataChange) bool { return d.More }) ||
		slices.ContainsFunc(c.Users, func(u UserChange) bool { return u.More })
}

// UserChange is what differs for one user.
type UserChange struct {
	User       string            `json:"user"`
	ExternalID string            `json:"external_id,omitempty"`
	Account    string            `json:"account"`
	More       bool              `json:"more"` // sees or may do something more
	Less       bool              `json:"less"`
	Areas      []AreaDifference  `json:"areas,omitempty"`
	Actions    []RowsChange      `json:"actions,omitempty"` // on rows of the store
	Conditions []ConditionChange `json:"conditions,omitempty"`
}

// ConditionChange is a filter, a view or a column with another condition. A condition that
// no row of the store shows counts as more, unless it is certainly narrower.
type ConditionChange struct {
	Type    string   `json:"type"`
	Action  string   `json:"action"`
	Parts   []string `json:"parts"` // "rows", "view NAME" or "column NAME"
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	Wider   bool     `json:"wider"` // false if it certainly lets no further row pass
	Seen    bool     `json:"seen"`  // rows of the store show what it changes
}

// ComparePolicies compares the inspector's policy with another one. It writes an audit
// entry for each user that it looks at. Its errors are those of Preview.
func (d *Inspector) ComparePolicies(ctx context.Context, q PolicyQuestion) (*PolicyChanges, error) {
	out := &PolicyChanges{Against: q.Policies.Revision(), Rules: policies.ChangedRules(d.engine, q.Policies),
		Data: policies.DataChanges(d.engine, q.Policies), Users: []UserChange{}}
	r := d.reader(ctx, "")
	r.At = q.At
	users, err := r.usersOf(q.User)
	if err != nil {
		return nil, err
	}
	for tenant, ids := range users {
		if err := d.compareTenant(r, q, tenant, ids, out); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out.Users, func(a, b UserChange) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.User, b.User))
	})
	return out, nil
}

// usersOf returns the ids of users by tenant.
func (r *Reader) usersOf(ref string) (map[string][]string, error) {
	if ref != "" {
		users, err := r.lookedAt(ref)
		if err != nil {
			return nil, err
		}
		return map[string][]string{users[0].TenantID: {users[0].ID}}, nil
	}
	tenants, err := r.Store.Tenants(r.Ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, tenant := range tenants {
		err := r.Store.Snapshot(r.Ctx, tenant, func(m *store.Moment) (err error) {
			out[tenant], err = m.UsersAt(r.Ctx, tenant, maxUsers)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Limits of a comparison: the users of a tenant, and those that one transaction covers.
const (
	maxUsers   = 1_000_000
	usersAtOne = 100
)

func (d *Inspector) compareTenant(r *Reader, q PolicyQuestion, tenant string, ids []string, out *PolicyChanges) error {
	for some := range slices.Chunk(ids, usersAtOne) {
		users := make([]store.User, len(some))
		for i, id := range some {
			users[i] = store.User{ID: id, TenantID: tenant}
		}
		err := d.shared.Store.Snapshot(r.Ctx, tenant, func(m *store.Moment) error {
			for i, id := range some {
				change, account, err := r.compareUser(m, q, id)
				if session.IsUnknown(err) {
					continue // deleted meanwhile
				}
				if err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				users[i].AccountID = account
				if change != nil {
					out.Users = append(out.Users, *change)
				}
				if out.Looked++; q.Done != nil {
					q.Done(out.Looked, len(ids))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if q.Audited {
			continue
		}
		if err := r.auditInspection(tenant, slices.DeleteFunc(users, func(u store.User) bool { return u.AccountID == "" })); err != nil {
			return err
		}
	}
	return nil
}

// sides are one user under two policies.
type sides struct {
	m     *store.Moment
	under [2]*Reader
	out   UserChange
}

// compareUser compares what a user sees and may do under both policies. It returns nil if
// nothing differs.
func (r *Reader) compareUser(m *store.Moment, q PolicyQuestion, id string) (*UserChange, string, error) {
	target, err := r.Users.FindAt(r.Ctx, m, id)
	if err != nil {
		return nil, "", err
	}
	s := &sides{m: m, out: UserChange{User: id, ExternalID: target.Subject.User.ExternalID, Account: target.Subject.Account.ID}}
	for i, e := range []*policies.Engine{r.Engine, q.Policies} {
		own := *r.Session
		own.Engine = e
		s.under[i] = &Reader{&own}
		s.under[i].Actor = &session.Actor{Subject: target.Subject, Facts: target.Facts}
		s.under[i].Subject, s.under[i].Facts = target.Subject, target.Facts
	}
	if err := s.compare(); err != nil {
		return nil, "", err
	}
	if len(s.out.Areas)+len(s.out.Actions)+len(s.out.Conditions) == 0 {
		return nil, s.out.Account, nil
	}
	s.judge()
	return &s.out, s.out.Account, nil
}

func (s *sides) compare() error {
	differ := s.differingPlans()
	if err := s.areas(differ); err != nil {
		return err
	}
	for _, p := range differ {
		if p.action == "read" && slices.ContainsFunc(rowAreas, func(a rowArea) bool { return a.typ == p.typ }) {
			s.conditions(p, slices.ContainsFunc(s.out.Areas, func(d AreaDifference) bool {
				return slices.Contains(resource.Named(p.typ).AreaNames(), d.Area) && d.Access == nil
			}))
			continue
		}
		changes, err := s.rowsOf(p)
		if err != nil {
			return err
		}
		s.out.Actions = append(s.out.Actions, changes...)
		s.conditions(p, len(changes) > 0)
	}
	return nil
}

// plans are the answers of both policies to a question about all rows of a type.
type plans struct {
	typ, action string
	side        [2]*policies.Plan
}

// askedActions are the actions that policies know on rows of the store.
var askedActions = []string{"read", "create", "update", "delete", "assign", "activate", "build", "preview", "accept_losses", "open"}

// differingPlans returns the questions to which the policies answer differently.
func (s *sides) differingPlans() []plans {
	var out []plans
	types := slices.Sorted(maps.Keys(s.under[0].Engine.Schema()))
	panel := map[string]bool{}
	for _, r := range s.under {
		for area := range r.Engine.Areas() {
			panel[area] = !resource.OwnAreas[area]
		}
	}
	for _, area := range slices.Sorted(maps.Keys(panel)) {
		if panel[area] && !slices.Contains(types, area) {
			types = append(types, area)
		}
	}
	for _, typ := range types {
		for _, action := range askedActions {
			p := plans{typ: typ, action: action}
			for i, r := range s.under {
				in := r.Input(action, typ, "")
				p.side[i] = r.HideCosts(typ, r.Engine.Plan(r.Ctx, in))
			}
			if !same(action, p.side[0], p.side[1]) {
				out = append(out, p)
			}
		}
	}
	return out
}

// same reports whether two plans show the same rows. An action other than read shows none.
func same(action string, a, b *policies.Plan) bool {
	if a.Outcome == b.Outcome && (a.Outcome == policies.OutcomeDeny || action != "read") {
		return a.Filter.String() == b.Filter.String()
	}
	return a.Outcome == b.Outcome && fmt.Sprint(textOf(a)) == fmt.Sprint(textOf(b))
}

// textOf returns the text of a plan that HideCosts may have changed.
func textOf(p *policies.Plan) []string {
	out := []string{p.Filter.String()}
	for _, v := range p.Views {
		out = append(out, "view "+v.Name+" "+v.When.String())
	}
	for _, c := range p.Columns {
		out = append(out, fmt.Sprint(c.Columns, " ", c.When))
	}
	return out
}

// areas compares the access to areas, and the rows and columns that are read.
func (s *sides) areas(differ []plans) error {
	var looks [2]*visibility
	readDiffers := slices.ContainsFunc(differ, func(p plans) bool { return p.action == "read" })
	for i, r := range s.under {
		o := observer{r: r, m: s.m, ids: true, quiet: true}
		var err error
		if readDiffers {
			looks[i], err = o.of()
		} else {
			looks[i] = &visibility{rows: map[string]*seenRows{}, rest: r.effective(areas.Any)}
			looks[i].access, err = o.access()
		}
		if err != nil {
			return err
		}
		s.addActions(r, looks[i])
	}
	s.out.Areas = differences(looks[0], looks[1])
	return nil
}

// addActions adds the actions of both catalogs to the access of each area.
func (s *sides) addActions(r *Reader, look *visibility) {
	named := map[string]bool{}
	for _, side := range s.under {
		for _, action := range side.Engine.Catalogued("action") {
			named[action] = true
		}
	}
	for _, action := range slices.Sorted(maps.Keys(named)) {
		for area, access := range look.access {
			if r.Judge(r.Input(action, "area", areas.Asked(area, r.Areas()))).Allow {
				look.access[area] = append(slices.Clip(access), action)
			}
		}
		if r.Judge(r.Input(action, "area", areas.Asked(areas.Any, r.Areas()))).Allow {
			look.rest = append(slices.Clip(look.rest), action)
		}
	}
}

// rowsOf counts the rows on which an action is allowed by one policy only.
func (s *sides) rowsOf(p plans) ([]RowsChange, error) {
	t := resource.Named(p.typ)
	if len(t.Areas) == 0 {
		return nil, nil // rows of the panel's own
	}
	var ids [2]map[string]*shownAs
	for i, r := range s.under {
		plan := p.side[i]
		q := query.Query{Type: t.Decided(), Filter: plan.Filter, Env: plan.Bind(r.Ctx, r.Input(p.action, p.typ, "")), Leaf: r.Facts.Leaf,
			Views: []query.View{{Name: "any", When: predicate.Filter{Kind: predicate.All}}}}
		total, err := s.m.Count(r.Ctx, q)
		if err != nil {
			return nil, err
		}
		if ids[i], err = (observer{r: r, m: s.m}).idsOf(q, total); err != nil || ids[i] == nil {
			return nil, err
		}
	}
	what := p.action + " " + p.typ
	changes := tally{}
	for _, id := range missing(ids[1], ids[0]) {
		changes.of(what).more(id)
	}
	for _, id := range missing(ids[0], ids[1]) {
		changes.of(what).less(id)
	}
	return changes.sorted(), nil
}

// conditions adds how the conditions of two plans differ.
func (s *sides) conditions(p plans, seen bool) {
	was, is := p.side[0], p.side[1]
	s.condition(p, seen, "rows", was.Filter, is.Filter)
	if p.action != "read" {
		return
	}
	views := [2]map[string]predicate.Filter{viewsOf(was), viewsOf(is)}
	columns := [2]map[string]predicate.Filter{columnsOf(was), columnsOf(is)}
	for i, part := range []string{"view ", "column "} {
		sides := [][2]map[string]predicate.Filter{views, columns}[i]
		names := maps.Clone(sides[0])
		maps.Copy(names, sides[1])
		for _, name := range slices.Sorted(maps.Keys(names)) {
			s.condition(p, seen, part+name, sides[0][name], sides[1][name])
		}
	}
}

func viewsOf(p *policies.Plan) map[string]predicate.Filter {
	out := map[string]predicate.Filter{}
	for _, v := range p.Views {
		out[v.Name] = v.When
	}
	return out
}

func columnsOf(p *policies.Plan) map[string]predicate.Filter {
	out := map[string]predicate.Filter{}
	for _, c := range p.Columns {
		for _, name := range c.Columns {
			out[name] = c.When
		}
	}
	return out
}

func (s *sides) condition(p plans, seen bool, part string, was, is predicate.Filter) {
	if was.String() == is.String() {
		return
	}
	c := ConditionChange{Type: p.typ, Action: p.action, Parts: []string{part}, Wider: !covers(was, is), Seen: seen}
	c.Added, c.Removed = policies.TermsOnlyIn(is.String(), was.String()), policies.TermsOnlyIn(was.String(), is.String())
	for i := range s.out.Conditions {
		if k := &s.out.Conditions[i]; k.Type == c.Type && k.Action == c.Action && k.Wider == c.Wider &&
			slices.Equal(k.Added, c.Added) && slices.Equal(k.Removed, c.Removed) {
			k.Parts = append(k.Parts, part)
			return
		}
	}
	s.out.Conditions = append(s.out.Conditions, c)
}

// covers reports whether a certainly lets every row pass that b lets pass.
func covers(a, b predicate.Filter) bool {
	switch {
	case b.Kind == predicate.None, a.Kind == predicate.All:
		return true
	case b.Kind == predicate.All:
		return false
	}
	return a.Covers(b.Where)
}

// judge notes whether the user sees or may do more, or less.
func (s *sides) judge() {
	for _, d := range s.out.Areas {
		if d.Access != nil {
			s.out.More = s.out.More || moreLetters(d.Access.Before, d.Access.After)
			s.out.Less = s.out.Less || moreLetters(d.Access.After, d.Access.Before)
		}
		if d.Visible != nil {
			s.out.More = s.out.More || d.Visible.After > d.Visible.Before
			s.out.Less = s.out.Less || d.Visible.After < d.Visible.Before
		}
		s.out.More, s.out.Less = s.out.More || len(d.Appear) > 0, s.out.Less || len(d.Disappear) > 0
		s.count(d.Shown)
	}
	s.count(s.out.Actions)
	for _, c := range s.out.Conditions {
		if !c.Seen {
			s.out.More, s.out.Less = s.out.More || c.Wider, s.out.Less || !c.Wider
		}
	}
}

func (s *sides) count(changes []RowsChange) {
	for _, c := range changes {
		s.out.More, s.out.Less = s.out.More || c.More > 0, s.out.Less || c.Less > 0
	}
}

func moreLetters(was, is []string) bool {
	return slices.ContainsFunc(is, func(letter string) bool { return !slices.Contains(was, letter) })
}
