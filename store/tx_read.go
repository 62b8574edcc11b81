package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// Read runs fn over one state of the tenant's data, as a Snapshot does. What fn
// writes is refused, and no writer waits for it.
func (s *Store) Read(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.inReadTx(ctx, nil, func(begun *sqlx.Tx) error {
		return fn(&Tx{store: s, tx: begun, tenant: tenant, now: Micros(s.micros())})
	})
}

// inReadTx runs fn in a transaction that reads one state of the data. With at,
// it reads the history of that state first.
func (s *Store) inReadTx(ctx context.Context, at *observation, fn func(*sqlx.Tx) error) error {
	refused := func(err error) error { return fmt.Errorf("transaction: %w", s.dialect.translateIn(ctx, err)) }
	var h historyStatement
	if at != nil {
		var err error
		if h, err = s.history.prepare(ctx, s.pool); err != nil {
			return refused(err)
		}
		defer h.release()
	}
	tx, err := s.db.read.BeginTxx(ctx, &s.dialect.oneState)
	if err != nil {
		return refused(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if at != nil {
		if err := h.look(ctx, tx, at); err != nil {
			return refused(err)
		}
	}
	return fn(tx)
}

// List reads one page as the transaction sees it, with its own writes; it is
// otherwise as Store.List. The query's filter decides what is read, also
// beyond the tenant.
func (tx *Tx) List(ctx context.Context, q Query) (Page, error) {
	return tx.store.query.list(ctx, tx.tx, q)
}

// PolicyRow is Store.PolicyRow as the transaction sees it; a row of another
// tenant is absent.
func (tx *Tx) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	row, _, err := tx.store.query.policyRow(ctx, tx.tx, typ, id, nil)
	if err == nil && row["tenant_id"] != tx.tenant {
		return nil, fmt.Errorf("%s %s: %w", typ, id, ErrNotFound)
	}
	return row, err
}

// Below is Store.Below as the transaction sees it.
func (tx *Tx) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := tx.store.ancestors(ctx, tx.tx, descendant, nil)
	return slices.Contains(chain, ancestor), err
}
