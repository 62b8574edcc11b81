package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// checkRows refuses too many rows. Only a write of the rows is checked, so that a
// group that an older release wrote can still be renamed.
func checkRows(rows Access) error {
	if len(rows) > schema.MaxGroupRows {
		return fault.Invalid("rows", fmt.Sprintf("has more than %d areas", schema.MaxGroupRows))
	}
	return nil
}

var groupsTable = statementsOf[Group]("groups")

// Group reads a group of the tenant. It returns ErrNotFound if there is none.
func (tx *Tx) Group(ctx context.Context, id string) (Group, error) {
	g, err := own[Group](ctx, tx, "group", groupsTable.query, id)
	if err != nil {
		return Group{}, err
	}
	if g.LentTo, err = tx.names(ctx, "SELECT account_id AS name FROM group_loans WHERE group_id = ? ORDER BY 1", id); err != nil {
		return Group{}, fmt.Errorf("group %s: %w", id, err)
	}
	if g.Rows, err = groupRows(ctx, tx.store.dialect, tx.tx, id); err != nil {
		return Group{}, fmt.Errorf("group %s: %w", id, err)
	}
	return g, nil
}

func groupRows(ctx context.Context, d dialect.Dialect, x dialect.Execer, id string) (Access, error) {
	type row struct{ Area, Access string }
	rows, err := dialect.SelectAll[row](ctx, d, x, "SELECT area, access FROM group_rows WHERE group_id = ?", id)
	access := Access{}
	for _, row := range rows {
		access[row.Area] = row.Access
	}
	return access, err
}

// names reads a query's only column, which must be called name.
func (tx *Tx) names(ctx context.Context, text string, args ...any) ([]string, error) {
	type row struct{ Name string }
	rows, err := dialect.SelectAll[row](ctx, tx.store.dialect, tx.tx, text, args...)
	var all []string
	for _, row := range rows {
		all = append(all, row.Name)
	}
	return all, err
}

// CreateGroup stores a new group of g.AccountID. The default of Lend is LendNone.
// CreateGroup sets id, tenant, version and times. It returns ErrInvalid for a
// malformed field, an unknown owner, or a loan to an account that is not directly
// below the owner.
func (tx *Tx) CreateGroup(ctx context.Context, g Group) (Group, error) {
	g.ID, g.TenantID, g.Version, g.CreatedAt, g.UpdatedAt = tx.newID("group"), tx.tenant, 1, tx.now, tx.now
	g.Default()
	if err := errors.Join(checkRows(g.Rows), g.Validate(), tx.owner(ctx, g.AccountID)); err != nil {
		return Group{}, fmt.Errorf("group: %w", err)
	}
	g.Normalise()
	tx.creates("group", g.ID)
	_, err := tx.execNamed(ctx, groupsTable.insert, g)
	if err == nil {
		err = tx.fold(ctx, "groups", g.ID, g)
	}
	if err == nil {
		err = errors.Join(tx.putGroupRows(ctx, g), tx.lend(ctx, g, g.LentTo))
	}
	if err != nil {
		return Group{}, fmt.Errorf("group: %w", err)
	}
	return g, nil
}

// owner checks that a new row's account belongs to the tenant.
func (tx *Tx) owner(ctx context.Context, account string) error {
	_, err := tx.Account(ctx, account)
	if errors.Is(err, fault.ErrNotFound) {
		return fault.Invalid("account_id", "does not name an account")
	}
	return err
}

// putGroupRows inserts all rows at once: other writers of the tenant wait for each
// statement.
func (tx *Tx) putGroupRows(ctx context.Context, g Group) error {
	if len(g.Rows) == 0 {
		return nil
	}
	values := make([]any, 0, 3*len(g.Rows))
	for area, letters := range g.Rows {
		values = append(values, g.ID, area, letters)
	}
	_, err := tx.exec(ctx, "INSERT INTO group_rows (group_id, area, access) VALUES (?, ?, ?)"+strings.Repeat(", (?, ?, ?)", len(g.Rows)-1), values...)
	return err
}

