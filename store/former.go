package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// formerUser is what decided the access of a user before a change.
type formerUser struct {
	AccountID string                   `json:"account_id"`
	Status    string                   `json:"status"`
	Groups    map[string]schema.Micros `json:"groups"` // when the user leaves each; 0 for never
	CreatedAt schema.Micros            `json:"created_at"`
}

// formerGroup is what a group gave before a change.
type formerGroup struct {
	AccountID string            `json:"account_id"`
	Name      string            `json:"name"`
	Template  string            `json:"template,omitempty"`
	Default   string            `json:"default_access"`
	Rows      map[string]string `json:"rows,omitempty"`
	Lend      string            `json:"lend"`
	LentTo    []string          `json:"lent_to,omitempty"`
	CreatedAt schema.Micros     `json:"created_at"`
}

// formerAccount is what limited the users of an account before a change.
type formerAccount struct {
	Status  string            `json:"status"`
	Ceiling map[string]string `json:"ceiling"` // null for no limit
}

// keepFormer stores what decided access until now. It is for rows that the transaction is
// about to change. Of other types, it stores nothing.
func (tx *Tx) keepFormer(ctx context.Context, typ string, ids ...string) error {
	for _, id := range ids {
		former, err := tx.former(ctx, typ, id)
		switch {
		case errors.Is(err, fault.ErrNotFound):
			continue
		case err != nil:
			return err
		case former == nil:
			return nil
		}
		document, err := json.Marshal(former)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `INSERT INTO former_access (tenant_id, type, id, until, document) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant_id, type, id, until) DO NOTHING`, tx.tenant, typ, id, tx.now, string(document)); err != nil {
			return fmt.Errorf("%s %s: %w", typ, id, err)
		}
	}
	return nil
}

func (tx *Tx) former(ctx context.Context, typ, id string) (any, error) {
	switch typ {
	case "user":
		u, err := own[User](ctx, tx, "user", usersTable.query, id)
		if err != nil {
			return nil, err
		}
		all, err := dialect.SelectAll[membership](ctx, tx.store.dialect, tx.tx, "SELECT user_id, group_id, COALESCE(valid_to, 0) AS valid_to FROM user_groups WHERE user_id = ?", id)
		groups := map[string]schema.Micros{}
		for _, one := range all {
			groups[one.GroupID] = one.ValidTo
		}
		return formerUser{u.AccountID, u.Status, groups, u.CreatedAt}, err
	case "group":
		g, err := tx.Group(ctx, id)
		return formerGroup{g.AccountID, g.Name, g.Template, g.DefaultAccess, g.Rows, g.Lend, g.LentTo, g.CreatedAt}, err
	case "account":
		a, err := tx.Account(ctx, id)
		return formerAccount{a.Status, a.Ceiling}, err
	}
	return nil, nil
}

// membership is a user in a group; ValidTo is 0 without an end.
type membership struct {
	UserID  string        `db:"user_id"`
	GroupID string        `db:"group_id"`
	ValidTo schema.Micros `db:"valid_to"`
}

// Past is what decided the access of all users of a tenant at a time. It is immutable.
type Past struct {
	at       schema.Micros
	accounts map[string]Account
	groups   map[string]Group
	users    map[string]pastUser
	above    map[string]bool // accounts that have some below them
}

type pastUser struct {
	User
	in map[string]schema.Micros // groups, and when the user leaves them
}

// maxPast is the most users of a tenant that Past reads.
const maxPast = 500_000

