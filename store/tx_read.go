package store

import (
	"context"
	"fmt"
	"slices"
)

// List reads one page as the transaction sees it, with its own writes; it is
// otherwise as Store.List. The query's filter decides what is read, also
// beyond the tenant.
func (tx *Tx) List(ctx context.Context, q Query) (Page, error) {
	return tx.store.list(ctx, tx.tx, q)
}

// PolicyRow is Store.PolicyRow as the transaction sees it; a row of another
// tenant is absent.
func (tx *Tx) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	row, _, err := tx.store.policyRow(ctx, tx.tx, typ, id)
	if err == nil && row["tenant_id"] != tx.tenant {
		return nil, fmt.Errorf("%s %s: %w", typ, id, ErrNotFound)
	}
	return row, err
}

// Below is Store.Below as the transaction sees it.
func (tx *Tx) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := tx.store.ancestors(ctx, tx.tx, descendant)
	return slices.Contains(chain, ancestor), err
}