func (tx *Tx) lend(ctx context.Context, g Group, to []string) error {
	for _, account := range to {
		below, err := tx.Account(ctx, account)
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			return err
		}
		if err != nil || below.ParentID != g.AccountID {
			return fault.Invalid("lend_to", "has an account that is not directly below")
		}
		_, err = tx.exec(ctx, "INSERT INTO group_loans (group_id, account_id, owner_id) VALUES (?, ?, ?)", g.ID, account, g.AccountID)
		if err != nil {
			return err
		}
	}
	return nil
}

// UpdateGroup changes a group of the tenant and returns the changed group. It
// returns ErrNotFound, ErrInvalid, or ErrConflict if the version has moved on, or
// if the change would withdraw the group from an account that has users in it.
func (tx *Tx) UpdateGroup(ctx context.Context, id string, patch GroupPatch) (Group, error) {
	before, err := tx.Group(ctx, id)
	if err != nil {
		return Group{}, err
	}
	if err := current("group", id, before.Version, patch.Version); err != nil {
		return Group{}, err
	}
	g := before
	Apply(&patch, &g)
	err = g.Validate()
	if patch.Rows != nil {
		err = errors.Join(checkRows(g.Rows), err)
	}
	if err != nil {
		return Group{}, fmt.Errorf("group %s: %w", id, err)
	}
	g.Normalise()
	g.Version, g.UpdatedAt = g.Version+1, tx.now
	if err := tx.putGroup(ctx, before, g); err != nil {
		return Group{}, fmt.Errorf("group %s: %w", id, err)
	}
	return g, nil
}

// putGroup lends before it withdraws, so that an account that keeps the group never
// loses it in between.
func (tx *Tx) putGroup(ctx context.Context, before, g Group) error {
	err := tx.willChange(ctx, "group", g.ID)
	if withdrawn := missing(g.LentTo, before.LentTo); err == nil && (len(withdrawn) > 0 || g.Lend != before.Lend) {
		err = tx.dropEnded(ctx, g.ID)
	}
	if err == nil {
		err = tx.lend(ctx, g, missing(before.LentTo, g.LentTo))
	}
	if err == nil {
		_, err = tx.execNamed(ctx, groupsTable.update, g)
	}
	if err == nil {
		err = tx.fold(ctx, "groups", g.ID, g)
	}
	if err != nil {
		return err
	}
	for _, account := range missing(g.LentTo, before.LentTo) {
		if _, err := tx.exec(ctx, "DELETE FROM group_loans WHERE group_id = ? AND account_id = ?", g.ID, account); err != nil {
			return err
		}
	}
	if _, err := tx.exec(ctx, "DELETE FROM group_rows WHERE group_id = ?", g.ID); err != nil {
		return err
	}
	return tx.putGroupRows(ctx, g)
}

// missing lists the members of all that are not in some.
func missing[T comparable](some, all []T) (rest []T) {
	has := make(map[T]bool, len(some))
	for _, one := range some {
		has[one] = true
	}
	for _, one := range all {
		if !has[one] {
			rest = append(rest, one)
		}
	}
	return rest
}

// DeleteGroup deletes a group of the tenant. The version must match; 0 matches any.
// It returns ErrNotFound, or ErrConflict if users are in the group or the version
// has moved on. A user whose time in the group is over counts if it has no other group.
func (tx *Tx) DeleteGroup(ctx context.Context, id string, version int64) error {
	if _, err := tx.Group(ctx, id); err != nil {
		return err
	}
	if err := tx.dropEnded(ctx, id); err != nil {
		return fmt.Errorf("group %s: %w", id, err)
	}
	inUse, err := tx.names(ctx, "SELECT user_id AS name FROM user_groups WHERE group_id = ? LIMIT 1", id)
	if err != nil {
		return fmt.Errorf("group %s: %w", id, err)
	}
	if len(inUse) > 0 {
		return fmt.Errorf("group %s: %w", id, fault.Conflict("", "users are still in the group"))
	}
	return tx.dropOwn(ctx, "group", "groups", id, version)
}
