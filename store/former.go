package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
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

// formerVersion is what decided access before the transaction changed a row.
type formerVersion struct{ typ, id, document string }

// keepFormer notes what decided access until now. It is for rows that the transaction is
// about to change. Of other types, it notes nothing. Up to imageRows rows are stored by
// writeFormer, if something has changed that decides access. Others are stored at once.
func (tx *Tx) keepFormer(ctx context.Context, typ string, ids ...string) error {
	if !slices.Contains(formerTypes, typ) {
		return nil
	}
	if tx.formerKept == nil {
		tx.formerKept = map[string]bool{}
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		kept := tx.formerKept[id]
		tx.formerKept[id] = true
		return kept
	})
	for some := range slices.Chunk(ids, imageRows) {
		rows, err := tx.former(ctx, typ, some)
		if err != nil {
			return err
		}
		if tx.formers = append(tx.formers, rows...); len(tx.formers) <= imageRows {
			continue
		}
		if err := tx.insertFormer(ctx, tx.formers); err != nil {
			return err
		}
		tx.formers = nil
	}
	return nil
}

// writeFormer stores what was noted of rows whose access has changed.
func (tx *Tx) writeFormer(ctx context.Context) error {
	for _, typ := range formerTypes {
		var ids []string
		for _, row := range tx.formers {
			if row.typ == typ {
				ids = append(ids, row.id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		now, err := tx.former(ctx, typ, ids)
		if err != nil {
			return err
		}
		tx.formers = slices.DeleteFunc(tx.formers, func(was formerVersion) bool {
			return slices.ContainsFunc(now, func(is formerVersion) bool { return is.id == was.id && is.document == was.document })
		})
	}
	return tx.insertFormer(ctx, tx.formers)
}

// insertFormer stores former rows. A version ends after the one before, also if the clock of
// another process was ahead.
func (tx *Tx) insertFormer(ctx context.Context, rows []formerVersion) error {
	type last struct {
		ID    string
		Until schema.Micros
	}
	for some := range slices.Chunk(rows, imageRows) {
		ids := make([]string, len(some))
		for i, row := range some {
			ids[i] = row.id
		}
		list, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		d, until := tx.store.dialect, map[string]schema.Micros{}
		for _, typ := range formerTypes {
			ended, err := dialect.SelectAll[last](ctx, d, tx.tx, "SELECT id, max(until) AS until FROM former_access WHERE tenant_id = ? AND type = ? AND "+
				d.AnyOf("id", "SELECT v.value FROM "+d.Texts("?"))+" GROUP BY id", tx.tenant, typ, string(list))
			if err != nil {
				return err
			}
			for _, one := range ended {
				until[one.ID] = one.Until + 1
			}
		}
		var args []any
		for _, row := range some {
			args = append(args, tx.tenant, row.typ, row.id, max(tx.now, until[row.id]), row.document)
		}
		if _, err := tx.exec(ctx, "INSERT INTO former_access (tenant_id, type, id, until, document) VALUES (?, ?, ?, ?, ?)"+
			strings.Repeat(", (?, ?, ?, ?, ?)", len(some)-1), args...); err != nil {
			return err
		}
	}
	return nil
}

// formerTypes are the types of rows that decide access.
var formerTypes = []string{"account", "group", "user"}

// former returns what decides access, of the rows that exist.
func (tx *Tx) former(ctx context.Context, typ string, ids []string) (rows []formerVersion, err error) {
	list, err := json.Marshal(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !dialect.Storable(id) }))
	if err != nil {
		return nil, err
	}
	r := pastReader{Past: newPast(), d: tx.store.dialect, x: tx.tx, tenant: tx.tenant, only: string(list)}
	read := map[string]func(context.Context) error{"account": r.readAccounts, "group": r.readGroups, "user": r.readUsers}[typ]
	if err := read(ctx); err != nil {
		return nil, err
	}
	for _, id := range ids {
		document, is := r.document(typ, id)
		if !is {
			continue
		}
		text, err := json.Marshal(document)
		if err != nil {
			return nil, err
		}
		rows = append(rows, formerVersion{typ, id, string(text)})
	}
	return rows, nil
}

// document returns what decides access of a row, and whether there is such a row.
func (p *Past) document(typ, id string) (document any, is bool) {
	switch typ {
	case "user":
		u, is := p.users[id]
		return formerUser{u.AccountID, u.Status, u.in, u.CreatedAt}, is
	case "group":
		g, is := p.groups[id]
		slices.Sort(g.LentTo)
		return formerGroup{g.AccountID, g.Name, g.Template, g.DefaultAccess, g.Rows, g.Lend, g.LentTo, g.CreatedAt}, is
	default:
		a, is := p.accounts[id]
		return formerAccount{a.Status, a.Ceiling}, is
	}
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

func newPast() *Past {
	return &Past{accounts: map[string]Account{}, groups: map[string]Group{}, users: map[string]pastUser{}, above: map[string]bool{}}
}

// Past reads what decided the access of all users of a tenant at a time; the zero time is
// now. Of users that were deleted since, it does not know the login and the name. It returns
// ErrInvalid for a time from which on nothing is kept, for a past time before FinishUpgrade,
// and for more than 500,000 users.
func (s *Store) Past(ctx context.Context, tenant string, at time.Time) (*Past, error) {
	p := newPast()
	err := s.snapshot(ctx, nil, func(x dialect.Execer) error {
		r := pastReader{Past: p, d: s.dialect, x: x, tenant: tenant}
		if at.IsZero() {
			p.at = schema.Micros(s.micros())
			return r.readNow(ctx)
		}
		p.at = schema.MicrosOf(at)
		return r.read(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("access at %s: %w", p.at.Time().Format(time.RFC3339), err)
	}
	return p, nil
}

// At returns the time that was asked for.
func (p *Past) At() time.Time { return p.at.Time() }

// pastReader fills a Past in one snapshot.
type pastReader struct {
	*Past
	d      dialect.Dialect
	x      dialect.Execer
	tenant string
	only   string // a JSON list of the ids to read, "" for all
}

// among is the condition that a column has one of the ids to read, with the arguments those.
func (r *pastReader) among(column string) string {
	if r.only == "" {
		return "TRUE"
	}
	return r.d.AnyOf(column, "SELECT v.value FROM "+r.d.Texts("?"))
}

func (r *pastReader) those() []any {
	if r.only == "" {
		return nil
	}
	return []any{r.only}
}

func (r *pastReader) read(ctx context.Context) error {
	suits, err := readCompatibility(ctx, r.d, r.x)
	if err == nil && suits.writer < keepsFormer {
		err = fault.Invalid("at", "cannot be answered before the upgrade is finished: programs of an earlier release do not keep who had which access. Run `resellerd migrate --finish` when none of them is left")
	}
	if err != nil {
		return err
	}
	type number struct{ N int64 }
	from, err := dialect.SelectOne[number](ctx, r.d, r.x, "SELECT COALESCE(max(at), 0) AS n FROM access_kept_from WHERE tenant_id = ?", r.tenant)
	if err == nil && int64(r.at) < from.N {
		err = fault.Invalid("at", "is before "+schema.Micros(from.N).Time().Format(time.RFC3339)+": from then on the store keeps who had which access")
	}
	if err == nil {
		err = r.readNow(ctx)
	}
	if err == nil {
		err = r.readFormer(ctx)
	}
	maps.DeleteFunc(r.accounts, func(_ string, a Account) bool { return a.CreatedAt > r.at })
	maps.DeleteFunc(r.groups, func(_ string, g Group) bool { return g.CreatedAt > r.at })
	maps.DeleteFunc(r.users, func(_ string, u pastUser) bool { return u.CreatedAt > r.at })
	r.link()
	return err
}

// readNow reads what decides access now.
func (r *pastReader) readNow(ctx context.Context) error {
	for _, part := range []func(context.Context) error{r.readAccounts, r.readGroups, r.readUsers} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	r.link()
	return nil
}

// link notes which accounts have some below them.
func (p *Past) link() {
	clear(p.above)
	for _, a := range p.accounts {
		p.above[a.ParentID] = true
	}
}

func (r *pastReader) readAccounts(ctx context.Context) error {
	all, err := dialect.SelectAll[Account](ctx, r.d, r.x, accountsTable.query+" WHERE tenant_id = ? AND "+r.among("id"), append([]any{r.tenant}, r.those()...)...)
	for _, a := range all {
		r.accounts[a.ID] = a
	}
	return err
}

func (r *pastReader) readGroups(ctx context.Context) error {
	groups, err := dialect.SelectAll[Group](ctx, r.d, r.x, groupsTable.query+" WHERE tenant_id = ? AND "+r.among("id"), append([]any{r.tenant}, r.those()...)...)
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
	rows, err := dialect.SelectAll[row](ctx, r.d, r.x, "SELECT r.group_id, r.area, r.access FROM groups g JOIN group_rows r ON r.group_id = g.id WHERE g.tenant_id = ? AND "+r.among("g.id"), append([]any{r.tenant}, r.those()...)...)
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
	loans, err := dialect.SelectAll[loan](ctx, r.d, r.x, "SELECT l.group_id, l.account_id FROM groups g JOIN group_loans l ON l.group_id = g.id WHERE g.tenant_id = ? AND "+r.among("g.id"), append([]any{r.tenant}, r.those()...)...)
	for _, one := range loans {
		g := r.groups[one.GroupID]
		g.LentTo = append(g.LentTo, one.AccountID)
		r.groups[one.GroupID] = g
	}
	return err
}

func (r *pastReader) readUsers(ctx context.Context) error {
	users, err := dialect.SelectAll[User](ctx, r.d, r.x, usersTable.query+" WHERE tenant_id = ? AND "+r.among("id")+" LIMIT ?", slices.Concat([]any{r.tenant}, r.those(), []any{maxPast + 1})...)
	if err == nil && len(users) > maxPast {
		err = fault.Invalid("tenant", fmt.Sprintf("has more than %d users", maxPast))
	}
	for _, u := range users {
		r.users[u.ID] = pastUser{u, map[string]schema.Micros{}}
	}
	if err != nil {
		return err
	}
	all, err := dialect.SelectAll[membership](ctx, r.d, r.x, "SELECT m.user_id, m.group_id, COALESCE(m.valid_to, 0) AS valid_to FROM users u JOIN user_groups m ON m.user_id = u.id WHERE u.tenant_id = ? AND "+r.among("u.id"), append([]any{r.tenant}, r.those()...)...)
	for _, one := range all {
		r.users[one.UserID].in[one.GroupID] = one.ValidTo
	}
	return err
}

// readFormer replaces each row that has changed since by the version that ended first after
// the time.
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

// expiredFormer counts the former versions of a tenant that are older than age.
func (s *Store) expiredFormer(ctx context.Context, tenant string, age time.Duration) (int64, error) {
	type number struct{ N int64 }
	if age <= 0 {
		return 0, nil
	}
	n, err := dialect.SelectOne[number](ctx, s.dialect, s.pool, "SELECT count(*) AS n FROM former_access WHERE tenant_id = ? AND until < ?", tenant, s.since(age))
	return n.N, err
}

// sweepFormer deletes former versions of a tenant that are older than age, in slices. It
// first says from when on they are kept. It returns their number.
func (s *Store) sweepFormer(ctx context.Context, tenant string, age time.Duration) (n int64, err error) {
	type version struct {
		Type, ID string
		Until    schema.Micros
	}
	if age <= 0 {
		return 0, nil
	}
	g, before := newStage(s, dialect.Sweeping), s.since(age)
	for {
		some, err := dialect.SelectAll[version](ctx, s.dialect, s.pool, "SELECT type, id, until FROM former_access WHERE tenant_id = ? AND until < ? ORDER BY tenant_id, until LIMIT ?", tenant, before, sweepRows)
		if err != nil || len(some) == 0 {
			return n, err
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
			return n, err
		}
		n += int64(len(some))
	}
}
