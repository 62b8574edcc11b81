package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/schema"
)

// Tx is one writing transaction within one tenant: no method of it reads or
// writes a row of another. It belongs to one goroutine and ends with the
// function that Write was given.
type Tx struct {
	store   *Store
	tx      *sqlx.Tx
	tenant  string
	now     schema.Micros
	since   int64                // losses of history before it began
	changed bool                 // something was written
	proved  map[string]keptProof // revisions that were built here
	cursors int                  // that were opened

	atLoss bool // calls may cost more than they sell for, as was accepted here
}

// Tenant is the tenant (the id of its master) that is written to.
func (tx *Tx) Tenant() string { return tx.tenant }

// LossesAccepted reports whether anything was put in force or changed here at
// which calls cost more than they sell for, as its writer accepted.
func (tx *Tx) LossesAccepted() bool { return tx.atLoss }

// Now is the moment that this transaction writes down; it is read once.
func (tx *Tx) Now() schema.Micros { return tx.now }

// Write runs fn in one transaction and commits when fn returns nil; else, and
// when fn panics, nothing of it stays, and fn's error is returned as it is.
//
// Writers of one tenant run one after the other, so that what fn reads is what
// it changes. The data revision is written last and grows by one in the order
// of the commits; a transaction that wrote nothing leaves it alone. Write does
// not retry: ErrUnavailable says that the database was gone or had the
// transaction lose against another one, and that nothing was written unless
// the connection broke during the commit itself. It also says that the database
// has lost commits which this process has read, that its file was replaced, or
// that it could not confirm the write after the commit: the write may be there.
//
// An empty tenant is for making a new master, whose tenant it then becomes.
func (s *Store) Write(ctx context.Context, tenant string, fn func(tx *Tx) error) (err error) {
	since := s.tracker.State().Losses
	h, err := s.history.Prepare(ctx, s.writers)
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	defer h.Release()
	begun, letGo, err := s.beginWrite(ctx)
	defer letGo()
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	tx := &Tx{store: s, tx: begun, tenant: tenant, now: schema.Micros(s.micros()), since: since}
	ended := false
	defer func() {
		if !ended {
			_ = begun.Rollback() // the error that led here is the one that matters
		}
	}()
	if err := tx.serialise(ctx); err != nil {
		return err
	}
	if err := fn(tx); err != nil || !tx.changed {
		return err
	}
	made, err := tx.advance(ctx, h)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("commit: %w", context.Cause(ctx))
	}
	ended = true
	made.At = time.Now()
	if err := begun.Commit(); err != nil {
		return fmt.Errorf("commit: %w", tx.refused(ctx, err))
	}
	// What was committed is noted even for a caller who has left.
	if err := errors.Join(s.db.Intact(), s.tracker.Advance(context.WithoutCancel(ctx), made)); err != nil {
		return fmt.Errorf("the write may be lost: %w", err)
	}
	return nil
}

// beginWrite begins a transaction that lasts until it is ended here, whatever becomes
// of ctx: database/sql would roll it back from a goroutine of its own, on a
// connection that a COPY is still talking on. letGo is called after its end.
func (s *Store) beginWrite(ctx context.Context) (tx *sqlx.Tx, letGo func(), err error) {
	held, letGo := context.WithCancel(dialect.HeldOpen(ctx))
	stop := context.AfterFunc(ctx, letGo) // as long as it waits for a connection
	tx, err = s.db.Write.BeginTxx(held, nil)
	if !stop() && err == nil {
		return nil, letGo, errors.Join(context.Cause(ctx), tx.Rollback())
	}
	return tx, letGo, err
}

// serialise waits for the tenant's other writers.
func (tx *Tx) serialise(ctx context.Context) error {
	if tx.store.dialect.Serialise == "" {
		return nil
	}
	if _, err := tx.tx.ExecContext(ctx, tx.store.dialect.Serialise, "resellerd "+tx.tenant); err != nil {
		return fmt.Errorf("transaction: %w", tx.refused(ctx, err))
	}
	return nil
}

