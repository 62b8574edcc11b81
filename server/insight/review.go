package insight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"resellerd/policies/areas"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
)

// ReviewQuestion asks what the users of a tenant see and may do.
type ReviewQuestion struct {
	Tenant  string
	Account string    // only the users of this account and of those below it; "" for all
	At      time.Time // zero means now
	Row     string    // WhoSees sets it to the type and the id of the row
	// Used returns when a user last used an action, by area and action; nil without a log.
	Used func(user string) map[string]map[string]time.Time
}

// ReviewedUser is what one user sees and may do. A user that is not active has no areas.
type ReviewedUser struct {
	User        string         `json:"user"`
	ExternalID  string         `json:"external_id,omitempty"` // login, name, external id and networks are those of now
	Login       string         `json:"login,omitempty"`
	Name        string         `json:"name,omitempty"`
	Account     string         `json:"account"`
	AccountName string         `json:"account_name"`
	Status      string         `json:"status"`             // of the user, or of its account if that is not active
	Groups      []string       `json:"groups"`             // ids
	Ends        []string       `json:"ends,omitempty"`     // when groups end, as "group time"
	Networks    []string       `json:"ip_allow,omitempty"` // the user may act from these only; none for everywhere
	Areas       []ReviewedArea `json:"areas"`
}

// ReviewedArea is a user's access to an area, where it comes from, and whether it was used.
type ReviewedArea struct {
	AreaAccess
	// Sees is how many rows the user sees, as its lists count them. It is absent for areas
	// without rows, and for a past time.
	Sees  *int                 `json:"sees,omitempty"`
	Used  map[string]time.Time `json:"used,omitempty"`  // the last time, by action
	Never []string             `json:"never,omitempty"` // the actions that the log does not have, if there is a log
}