// Past reads what decided the access of all users of a tenant at a time, which may be now.
// Of users that were deleted since, it does not know the login and the name. It returns
// ErrInvalid for a time from which on nothing is kept, and for more than 500,000 users.
func (s *Store) Past(ctx context.Context, tenant string, at time.Time) (*Past, error) {
	p := &Past{at: schema.MicrosOf(at), accounts: map[string]Account{}, groups: map[string]Group{}, users: map[string]pastUser{}, above: map[string]bool{}}
	err := s.snapshot(ctx, nil, func(x dialect.Execer) error {
		r := pastReader{p, s.dialect, x, tenant}
		return r.read(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("access at %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	return p, nil
}

// pastReader fills a Past in one snapshot.
type pastReader struct {
	*Past
	d      dialect.Dialect
	x      dialect.Execer
	tenant string
}

func (r *pastReader) read(ctx context.Context) error {
	type number struct{ N int64 }
	from, err := dialect.SelectOne[number](ctx, r.d, r.x, "SELECT COALESCE(max(at), 0) AS n FROM access_kept_from WHERE tenant_id = ?", r.tenant)
	if err == nil && int64(r.at) < from.N {
		err = fault.Invalid("at", "is before "+schema.Micros(from.N).Time().Format(time.RFC3339)+": from then on the store keeps who had which access")
	}
	for _, part := range []func(context.Context) error{r.readAccounts, r.readGroups, r.readUsers, r.readFormer} {
		if err == nil {
			err = part(ctx)
		}
	}
	if err != nil {
		return err
	}
	maps.DeleteFunc(r.accounts, func(_ string, a Account) bool { return a.CreatedAt > r.at })
	maps.DeleteFunc(r.groups, func(_ string, g Group) bool { return g.CreatedAt > r.at })
	maps.DeleteFunc(r.users, func(_ string, u pastUser) bool { return u.CreatedAt > r.at })
	for _, a := range r.accounts {
		r.above[a.ParentID] = true
	}
	return nil
}

func (r *pastReader) readAccounts(ctx context.Context) error {
	all, err := dialect.SelectAll[Account](ctx, r.d, r.x, accountsTable.query+" WHERE tenant_id = ?", r.tenant)
	for _, a := range all {
		r.accounts[a.ID] = a
	}
	return err
}

func (r *pastReader) readGroups(ctx context.Context) error {
	groups, err := dialect.SelectAll[Group](ctx, r.d, r.x, groupsTable.query+" WHERE tenant_id = ?", r.tenant)
	if err != nil {
		return err
	}
	for _, g := range groups {
		g.Rows = Access{}
		r.groups[g.ID] = g
	}
	type row struct {
		GroupID      string `db:"group_id"`
		Area, Access string
	}
	rows, err := dialect.SelectAll[row](ctx, r.d, r.x, "SELECT r.group_id, r.area, r.access FROM groups g JOIN group_rows r ON r.group_id = g.id WHERE g.tenant_id = ?", r.tenant)
	if err != nil {
		return err
	}
	for _, one := range rows {
		r.groups[one.GroupID].Rows[one.Area] = one.Access
	}
	type loan struct {
		GroupID   string `db:"group_id"`
		AccountID string `db:"account_id"`
	}
	loans, err := dialect.SelectAll[loan](ctx, r.d, r.x, "SELECT l.group_id, l.account_id FROM groups g JOIN group_loans l ON l.group_id = g.id WHERE g.tenant_id = ?", r.tenant)
	for _, one := range loans {
		g := r.groups[one.GroupID]
		g.LentTo = append(g.LentTo, one.AccountID)
		r.groups[one.GroupID] = g
	}
	return err
}

func (r *pastReader) readUsers(ctx context.Context) error {
	users, err := dialect.SelectAll[User](ctx, r.d, r.x, usersTable.query+" WHERE tenant_id = ? LIMIT ?", r.tenant, maxPast+1)
	if err == nil && len(users) > maxPast {
		err = fault.Invalid("tenant", fmt.Sprintf("has more than %d users", maxPast))
	}
	for _, u := range users {
		r.users[u.ID] = pastUser{u, map[string]schema.Micros{}}
	}
	if err != nil {
		return err
	}
	all, err := dialect.SelectAll[membership](ctx, r.d, r.x, "SELECT m.user_id, m.group_id, COALESCE(m.valid_to, 0) AS valid_to FROM users u JOIN user_groups m ON m.user_id = u.id WHERE u.tenant_id = ?", r.tenant)
	for _, one := range all {
		r.users[one.UserID].in[one.GroupID] = one.ValidTo
	}
	return err
}

// readFormer replaces what has changed since.
func (r *pastReader) readFormer(ctx context.Context) error {
	type version struct{ Type, ID, Document string }
	all, err := dialect.SelectAll[version](ctx, r.d, r.x, `SELECT f.type, f.id, f.document FROM former_access f WHERE f.tenant_id = ? AND f.until > ?
		AND NOT EXISTS (SELECT 1 FROM former_access e WHERE e.tenant_id = f.tenant_id AND e.type = f.type AND e.id = f.id AND e.until > ? AND e.until < f.until)`,
		r.tenant, r.at, r.at)
	for _, v := range all {
		if err == nil {
			err = r.put(v.Type, v.ID, []byte(v.Document))
		}
	}
	return err
}

func (r *pastReader) put(typ, id string, document []byte) error {
	switch typ {
	case "user":
		var was formerUser
		err := json.Unmarshal(document, &was)
		u := r.users[id].User
		u.ID, u.TenantID, u.AccountID, u.Status, u.CreatedAt = id, r.tenant, was.AccountID, was.Status, was.CreatedAt
		r.users[id] = pastUser{u, was.Groups}
		return err
	case "group":
		var was formerGroup
		err := json.Unmarshal(document, &was)
		r.groups[id] = Group{ID: id, TenantID: r.tenant, AccountID: was.AccountID, Name: was.Name, Template: was.Template,
			DefaultAccess: was.Default, Rows: was.Rows, Lend: was.Lend, LentTo: was.LentTo, CreatedAt: was.CreatedAt}
		return err
	case "account":
		var was formerAccount
		err := json.Unmarshal(document, &was)
		a := r.accounts[id]
		a.Status, a.Ceiling = was.Status, was.Ceiling
		r.accounts[id] = a
		return err
	}
	return nil
}

// Users lists the ids of the users of an account and of those below it, or of all for "",
// by account and id.
func (p *Past) Users(account string) (ids []string) {
	for id, u := range p.users {
		if account == "" || u.AccountID == account || p.Below(account, u.AccountID) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(p.users[a].AccountID, p.users[b].AccountID), cmp.Compare(a, b))
	})
	return ids
}

// Account returns an account of the tenant.
func (p *Past) Account(id string) (Account, bool) {
	a, is := p.accounts[id]
	return a, is
}

// Below reports whether an account is another one, or is below it.
func (p *Past) Below(ancestor, account string) bool {
	for ; account != ""; account = p.accounts[account].ParentID {
		if account == ancestor {
			return true
		}
	}
	return false
}

// Subject returns a user as decisions about it read it, and its groups. It reports whether
// there was such a user.
func (p *Past) Subject(id string) (*Subject, []Group, bool) {
	u, is := p.users[id]
	if !is {
		return nil, nil, false
	}
	s := &Subject{User: u.User}
	for at := u.AccountID; at != ""; at = p.accounts[at].ParentID {
		s.Chain = append(s.Chain, p.accounts[at])
	}
	if len(s.Chain) == 0 {
		return nil, nil, false
	}
	s.Account, s.Status, s.Leaf = s.Chain[0], effectiveStatus(s.Chain), !p.above[u.AccountID]
	var groups []Group
	for _, id := range slices.Sorted(maps.Keys(u.in)) {
		g, is := p.groups[id]
		if end := u.in[id]; is && (end == 0 || end > p.at) && usableBy(g, s.Account) {
			groups = append(groups, g)
			s.User.Groups = append(s.User.Groups, id)
			s.Groups = append(s.Groups, SubjectGroup{id, g.Template, end, g.Access()})
			s.Named = slices.AppendSeq(s.Named, maps.Keys(g.Rows))
			if end != 0 && (s.Until == 0 || end < s.Until) {
				s.Until = end
			}
		}
	}
	s.Access, s.Granted = Resolve(accesses(groups), ceilings(s.Chain)), Resolve(accesses(groups), nil)
	slices.Sort(s.Named)
	s.Named = slices.Compact(s.Named)
	return s, groups, true
}

// usableBy reports whether a group is an account's own, or lent to it.
func usableBy(g Group, a Account) bool {
	return g.AccountID == a.ID || g.AccountID == a.ParentID && (g.Lend == schema.LendAll || g.Lend == schema.LendSome && slices.Contains(g.LentTo, a.ID))
}

// sweepFormer deletes former versions of a tenant that are older than age, in slices. It
// first says from when on they are kept.
func (s *Store) sweepFormer(ctx context.Context, tenant string, age time.Duration) error {
	type version struct {
		Type, ID string
		Until    schema.Micros
	}
	if age <= 0 {
		return nil
	}
	g, before := newStage(s, dialect.Sweeping), s.since(age)
	for {
		some, err := dialect.SelectAll[version](ctx, s.dialect, s.pool, "SELECT type, id, until FROM former_access WHERE tenant_id = ? AND until < ? ORDER BY tenant_id, until LIMIT ?", tenant, before, sweepRows)
		if err != nil || len(some) == 0 {
			return err
		}
		err = g.write(ctx, func(tx *Tx) error {
			_, err := tx.exec(ctx, `INSERT INTO access_kept_from (tenant_id, at) VALUES (?, ?)
				ON CONFLICT (tenant_id) DO UPDATE SET at = excluded.at WHERE access_kept_from.at < excluded.at`, tenant, before)
			for _, v := range some {
				if err == nil {
					_, err = tx.exec(ctx, "DELETE FROM former_access WHERE tenant_id = ? AND type = ? AND id = ? AND until = ?", tenant, v.Type, v.ID, v.Until)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}
