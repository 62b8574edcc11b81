package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/schema"
)

// SubjectGroup is a group of a user.
type SubjectGroup struct {
	ID       string
	Template string        // that it was made from; "" for none
	End      schema.Micros // when the user leaves it by itself; 0 for never
	Access   Access        // that it gives
}

// Subject is a user with all data that decisions about the user depend on.
type Subject struct {
	User    User
	Account Account
	Chain   []Account // the user's account and every account above, nearest first
	// Status is the account's effective status. It is Closed if any account of the
	// chain is Closed. Otherwise it is Suspended if any is Suspended, and Active if
	// none is.
	Status string
	// Access is the union of the groups, cut by every ceiling of the chain. It is
	// shared and must not be changed.
	Access Access
	// Granted is the union of the groups before any ceiling cuts it.
	Granted Access
	// Named holds the areas that the groups have rows for, sorted. Keys of Access
	// that are not in Named come from a ceiling.
	Named []string
	// Groups are the user's groups that the account owns or that are lent to it.
	Groups []SubjectGroup
	Leaf   bool // the user's account has no accounts below it
	// Until is when one of these groups ends, 0 for never. From then on, the subject is
	// another one.
	Until schema.Micros
	// BreakGlass is true for a user who was created for an emergency, until its time is over.
	BreakGlass bool

	// Derived holds what the caller derives from the subject. It lives as long as
	// the subject, and Bytes counts it.
	Derived atomic.Value
}

// The estimated bytes of a subject, and of each of its areas. They include what the
// server derives: the input of the policy, as a document and as values of OPA, and
// the text for the decision log.
const (
	subjectBytes = 8 << 10
	areaBytes    = 3 << 10
)

// Bytes estimates the size of the subject and of Derived.
func (s *Subject) Bytes() int64 {
	n := len(s.Access)
	for _, a := range s.Chain {
		n += len(a.Ceiling)
	}
	return subjectBytes + int64(n)*areaBytes + int64(len(s.User.IPAllow)+len(s.User.Groups)+len(s.Groups))*128
}

// Subject finds the tenant's user whose id is ref, or else whose external id is
// ref. It reads the data as the transaction sees it. It returns ErrNotFound if
// there is none.
func (tx *Tx) Subject(ctx context.Context, ref string) (*Subject, error) {
	return loadSubject(ctx, tx.store.dialect, tx.tx, tx.now, tx.tenant, ref)
}

