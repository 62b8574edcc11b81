package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// Read runs fn over one state of the tenant's data, as a Snapshot does. What fn
// writes is refused, and no writer waits for it.
func (s *Store) Read(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.reading(ctx, func(begun *sqlx.Tx) error {
		return fn(&Tx{store: s, tx: begun, tenant: tenant, now: Micros(s.micros())})
	})
}

// reading runs fn in a transaction that reads one state of the data.
func (s *Store) reading(ctx context.Context, fn func(*sqlx.Tx) error) error {
	tx, err := s.read.BeginTxx(ctx, s.oneState())
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.translateIn(ctx, err))
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(tx)
}

// oneState are the settings of a transaction that reads one state of the data.
func (s *Store) oneState() *sql.TxOptions {
	options := sql.TxOptions{ReadOnly: true}
	if s.dialect.name == "postgres" {
		options.Isolation = sql.LevelRepeatableRead // SQLite's transactions are never less
	}
	return &options
}

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