// Review calls each with every user, by account. First it writes an audit entry that
// somebody looked. It returns the errors of store.Past, and those of each.
func (d *Inspector) Review(ctx context.Context, q ReviewQuestion, each func(*ReviewedUser) error) error {
	v, past, err := d.reviewer(ctx, q)
	if err != nil {
		return err
	}
	account := ""
	for _, id := range past.Users(q.Account) {
		target, groups := v.r.Users.FindPast(past, id)
		if target == nil {
			continue
		}
		if of := target.Subject.Account.ID; of != account {
			account = of
			clear(v.counts)
		}
		u := reviewed(target.Subject)
		if target.UserActive() && target.AccountActive() {
			err := v.r.through(target, func() error { return v.look(u, groups) })
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
		if err := each(u); err != nil {
			return err
		}
	}
	return nil
}

// reviewer looks at users of a tenant.
type reviewer struct {
	r       *Reader
	q       ReviewQuestion
	present bool
	counts  map[string]int // of the rows that users of one account see, by the area and the plan
}

// look says in an audit entry what is reviewed.
func (q *ReviewQuestion) look(past *store.Past) map[string]any {
	look := map[string]any{"users": len(past.Users(q.Account))}
	if q.Account != "" {
		look["reviewed_account"] = q.Account
	}
	if q.Row != "" {
		look["reviewed_row"] = q.Row
	}
	if !q.At.IsZero() {
		look["reviewed_at"] = past.At().Format(time.RFC3339Nano)
	}
	return look
}

func (d *Inspector) reviewer(ctx context.Context, q ReviewQuestion) (*reviewer, *store.Past, error) {
	v := &reviewer{r: d.reader(ctx, ""), q: q, present: q.At.IsZero(), counts: map[string]int{}}
	past, err := v.r.Store.Past(ctx, q.Tenant, q.At)
	if err != nil {
		return nil, nil, err
	}
	v.r.At = past.At()
	if q.Account != "" {
		if _, is := past.Account(q.Account); !is {
			err = fmt.Errorf("account %s: %w", q.Account, fault.ErrNotFound)
		}
	}
	if err == nil {
		err = v.r.auditLook(q.Tenant, q.look(past))
	}
	return v, past, err
}

func reviewed(s *store.Subject) *ReviewedUser {
	u := &ReviewedUser{User: s.User.ID, ExternalID: s.User.ExternalID, Login: s.User.Login, Name: s.User.Name,
		Account: s.Account.ID, AccountName: s.Account.Name, Status: s.User.Status, Networks: s.User.IPAllow, Groups: []string{}, Areas: []ReviewedArea{}}
	if u.Status == store.Active {
		u.Status = s.Status
	}
	for _, g := range s.Groups {
		u.Groups = append(u.Groups, g.ID)
		if g.End != 0 {
			u.Ends = append(u.Ends, g.ID+" "+g.End.Time().Format(time.RFC3339))
		}
	}
	return u
}

// look fills the areas of the acting user.
func (v *reviewer) look(u *ReviewedUser, groups []store.Group) error {
	access, byDefault, err := v.r.AccessByArea()
	if err != nil {
		return err
	}
	access[areas.Any] = byDefault
	sees, err := v.sees()
	if err != nil {
		return err
	}
	l := lineage{subject: v.r.Subject, groups: groups, shown: overseer{}}
	used := v.usedBy(u.User, access)
	for _, area := range slices.Sorted(maps.Keys(access)) {
		one := ReviewedArea{AreaAccess: l.of(area, access[area]), Sees: sees[area], Used: used[area]}
		if v.q.Used != nil {
			one.Never = slices.DeleteFunc(slices.Clone(access[area]), func(action string) bool { return !used[area][action].IsZero() })
		}
		if len(one.Effective)+len(one.Letters)+len(one.Used) > 0 || one.Sees != nil && *one.Sees > 0 {
			u.Areas = append(u.Areas, one)
		}
	}
	return nil
}

// usedBy returns when a user last used an action. An area that access does not name counts
// for the area above it.
func (v *reviewer) usedBy(user string, access map[string][]string) map[string]map[string]time.Time {
	used := map[string]map[string]time.Time{}
	if v.q.Used == nil {
		return used
	}
	for area, actions := range v.q.Used(user) {
		at := area
		for at != "" && access[at] == nil {
			at = areas.Above(at)
		}
		if at = cmp.Or(at, areas.Any); used[at] == nil {
			used[at] = map[string]time.Time{}
		}
		for action, last := range actions {
			if last.After(used[at][action]) {
				used[at][action] = last
			}
		}
	}
	return used
}

// sees counts the rows of each area as the user's lists do.
func (v *reviewer) sees() (map[string]*int, error) {
	sees := map[string]*int{}
	if !v.present {
		return sees, nil
	}
	for _, a := range rowAreas {
		p, err := v.r.MayList(a.typ)
		if err != nil {
			return nil, err
		}
		n, err := v.count(a, p)
		if err != nil {
			return nil, err
		}
		sees[a.area] = &n
	}
	return sees, nil
}

// count counts the rows of an area. Users of one account for whom the same condition with the same values
// holds see the same rows.
func (v *reviewer) count(a rowArea, p *session.ReadPlan) (n int, err error) {
	if p == nil || a.kind != "" && !p.Sees("kind") {
		return 0, nil
	}
	q := p.Query()
	if a.kind != "" {
		q.Where = []query.Condition{{Column: "kind", Op: query.Eq, Value: a.kind}}
	}
	key := a.area + "\x00" + planKey(p)
	if known, is := v.counts[key]; is {
		return known, nil
	}
	err = v.r.Store.Snapshot(v.r.Ctx, v.q.Tenant, func(m *store.Moment) (err error) {
		n, err = m.Count(v.r.Ctx, q)
		return err
	})
	if err == nil {
		v.counts[key] = n
	}
	return n, err
}

// RowViewer is a user who sees a row, and how.
type RowViewer struct {
	User        string   `json:"user"`
	ExternalID  string   `json:"external_id,omitempty"`
	Login       string   `json:"login"`
	Name        string   `json:"name,omitempty"`
	Account     string   `json:"account"`
	AccountName string   `json:"account_name"`
	Area        string   `json:"area"`
	View        string   `json:"view"`
	Columns     []string `json:"columns"`
	From        []Giver  `json:"from,omitempty"` // the groups that give the right to read the area
}

// WhoSees calls each with every user of the tenant who sees a row now, by account. A user with
// ip_allow sees the row from its networks. First it
// writes an audit entry that somebody looked. It returns ErrNotFound if there is no such row.
func (d *Inspector) WhoSees(ctx context.Context, q ReviewQuestion, typ, id string, each func(*RowViewer) error) error {
	q.Row = typ + "/" + id
	v, past, err := d.reviewer(ctx, q)
	if err != nil {
		return err
	}
	row, err := v.r.Store.PolicyRow(ctx, typ, id)
	if err == nil && row["tenant_id"] != q.Tenant {
		err = fault.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", typ, id, err)
	}
	for _, user := range past.Users(q.Account) {
		target, groups := v.r.Users.FindPast(past, user)
		if target == nil || !target.UserActive() || !target.AccountActive() {
			continue
		}
		err := v.r.through(target, func() error {
			in := v.r.Input("read", typ, id)
			in.Resource.Row = row
			d := v.r.Judge(in)
			if !d.Allow {
				return d.Err
			}
			s := target.Subject
			area := resource.Named(typ).Area(d.View)
			return each(&RowViewer{User: s.User.ID, ExternalID: s.User.ExternalID, Login: s.User.Login, Name: s.User.Name,
				Account: s.Account.ID, AccountName: s.Account.Name, Area: area, View: d.View, Columns: v.r.ColumnsShown(typ, id, row),
				From: lineage{subject: s, groups: groups, shown: overseer{}}.givers(area, "r")})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", user, err)
		}
	}
	return nil
}
