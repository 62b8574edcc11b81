package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Read runs fn on the data of one moment of the tenant, as Snapshot does. The
// database refuses writes of fn, and no writer waits for it.
func (s *Store) Read(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.read(ctx, tenant, newWorks(dialect.Reading, nil), fn)
}

func (s *Store) read(ctx context.Context, tenant string, work *works, fn func(tx *Tx) error) error {
	return s.inReadTx(ctx, nil, func(begun *sqlx.Tx) error {
		return fn(&Tx{store: s, tx: begun, tenant: tenant, now: schema.Micros(s.micros()), work: work})
	})
}

// inReadTx runs fn in a transaction that reads the data of one moment. If at is not
// nil, it reads the history of that moment first.
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

// List is Store.List as the transaction sees the data, with its own writes. The
// query's filter decides which rows it reads, even beyond the tenant.
func (tx *Tx) List(ctx context.Context, q query.Query) (query.Page, error) {
	return tx.store.query.List(ctx, tx.tx, q)
}

// PolicyRow is Store.PolicyRow as the transaction sees the data. It returns
// ErrNotFound for a row of another tenant.
func (tx *Tx) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	row, _, err := tx.store.query.PolicyRow(ctx, tx.tx, typ, id, nil)
	if err == nil && row["tenant_id"] != tx.tenant {
		return nil, fmt.Errorf("%s %s: %w", typ, id, fault.ErrNotFound)
	}
	return row, err
}

// Below is Store.Below as the transaction sees the data.
func (tx *Tx) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := tx.store.ancestors(ctx, tx.tx, descendant, nil)
	return slices.Contains(chain, ancestor), err
}