// Subject finds the user whose id is ref, or else whose external id is ref. It
// searches the tenant, or all tenants if tenant is "". It returns ErrNotFound if
// there is none, and ErrAmbiguous if users of two tenants have that external id. It
// returns ErrUnavailable if the answer cannot be confirmed for the current data
// revision. Groups whose time is over are missing to the microsecond. The subject is
// shared by all callers and must not be changed.
func (s *Store) Subject(ctx context.Context, tenant, ref string) (*Subject, error) {
	return history.Cached(ctx, s.cache, "subject\x00"+tenant+"\x00"+ref, func(ctx context.Context, at *history.Observation) (*Subject, int64, error) {
		var subject *Subject
		err := s.snapshot(ctx, at, func(x dialect.Execer) (err error) {
			subject, err = loadSubject(ctx, s.dialect, x, schema.Micros(s.micros()), tenant, ref)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
		return subject, int64(subject.Until), nil
	})
}

// snapshot runs fn so that all its statements read the data of one moment. For
// example, a ceiling and the groups below it never come from different moments. If
// at is not nil, it also reads the history of that moment.
func (s *Store) snapshot(ctx context.Context, at *history.Observation, fn func(dialect.Execer) error) error {
	return s.inReadTx(ctx, at, func(tx *sqlx.Tx) error { return fn(tx) })
}

// loadSubject finds the user in a tenant, or in any tenant if tenant is "", as of a time.
func loadSubject(ctx context.Context, d dialect.Dialect, x dialect.Execer, now schema.Micros, tenant, ref string) (*Subject, error) {
	user, err := findUser(ctx, d, x, tenant, ref)
	if err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	s := &Subject{User: user}
	if s.Chain, err = accountChain(ctx, d, x, user.AccountID); err != nil {
		return nil, fmt.Errorf("user %s: account: %w", user.ID, err)
	}
	if len(s.Chain) == 0 || s.Chain[0].ID != user.AccountID {
		return nil, fmt.Errorf("user %s: account: %w", user.ID, fault.ErrNotFound)
	}
	s.Account, s.Status = s.Chain[0], effectiveStatus(s.Chain)
	groups, err := usableGroups(ctx, d, x, now, user)
	if err != nil {
		return nil, fmt.Errorf("user %s: groups: %w", user.ID, err)
	}
	ends, err := endsOf(ctx, d, x, now, user)
	if err != nil {
		return nil, fmt.Errorf("user %s: groups: %w", user.ID, err)
	}
	if len(ends) > 0 {
		if s.BreakGlass, err = isBreakGlass(ctx, d, x, now, user.ID); err != nil {
			return nil, fmt.Errorf("user %s: %w", user.ID, err)
		}
	}
	for _, end := range ends {
		if s.Until == 0 || end < s.Until {
			s.Until = end
		}
	}
	s.Access = Resolve(accesses(groups), ceilings(s.Chain))
	s.Granted = Resolve(accesses(groups), nil)
	for _, group := range groups {
		s.User.Groups = append(s.User.Groups, group.ID)
		s.Groups = append(s.Groups, SubjectGroup{group.ID, group.Template, ends[group.ID], group.Access()})
		s.Named = slices.AppendSeq(s.Named, maps.Keys(group.Rows))
	}
	slices.Sort(s.Named)
	s.Named = slices.Compact(s.Named)
	s.Leaf, err = isLeaf(ctx, d, x, user.AccountID)
	return s, err
}

func findUser(ctx context.Context, d dialect.Dialect, x dialect.Execer, tenant, ref string) (User, error) {
	if !dialect.Storable(ref) || ref == "" {
		return User{}, fault.ErrNotFound
	}
	columns := []string{"id", "external_id"}
	if schema.LikeID(ref) {
		columns = columns[:1]
	}
	for _, column := range columns {
		text, args := usersTable.query+" WHERE "+column+" = ?", []any{ref}
		if tenant != "" {
			text, args = text+" AND tenant_id = ?", append(args, tenant)
		}
		found, err := dialect.SelectAll[User](ctx, d, x, text+" LIMIT 2", args...)
		switch {
		case err != nil:
			return User{}, err
		case len(found) > 1:
			return User{}, fault.ErrAmbiguous
		case len(found) == 1:
			return found[0], nil
		}
	}
	return User{}, fault.ErrNotFound
}

// usableGroups reads those of the user's groups at a time that the user's account owns or
// borrows. The database refuses other groups. If a user were in another one, that
// group would grant nothing.
func usableGroups(ctx context.Context, d dialect.Dialect, x dialect.Execer, now schema.Micros, user User) ([]Group, error) {
	groups, err := dialect.SelectAll[Group](ctx, d, x, groupsTable.query+" WHERE "+d.AnyOf("id",
		`SELECT m.group_id FROM user_groups m JOIN usable_groups u ON u.group_id = m.group_id
		WHERE m.user_id = ? AND (m.valid_to IS NULL OR m.valid_to > ?) AND u.account_id = ?`)+" ORDER BY id", user.ID, now, user.AccountID)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if groups[i].Rows, err = groupRows(ctx, d, x, groups[i].ID); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// endsOf returns when a user leaves groups by itself.
func endsOf(ctx context.Context, d dialect.Dialect, x dialect.Execer, now schema.Micros, user User) (schema.Ends, error) {
	type membership struct {
		GroupID string        `db:"group_id"`
		ValidTo schema.Micros `db:"valid_to"`
	}
	found, err := dialect.SelectAll[membership](ctx, d, x, "SELECT group_id, valid_to FROM user_groups WHERE user_id = ? AND valid_to > ?", user.ID, now)
	ends := schema.Ends{}
	for _, one := range found {
		ends[one.GroupID] = one.ValidTo
	}
	return ends, err
}

func isLeaf(ctx context.Context, d dialect.Dialect, x dialect.Execer, account string) (bool, error) {
	type row struct{ ID string }
	below, err := dialect.SelectAll[row](ctx, d, x, "SELECT id FROM accounts WHERE parent_id = ? LIMIT 1", account)
	return len(below) == 0, err
}

func effectiveStatus(chain []Account) string {
	status := Active
	for _, account := range chain {
		if account.Status == Closed {
			return Closed
		}
		if account.Status != Active {
			status = Suspended
		}
	}
	return status
}

func accesses(groups []Group) (all []Access) {
	for _, group := range groups {
		all = append(all, group.Access())
	}
	return all
}

func ceilings(chain []Account) (all []Access) {
	for _, account := range chain {
		all = append(all, account.Ceiling)
	}
	return all
}

// Grants returns the union of the rights of groups of the tenant, without any
// ceiling. It returns ErrNotFound if a group is absent.
func (tx *Tx) Grants(ctx context.Context, groups ...string) (Access, error) {
	var given []Access
	for _, id := range groups {
		group, err := tx.Group(ctx, id)
		if err != nil {
			return nil, err
		}
		given = append(given, group.Access())
	}
	return Resolve(given, nil), nil
}

// The limits of GrantsBelow: the rows of groups that it reads, and the look-ups of
// an area in a group.
const (
	maxGrantRows    = 20_000
	maxGrantLookups = 1_000_000
)

// GrantsBelow returns the union of the rights of all users of an account and of the
// accounts below it. It ignores ceilings and statuses. If there are too many rights
// to add up, it returns full access.
func (tx *Tx) GrantsBelow(ctx context.Context, account string) (Access, error) {
	type row struct {
		ID            string
		DefaultAccess string `db:"default_access"`
		Area, Access  string
	}
	rows, err := dialect.SelectAll[row](ctx, tx.store.dialect, tx.tx, `SELECT g.id, g.default_access,
			COALESCE(r.area, '') AS area, COALESCE(r.access, '') AS access
		FROM groups g LEFT JOIN group_rows r ON r.group_id = g.id
		WHERE g.tenant_id = ? AND `+tx.store.dialect.AnyOf("g.id", `SELECT m.group_id FROM account_tree t
			JOIN users u ON u.account_id = t.descendant_id JOIN user_groups m ON m.user_id = u.id
			WHERE t.ancestor_id = ? AND (m.valid_to IS NULL OR m.valid_to > ?)`)+" LIMIT ?", tx.tenant, account, tx.now, maxGrantRows+1)
	if err != nil {
		return nil, fmt.Errorf("account %s: groups: %w", account, err)
	}
	groups, areas := map[string]Access{}, map[string]bool{}
	for _, row := range rows {
		if groups[row.ID] == nil {
			groups[row.ID] = Access{AnyArea: row.DefaultAccess}
		}
		if row.Area != "" {
			groups[row.ID][row.Area], areas[row.Area] = row.Access, true
		}
	}
	if len(rows) > maxGrantRows || len(groups)*len(areas) > maxGrantLookups {
		return Access{AnyArea: FullAccess}, nil
	}
	return Resolve(slices.Collect(maps.Values(groups)), nil), nil
}
