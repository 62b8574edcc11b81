package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/schema"
)

// Tx is one write transaction within one tenant. Its methods change only rows of
// that tenant, except that KeepAnswer also deletes expired answers of other
// tenants. They read only rows of that tenant, except List, Below, Recipe and
// Destinations: their arguments decide. A Tx belongs to one goroutine and is valid
// until the function that Write was given returns.
type Tx struct {
	store   *Store
	tx      *sqlx.Tx
	tenant  string
	now     schema.Micros
	since   int64         // the losses of history before it began
	changed bool          // the transaction has written
	work    *works        // the results of long work, and whether to do it here
	waited  time.Duration // for its turn in this process
	made    int           // the number of ids that newID returned

	before map[string]changing // what it changes, as it was, by type

	formers    []formerVersion // see keepFormer
	formerKept map[string]bool // the ids of rows that keepFormer was called for

	atLoss bool // a writer accepted here that calls cost more than they sell for
}

// Tenant returns the tenant (the id of its master) of the transaction.
func (tx *Tx) Tenant() string { return tx.tenant }

// LossesAccepted reports whether the transaction activated or changed a revision
// whose calls cost more than they sell for, because its writer accepted that.
func (tx *Tx) LossesAccepted() bool { return tx.atLoss }

// Now returns the time of all changes of this transaction. The clock is read once.
func (tx *Tx) Now() schema.Micros { return tx.now }

// Write runs fn in one transaction and commits if fn returns nil. If fn returns an
// error or panics, Write rolls back. It returns fn's error unchanged.
//
// Writers of one tenant run one after the other, so that the data that fn reads
// cannot change before it writes. The data revision is written last. It grows by
// one with each commit, in the order of commits. A transaction that writes nothing
// does not change it.
//
// Write does not retry. It returns ErrUnavailable if the database did not answer,
// or if the transaction lost against another one. Then nothing was written, unless
// the connection broke during the commit itself. It also returns ErrUnavailable if
// the database has lost commits that this process has read, if its file was
// replaced, or if the write could not be confirmed after the commit. In these cases
// the write may be stored.
//
// An empty tenant is for creating a master, which then becomes the tenant of the
// transaction.
func (s *Store) Write(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	return s.write(ctx, tenant, newWorks(dialect.Writing, nil), fn)
}

