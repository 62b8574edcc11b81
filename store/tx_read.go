package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Read runs fn over one state of the tenant's data, as a Snapshot does. What fn
// writes is refused, and no writer waits for it.
func (s *Store) Read(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.inReadTx(ctx, nil, func(begun *sqlx.Tx) error {
		return fn(&Tx{store: s, tx: begun, tenant: tenant, now: schema.Micros(s.micros())})
	})
}

// inReadTx runs fn in a transaction that reads one state of the data. With at,
// it reads the history of that state first.
func (s *Store) inReadTx(ctx context.Context, at *history.Observation, fn func(*sqlx.Tx) error) error {
	refused := func(err error) error { return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err)) }
	var h history.Statement
	if at != nil {
		var err error
		if h, err = s.history.Prepare(ctx, s.pool); err != nil {
			return refused(err)
		}
		defer h.Release()
	}
	tx, err := s.db.Read.BeginTxx(ctx, &s.dialect.OneState)
	if err != nil {
		return refused(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if at != nil {
		if err := h.Look(ctx, tx, at); err != nil {
			return refused(err)
		}
	}
	return fn(tx)
}

// List reads one page as the transaction sees it, with its own writes; it is
// otherwise as Store.List. The query's filter decides what is read, also
// beyond the tenant.
func (tx *Tx) List(ctx context.Context, q query.Query) (query.Page, error) {
	return tx.store.query.List(ctx, tx.tx, q)
}

// PolicyRow is Store.PolicyRow as the transaction sees it; a row of another
// tenant is absent.
func (tx *Tx) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	row, _, err := tx.store.query.PolicyRow(ctx, tx.tx, typ, id, nil)
	if err == nil && row["tenant_id"] != tx.tenant {
		return nil, fmt.Errorf("%s %s: %w", typ, id, fault.ErrNotFound)
	}
	return row, err
}

// Below is Store.Below as the transaction sees it.
func (tx *Tx) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := tx.store.ancestors(ctx, tx.tx, descendant, nil)
	return slices.Contains(chain, ancestor), err
}
