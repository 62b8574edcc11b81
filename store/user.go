package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

var (
	usersTable    = statementsOf[User]("users")
	userRowsTable = statementsOf[userRow]("users")
)

// User reads a user of the tenant. It returns ErrNotFound if there is none.
func (tx *Tx) User(ctx context.Context, id string) (User, error) {
	u, err := own[User](ctx, tx, "user", usersTable.query, id)
	if err != nil {
		return User{}, err
	}
	if err := tx.readMemberships(ctx, &u); err != nil {
		return User{}, fmt.Errorf("user %s: %w", id, err)
	}
	return u, nil
}

// readMemberships reads the groups that the user is in now.
func (tx *Tx) readMemberships(ctx context.Context, u *User) error {
	type membership struct {
		GroupID string        `db:"group_id"`
		ValidTo schema.Micros `db:"valid_to"`
	}
	all, err := dialect.SelectAll[membership](ctx, tx.store.dialect, tx.tx, `SELECT group_id, COALESCE(valid_to, 0) AS valid_to
		FROM user_groups WHERE user_id = ? AND (valid_to IS NULL OR valid_to > ?) ORDER BY group_id`, u.ID, tx.now)
	u.Groups, u.GroupEnds = nil, schema.Ends{}
	for _, one := range all {
		u.Groups = append(u.Groups, one.GroupID)
		if one.ValidTo != 0 {
			u.GroupEnds[one.GroupID] = one.ValidTo
		}
	}
	u.Left = len(all) == 0
	return err
}

// ApplyUser is Apply for a user. Without new ends, groups that stay keep theirs.
func ApplyUser(patch *UserPatch, u *User) {
	Apply(patch, u)
	if patch.GroupEnds == nil {
		maps.DeleteFunc(u.GroupEnds, func(group string, _ schema.Micros) bool { return !slices.Contains(u.Groups, group) })
	}
}

// userRow is a row of the table of users. It names one of the user's groups, so
// that no user is without a group.
type userRow struct {
	User
	FirstGroup string `db:"first_group_id"`
}

func rowOf(u User) userRow {
	row := userRow{User: u}
	row.Groups = slices.Sorted(slices.Values(u.Groups))
	if len(u.Groups) > 0 {
		row.FirstGroup = row.Groups[0]
	}
	return row
}

// CreateUser stores a new user of u.AccountID. The default of Status is Active.
// CreateUser sets id, tenant, version and times. It returns ErrInvalid for a
// malformed field, an unknown account, a group that the account neither owns nor
// borrows, or an end that is not in the future. It returns ErrConflict for a login whose
// key is taken in the account (see schema.LoginKey), an external id that is taken in
// the tenant, or ends before FinishUpgrade.
func (tx *Tx) CreateUser(ctx context.Context, u User) (User, error) {
	u.ID, u.TenantID, u.Version, u.CreatedAt, u.UpdatedAt = tx.newID("user"), tx.tenant, 1, tx.now, tx.now
	u.Default()
	err := errors.Join(u.Validate(), tx.endLater(u.GroupEnds), tx.owner(ctx, u.AccountID))
	if err == nil {
		err = tx.TakenByUsers(ctx, u)
	}
	if err != nil {
		return User{}, fmt.Errorf("user: %w", err)
	}
	row := rowOf(u)
	tx.creates("user", row.ID)
	_, err = tx.execNamed(ctx, userRowsTable.insert, row)
	if err == nil {
		err = tx.keyLogin(ctx, u)
	}
	if err == nil {
		err = tx.fold(ctx, "users", row.ID, row.User)
	}
	if err == nil {
		err = tx.join(ctx, row.User, row.Groups)
	}
	if err != nil {
		return User{}, fmt.Errorf("user: %w", err)
	}
	return row.User, nil
}

// endLater refuses memberships that end now or in the past.
func (tx *Tx) endLater(ends schema.Ends) error {
	for _, at := range ends {
		if at <= tx.now {
			return fault.Invalid("group_ends", "must have times in the future")
		}
	}
	return nil
}

// join adds a user to groups. The database refuses groups that the user's account
// may not use.
func (tx *Tx) join(ctx context.Context, u User, groups []string) error {
	if len(u.GroupEnds) > 0 {
		if err := tx.onlyWith(ctx, knowsEnds, "group_ends"); err != nil {
			return err
		}
	}
	for _, group := range groups {
		_, err := tx.exec(ctx, "INSERT INTO user_groups (user_id, group_id, valid_to) VALUES (?, ?, NULLIF(CAST(? AS BIGINT), 0))",
			u.ID, group, u.GroupEnds[group])
		if err != nil {
			return err
		}
	}
	return nil
}