func (s *Store) write(ctx context.Context, tenant string, work *works, fn func(tx *Tx) error) (err error) {
	leave, err := coop.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	since := s.tracker.State().Losses
	h, err := s.history.Prepare(ctx, s.writers)
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	defer h.Release()
	began := time.Now()
	if work.before == nil { // or else the database must see what waits for what
		done, err := s.turnOf(ctx, tenant, work.kind)
		if err != nil {
			return fmt.Errorf("transaction: %w", err)
		}
		defer done()
	}
	waited := time.Since(began)
	begun, letGo, err := s.beginWrite(ctx, s.db.Write, work.kind)
	defer letGo()
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	tx := &Tx{store: s, tx: begun, tenant: tenant, since: since, waited: waited, work: work, now: schema.Micros(s.micros())}
	work.later, work.asked, work.size, work.used = nil, map[string]bool{}, 0, 0
	ended := false
	defer func() {
		if !ended {
			_ = begun.Rollback() // the earlier error is the one that matters
		}
	}()
	if err := tx.early(ctx); err != nil {
		return err
	}
	if err := tx.serialise(ctx); err != nil {
		return err
	}
	if work.before != nil {
		tx.now = schema.Micros(s.micros()) // what others wrote meanwhile is earlier
	}
	err = fn(tx)
	if len(work.later) > 0 && ctx.Err() == nil {
		return work.later // err may come from a guess
	}
	if err == nil && work.dry {
		return tx.checkConstraints(ctx)
	}
	if err != nil || !tx.changed {
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
	// The tracker learns of the commit even if the caller has gone.
	if err := errors.Join(s.db.Intact(), s.tracker.Advance(context.WithoutCancel(ctx), made)); err != nil {
		return fmt.Errorf("the write may be lost: %w", err)
	}
	return nil
}

// beginWrite begins a transaction that does not end with ctx. Otherwise
// database/sql would roll it back from its own goroutine, on a connection that a
// COPY still uses. Call letGo after the end of the transaction. If the database has
// one writer at a time, the first to call is the first to write.
func (s *Store) beginWrite(ctx context.Context, on *sqlx.DB, kind dialect.Work) (tx *sqlx.Tx, letGo func(), err error) {
	leave := nothing
	if s.turns != nil {
		err = s.waits.during("", kind, func() error {
			leave, err = s.turns.enter(ctx, kind)
			return err
		})
	}
	if err != nil {
		return nil, nothing, err
	}
	held, cancel := context.WithCancel(dialect.HeldOpen(ctx))
	letGo = func() { cancel(); leave() }
	stop := context.AfterFunc(ctx, cancel) // ctx still ends the wait for a connection
	began := time.Now()
	tx, err = on.BeginTxx(held, nil)
	if !stop() && err == nil {
		return nil, letGo, errors.Join(context.Cause(ctx), tx.Rollback())
	}
	if s.dialect.WaitedTooLong(err) { // this process writes one by one, so it is not its own lock
		err = &fault.WaitError{Waited: time.Since(began), For: "another process"}
	}
	return tx, letGo, err
}

// turnOf waits for the tenant's other writers in this process, if the database has many
// writers. It comes before the connection, so that those who wait hold none.
func (s *Store) turnOf(ctx context.Context, tenant string, kind dialect.Work) (leave func(), err error) {
	leave = nothing
	if !s.dialect.Locks {
		return leave, nil
	}
	err = s.waits.before(tenant, kind, func() error {
		leave, err = s.ofTenant.enter(ctx, tenant, kind)
		return err
	})
	if waited := (*fault.WaitError)(nil); errors.As(err, &waited) {
		waited.For = s.dialect.Holder(ctx, s.pool, lockOf(tenant)).String()
	}
	return leave, err
}

// lockOf is the name under which the writers of a tenant are serialised.
func lockOf(tenant string) string { return "resellerd " + tenant }

// serialise limits the statements of the transaction, and waits for the tenant's other
// writers. It reads the clock after that, so that rights that end during the wait do not
// count. It returns a WaitError if that takes too long.
func (tx *Tx) serialise(ctx context.Context) error {
	defer func() { tx.now = schema.Micros(tx.store.micros()) }()
	d, name, kind := tx.store.dialect, lockOf(tx.tenant), tx.work.kind
	if !d.Locks {
		return nil
	}
	limit := max(min(kind.LockLimit(ctx), kind.LockLimit(context.Background())-tx.waited), time.Millisecond)
	err := tx.store.waits.during(tx.tenant, kind, func() error { return d.Serialise(ctx, tx.tx, kind, name, limit) })
	if d.WaitedTooLong(err) {
		_ = tx.tx.Rollback() // frees the connection before it takes another
		err = &fault.WaitError{Waited: tx.waited + limit, For: d.Holder(ctx, tx.store.pool, name).String()}
	}
	if err != nil {
		return fmt.Errorf("transaction: %w", tx.refused(ctx, err))
	}
	return nil
}

// advance checks the deferred constraints and takes the next data revision. The row
// of the data revision stays locked until the commit, so that its order is the
// order of commits. advance fails if the database has lost commits that this
// process knows.
func (tx *Tx) advance(ctx context.Context, h history.Statement) (made history.Observation, err error) {
	if err := tx.checkConstraints(ctx); err != nil {
		return made, err
	}
	if err := tx.store.db.Intact(); err != nil {
		return made, fmt.Errorf("data revision: %w", err)
	}
	if err := tx.writeFormer(ctx); err != nil {
		return made, err
	}
	changes := changeWriter{tx: tx}
	if err := changes.before(ctx); err != nil {
		return made, err
	}
	if err := tx.takeRevision(ctx); err != nil {
		return made, fmt.Errorf("data revision: %w", err)
	}
	if err := changes.within(ctx); err != nil {
		return made, err
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

// checkConstraints makes the database check the deferred constraints now, if it has
// a statement for that.
func (tx *Tx) checkConstraints(ctx context.Context) error {
	if tx.store.dialect.CheckNow == "" {
		return nil
	}
	if _, err := tx.tx.ExecContext(ctx, tx.store.dialect.CheckNow); err != nil {
		return tx.refused(ctx, err)
	}
	return nil
}

// exec runs a write with arguments for its ? placeholders.
func (tx *Tx) exec(ctx context.Context, text string, args ...any) (rows int64, err error) {
	return tx.count(ctx)(tx.tx.ExecContext(ctx, tx.tx.Rebind(text), args...))
}

// execNamed runs a write whose :named arguments come from a struct or map.
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

// own reads the row with the given id if it belongs to the tenant.
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

// current refuses a write for another version of the row. If wanted is 0, any
// version matches.
func current(typ, id string, version, wanted int64) error {
	if wanted != 0 && wanted != version {
		return fmt.Errorf("%s %s: %w", typ, id, fault.Conflict("version", "has changed"))
	}
	return nil
}

// dropOwn deletes the row with the given id if it belongs to the tenant and has the
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
	if err := tx.willChange(ctx, typ, id); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM "+table+" WHERE tenant_id = ? AND id = ?", tx.tenant, id); err != nil {
		return fmt.Errorf("%s %s: %w", typ, id, err)
	}
	return nil
}