// advance checks what is left to check and takes the next data revision. Its
// row stays locked until the commit, which makes its order that of commits. It
// refuses to go on in a database that has lost what is known here.
func (tx *Tx) advance(ctx context.Context, h history.Statement) (made history.Observation, err error) {
	if err := tx.checkConstraints(ctx); err != nil {
		return made, err
	}
	if err := tx.store.db.Intact(); err != nil {
		return made, fmt.Errorf("data revision: %w", err)
	}
	if _, err := tx.tx.ExecContext(ctx, "UPDATE data_revision SET n = n + 1"); err != nil {
		return made, fmt.Errorf("data revision: %w", tx.refused(ctx, err))
	}
	made.Known = tx.store.tracker.State()
	if made.Known.Losses != tx.since {
		return made, fmt.Errorf("data revision: %w", history.ErrLost)
	}
	if err := h.Look(ctx, tx.tx, &made); err != nil {
		return made, fmt.Errorf("data revision: %w", tx.refused(ctx, err))
	}
	if err := tx.store.tracker.Holds(made); err != nil {
		return made, fmt.Errorf("data revision: %w", err)
	}
	return made, nil
}

// checkConstraints has the database check now what it would check at the commit, where it
// can be asked to.
func (tx *Tx) checkConstraints(ctx context.Context) error {
	if tx.store.dialect.CheckNow == "" {
		return nil
	}
	if _, err := tx.tx.ExecContext(ctx, tx.store.dialect.CheckNow); err != nil {
		return tx.refused(ctx, err)
	}
	return nil
}

// exec writes with the ?-marked arguments bound in order.
func (tx *Tx) exec(ctx context.Context, text string, args ...any) (rows int64, err error) {
	return tx.count(ctx)(tx.tx.ExecContext(ctx, tx.tx.Rebind(text), args...))
}

// execNamed writes with the :named arguments bound from a struct or map.
func (tx *Tx) execNamed(ctx context.Context, text string, arg any) (rows int64, err error) {
	return tx.count(ctx)(tx.tx.NamedExecContext(ctx, text, arg))
}

func (tx *Tx) count(ctx context.Context) func(sql.Result, error) (int64, error) {
	return func(result sql.Result, err error) (int64, error) {
		tx.changed = true
		if err != nil {
			return 0, tx.refused(ctx, err)
		}
		rows, err := result.RowsAffected()
		return rows, tx.refused(ctx, err)
	}
}

func (tx *Tx) refused(ctx context.Context, err error) error {
	return explain(tx.store.dialect.TranslateIn(ctx, err))
}

// own reads the row of the given id, if it is the tenant's.
func own[T any](ctx context.Context, tx *Tx, typ, text, id string) (T, error) {
	if !dialect.Storable(id) {
		var none T
		return none, fmt.Errorf("%s: %w", typ, fault.ErrNotFound)
	}
	row, err := dialect.SelectOne[T](ctx, tx.store.dialect, tx.tx, text+" WHERE tenant_id = ? AND id = ?", tx.tenant, id)
	if err != nil {
		return row, fmt.Errorf("%s %s: %w", typ, id, err)
	}
	return row, nil
}

// current refuses a write that was made for another version of the row; wanted
// 0 takes any.
func current(typ, id string, version, wanted int64) error {
	if wanted != 0 && wanted != version {
		return fmt.Errorf("%s %s: %w", typ, id, fault.Conflict("version", "has changed"))
	}
	return nil
}

// dropOwn deletes the row of the given id, if it is the tenant's and of the
// given version (0 for any).
func (tx *Tx) dropOwn(ctx context.Context, typ, table, id string, version int64) error {
	type versioned struct{ Version int64 }
	row, err := own[versioned](ctx, tx, typ, "SELECT version FROM "+table, id)
	if err != nil {
		return err
	}
	if err := current(typ, id, row.Version, version); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM "+table+" WHERE tenant_id = ? AND id = ?", tx.tenant, id); err != nil {
		return fmt.Errorf("%s %s: %w", typ, id, err)
	}
	return nil
}
