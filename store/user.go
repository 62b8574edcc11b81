package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if u.Groups, err = tx.names(ctx, "SELECT group_id AS name FROM user_groups WHERE user_id = ? ORDER BY 1", id); err != nil {
		return User{}, fmt.Errorf("user %s: %w", id, err)
	}
	return u, nil
}

// userRow is a row of the table of users. It names one of the user's groups, so
// that no user is without a group.
type userRow struct {
	User
	FirstGroup string `db:"first_group_id"`
}

func rowOf(u User) userRow {
	u.Groups = slices.Sorted(slices.Values(u.Groups))
	return userRow{User: u, FirstGroup: u.Groups[0]}
}

// CreateUser stores a new user of u.AccountID. The default of Status is Active.
// CreateUser sets id, tenant, version and times. It returns ErrInvalid for a
// malformed field, an unknown account, or a group that the account neither owns nor
// borrows. It returns ErrConflict for a login whose key is taken in the account (see
// schema.LoginKey) or an external id that is taken in the tenant.
func (tx *Tx) CreateUser(ctx context.Context, u User) (User, error) {
	u.ID, u.TenantID, u.Version, u.CreatedAt, u.UpdatedAt = tx.newID("user"), tx.tenant, 1, tx.now, tx.now
	u.Default()
	err := errors.Join(u.Validate(), tx.owner(ctx, u.AccountID))
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
		err = tx.join(ctx, u.ID, row.Groups)
	}
	if err != nil {
		return User{}, fmt.Errorf("user: %w", err)
	}
	return row.User, nil
}

// join adds a user to groups. The database refuses groups that the user's account
// may not use.
func (tx *Tx) join(ctx context.Context, user string, groups []string) error {
	for _, group := range groups {
		if _, err := tx.exec(ctx, "INSERT INTO user_groups (user_id, group_id) VALUES (?, ?)", user, group); err != nil {
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
	Apply(&patch, &u)
	changed := u
	if u.ExternalID == before.ExternalID {
		changed.ExternalID = ""
	}
	if err := changed.Validate(); err != nil {
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
		err = tx.join(ctx, row.ID, missing(before.Groups, row.Groups))
	}
	if err == nil {
		_, err = tx.execNamed(ctx, userRowsTable.update, row)
	}
	if err == nil && row.Login != before.Login {
		err = tx.keyLogin(ctx, row.User)
	}
	if err == nil {
		err = tx.fold(ctx, "users", row.ID, row.User)
	}
	if err != nil {
		return err
	}
	for _, group := range missing(row.Groups, before.Groups) {
		if _, err := tx.exec(ctx, "DELETE FROM user_groups WHERE user_id = ? AND group_id = ?", row.ID, group); err != nil {
			return err
		}
	}
	if before.Status == Active && row.Status != Active {
		return tx.endWebhooks(ctx, "= ?", row.ID)
	}
	return nil
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

// HasAdministrator reports whether an active user of the tenant's master has full access by one of the groups: a
// user who can give every other user any access. Writes of one tenant take turns, so the answer holds until the end of
// the transaction.
func (tx *Tx) HasAdministrator(ctx context.Context) (bool, error) {
	some, err := tx.names(ctx, `SELECT u.id AS name FROM users u JOIN user_groups m ON m.user_id = u.id JOIN groups g ON g.id = m.group_id
		WHERE u.account_id = ? AND u.status = ? AND g.default_access = ? AND NOT EXISTS (SELECT 1 FROM group_rows r
			WHERE r.group_id = g.id AND r.area IN ('account', 'group', 'user') AND r.access <> g.default_access) LIMIT 1`,
		tx.tenant, Active, FullAccess)
	if err != nil {
		return false, fmt.Errorf("administrators: %w", err)
	}
	return len(some) > 0, nil
}