// UpdateUser changes a user of the tenant and returns the changed user. It returns
// ErrNotFound, ErrInvalid (as CreateUser does), or ErrConflict if the version has
// moved on, or the login or the external id is taken. A stored external id may
// stay, even if it is malformed. The webhooks of a user that is not active any more end.
func (tx *Tx) UpdateUser(ctx context.Context, id string, patch UserPatch) (User, error) {
	before, err := tx.User(ctx, id)
	if err != nil {
		return User{}, err
	}
	if err := current("user", id, before.Version, patch.Version); err != nil {
		return User{}, err
	}
	u := before
	u.GroupEnds = maps.Clone(before.GroupEnds)
	ApplyUser(&patch, &u)
	changed := u
	if u.ExternalID == before.ExternalID {
		changed.ExternalID = ""
	}
	if err := errors.Join(changed.Validate(), tx.endLater(u.GroupEnds)); err != nil {
		return User{}, fmt.Errorf("user %s: %w", id, err)
	}
	if u.Login == before.Login {
		changed.Login = ""
	}
	if err := tx.TakenByUsers(ctx, changed); err != nil {
		return User{}, fmt.Errorf("user %s: %w", id, err)
	}
	u.Version, u.UpdatedAt = u.Version+1, tx.now
	row := rowOf(u)
	if err := tx.putUser(ctx, before, row); err != nil {
		return User{}, fmt.Errorf("user %s: %w", id, err)
	}
	return row.User, nil
}

func (tx *Tx) putUser(ctx context.Context, before User, row userRow) error {
	err := tx.willChange(ctx, "user", row.ID)
	if err == nil {
		err = tx.changeGroups(ctx, before, row)
	}
	if err == nil && row.Login != before.Login {
		err = tx.keyLogin(ctx, row.User)
	}
	if err == nil {
		err = tx.fold(ctx, "users", row.ID, row.User)
	}
	if err == nil && before.Status == Active && row.Status != Active {
		err = tx.endWebhooks(ctx, "= ?", row.ID)
	}
	return err
}

// changeGroups replaces the memberships that change, and stores the row. It takes away
// those that are over, unless the user stays without a group.
func (tx *Tx) changeGroups(ctx context.Context, before User, row userRow) error {
	if len(row.Groups) == 0 {
		_, err := tx.execNamed(ctx, usersTable.update, row.User)
		return err
	}
	stay := slices.DeleteFunc(slices.Clone(before.Groups), func(group string) bool {
		return !slices.Contains(row.Groups, group) || before.GroupEnds[group] != row.GroupEnds[group]
	})
	args := []any{row.ID}
	for _, group := range stay {
		args = append(args, group)
	}
	_, err := tx.exec(ctx, "DELETE FROM user_groups WHERE user_id = ? AND group_id NOT IN (''"+strings.Repeat(", ?", len(stay))+")", args...)
	if err == nil {
		err = tx.join(ctx, row.User, missing(stay, row.Groups))
	}
	if err == nil {
		_, err = tx.execNamed(ctx, userRowsTable.update, row)
	}
	return err
}

// DeleteUser deletes a user of the tenant with its webhooks. The version must match; 0
// matches any. It returns ErrNotFound, or ErrConflict if the version has moved on.
func (tx *Tx) DeleteUser(ctx context.Context, id string, version int64) error {
	u, err := tx.User(ctx, id)
	if err == nil {
		err = current("user", id, u.Version, version)
	}
	if err == nil {
		err = tx.dropWebhooks(ctx, id)
	}
	if err != nil {
		return err
	}
	return tx.dropOwn(ctx, "user", "users", id, version)
}

// dropEnded takes away the memberships of a group that are over. One that is the last of
// its user stays: no user is without one.
func (tx *Tx) dropEnded(ctx context.Context, group string) error {
	ended, err := tx.names(ctx, "SELECT user_id AS name FROM user_groups WHERE group_id = ? AND valid_to <= ?", group, tx.now)
	if err == nil {
		err = tx.keepFormer(ctx, "user", ended...)
	}
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE users SET first_group_id = (SELECT min(o.group_id) FROM user_groups o WHERE o.user_id = users.id AND o.group_id <> ?)
		WHERE first_group_id = ? AND id IN (SELECT m.user_id FROM user_groups m JOIN user_groups o ON o.user_id = m.user_id AND o.group_id <> m.group_id
			WHERE m.group_id = ? AND m.valid_to <= ?)`, group, group, group, tx.now)
	if err == nil {
		_, err = tx.exec(ctx, `DELETE FROM user_groups WHERE group_id = ? AND valid_to <= ?
			AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = user_groups.user_id AND u.first_group_id = user_groups.group_id)`, group, tx.now)
	}
	return err
}

// HasAdministrator reports whether an active user of the tenant's master has full access by one of the groups, without
// end: a user who can give every other user any access. Writes of one tenant take turns, so the answer holds until the end of
// the transaction.
func (tx *Tx) HasAdministrator(ctx context.Context) (bool, error) {
	some, err := tx.names(ctx, `SELECT u.id AS name FROM users u JOIN user_groups m ON m.user_id = u.id JOIN groups g ON g.id = m.group_id
		WHERE u.account_id = ? AND u.status = ? AND m.valid_to IS NULL AND g.default_access = ? AND NOT EXISTS (SELECT 1 FROM group_rows r
			WHERE r.group_id = g.id AND r.area IN ('account', 'group', 'user') AND r.access <> g.default_access) LIMIT 1`,
		tx.tenant, Active, FullAccess)
	if err != nil {
		return false, fmt.Errorf("administrators: %w", err)
	}
	return len(some) > 0, nil
}
