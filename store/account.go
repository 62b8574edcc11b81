package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
)

var accountsTable = statementsOf[Account]("accounts")

// Account reads an account of the tenant. It returns ErrNotFound if there is none.
func (tx *Tx) Account(ctx context.Context, id string) (Account, error) {
	return own[Account](ctx, tx, "account", accountsTable.query, id)
}

// CreateAccount stores a new account: a Master, or a Reseller below a.ParentID. A
// Master needs a transaction without a tenant, and becomes its tenant. The default
// of Kind is Reseller, and that of Status is Active. CreateAccount sets id, tenant,
// depth, version and times.
//
// It returns ErrInvalid for a malformed field or an unknown parent, and ErrConflict
// if the external id is taken in the tenant.
func (tx *Tx) CreateAccount(ctx context.Context, a Account) (Account, error) {
	a.ID, a.Version, a.CreatedAt, a.UpdatedAt = tx.newID("account"), 1, tx.now, tx.now
	a.Default()
	a.Ceiling = a.Ceiling.Canonical()
	if err := a.Validate(); err != nil {
		return Account{}, fmt.Errorf("account: %w", err)
	}
	if err := tx.place(ctx, &a); err != nil {
		return Account{}, fmt.Errorf("account: %w", err)
	}
	tx.creates("account", a.ID)
	_, err := tx.execNamed(ctx, accountsTable.insert, a)
	if err == nil {
		err = tx.fold(ctx, "accounts", a.ID, a)
	}
	if err != nil {
		return Account{}, fmt.Errorf("account: %w", err)
	}
	return a, nil
}

// place puts a new account into the tree.
func (tx *Tx) place(ctx context.Context, a *Account) error {
	if a.Kind == Master {
		if tx.tenant != "" || a.ParentID != "" {
			return fault.Invalid("kind", "must be reseller: a master has no account above it")
		}
		a.TenantID, a.Depth, tx.tenant = a.ID, 0, a.ID
		return nil
	}
	parent, err := tx.Account(ctx, a.ParentID)
	if errors.Is(err, fault.ErrNotFound) {
		return fault.Invalid("parent_id", "does not name an account")
	}
	a.TenantID, a.Depth = parent.TenantID, parent.Depth+1
	return err
}

// UpdateAccount changes an account of the tenant and returns the changed account.
// It returns ErrNotFound, ErrInvalid, or ErrConflict if the version has moved on,
// the currency was set before, or the external id is taken. If the account is not active
// any more, the webhooks of its users and of those below it end.
func (tx *Tx) UpdateAccount(ctx context.Context, id string, patch AccountPatch) (Account, error) {
	a, err := tx.Account(ctx, id)
	if err != nil {
		return Account{}, err
	}
	if err := current("account", id, a.Version, patch.Version); err != nil {
		return Account{}, err
	}
	stops := a.Status == Active
	Apply(&patch, &a)
	stops = stops && a.Status != Active
	a.Version, a.UpdatedAt, a.Ceiling = a.Version+1, tx.now, a.Ceiling.Canonical()
	if err := a.Validate(); err != nil {
		return Account{}, fmt.Errorf("account %s: %w", id, err)
	}
	err = tx.willChange(ctx, "account", id)
	if err == nil {
		_, err = tx.execNamed(ctx, accountsTable.update, a)
	}
	if err == nil {
		err = tx.fold(ctx, "accounts", a.ID, a)
	}
	if err == nil && stops {
		err = tx.endWebhooks(ctx, "IN (SELECT u.id FROM account_tree t JOIN users u ON u.account_id = t.descendant_id WHERE t.ancestor_id = ?)", id)
	}
	if err != nil {
		return Account{}, fmt.Errorf("account %s: %w", id, err)
	}
	return a, nil
}

// AccountChain reads an account of the tenant and every account above it, nearest
// first. It returns ErrNotFound if there is no such account.
func (tx *Tx) AccountChain(ctx context.Context, id string) ([]Account, error) {
	if _, err := tx.Account(ctx, id); err != nil {
		return nil, err
	}
	return accountChain(ctx, tx.store.dialect, tx.tx, id)
}

func accountChain(ctx context.Context, d dialect.Dialect, x dialect.Execer, id string) ([]Account, error) {
	return dialect.SelectAll[Account](ctx, d, x, accountsTable.query+`
		JOIN (SELECT ancestor_id, depth AS distance FROM account_tree WHERE descendant_id = ?) AS above
		ON above.ancestor_id = id ORDER BY distance`, id)
}

// SoleTenant returns the id of the only master in the store. It returns ErrNotFound
// if there is none and ErrAmbiguous if there are several. The answer holds for the
// current data revision. SoleTenant returns ErrUnavailable if that revision cannot
// be confirmed.
func (s *Store) SoleTenant(ctx context.Context) (string, error) {
	type master struct{ ID string }
	masters, err := history.Cached(ctx, s.cache, "masters", func(ctx context.Context, at *history.Observation) (found []master, until int64, err error) {
		err = s.snapshot(ctx, at, func(x dialect.Execer) error {
			found, err = dialect.SelectAll[master](ctx, s.dialect, x, "SELECT id FROM accounts WHERE parent_id IS NULL LIMIT 2")
			return err
		})
		return found, 0, err
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("tenants: %w", err)
	case len(masters) == 0:
		return "", fmt.Errorf("tenants: %w", fault.ErrNotFound)
	case len(masters) > 1:
		return "", fmt.Errorf("tenants: %w", fault.ErrAmbiguous)
	}
	return masters[0].ID, nil
}
