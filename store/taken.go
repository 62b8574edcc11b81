package store

import (
	"context"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// TakenByUsers returns an ErrConflict that names each value of a user which must be
// unique and which another user has: the login in the account, the external id in the
// tenant. It returns nil if there is none. CreateUser and UpdateUser ask it. Before a
// user of a new account, the account has no id yet, and any login is free.
func (tx *Tx) TakenByUsers(ctx context.Context, u User) error {
	var all fault.Several
	if u.Login != "" {
		taken, err := tx.has(ctx, "users WHERE account_id = ? AND login_key = ? AND id <> ?", u.AccountID, schema.LoginKey(u.Login), u.ID)
		if err != nil {
			return err
		}
		if taken {
			all = append(all, fault.Conflict("login", "is taken"))
		}
	}
	return tx.withTakenID(ctx, "users", u.ID, u.ExternalID, all)
}

// TakenByAccounts is TakenByUsers for an account. Only the external id is unique.
func (tx *Tx) TakenByAccounts(ctx context.Context, a Account) error {
	return tx.withTakenID(ctx, "accounts", a.ID, a.ExternalID, nil)
}

// withTakenID adds the conflict of an external id that another row of the tenant has.
func (tx *Tx) withTakenID(ctx context.Context, table, id, external string, all fault.Several) error {
	if external != "" {
		taken, err := tx.has(ctx, table+" WHERE tenant_id = ? AND external_id = ? AND id <> ?", tx.tenant, external, id)
		if err != nil {
			return err
		}
		if taken {
			all = append(all, refused(ReasonExternalIDTaken, "external_id", "is taken"))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// has reports whether there is such a row.
func (tx *Tx) has(ctx context.Context, rows string, args ...any) (bool, error) {
	type one struct{ N int }
	found, err := dialect.SelectAll[one](ctx, tx.store.dialect, tx.tx, "SELECT 1 AS n FROM "+rows+" LIMIT 1", args...)
	return len(found) > 0, err
}
