package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// WriteImport is WriteLong for an import of many rows: those who wait for it are told so.
// It calls before in the same transaction, and fn then. If writers of different rows need
// not wait for each other, nobody waits for before, and before must not rely on anything
// that others may change: fn checks that. Both run again after long work, as few times as
// possible: see Ahead. If dry is true, everything is rolled back at the end.
func (s *Store) WriteImport(ctx context.Context, tenant string, dry bool, before, fn func(tx *Tx) error) error {
	kind := dialect.Importing
	if dry {
		kind = dialect.Rehearsing
	}
	return s.long(ctx, kind, func(w *works) error {
		w.before, w.many, w.dry = before, true, dry
		return s.write(ctx, tenant, w, fn)
	})
}

// OneWriter reports whether writers of different tenants and rows wait for each other.
func (s *Store) OneWriter() bool { return s.turns != nil }

// early does the part of a write that needs no lock.
func (tx *Tx) early(ctx context.Context) error {
	if tx.work.before == nil {
		return nil
	}
	if err := tx.store.dialect.Limit(ctx, tx.tx, tx.work.kind); err != nil {
		return fmt.Errorf("transaction: %w", tx.refused(ctx, err))
	}
	return tx.work.before(tx)
}

// NewID returns an id for a row that CreateCustomers will store.
func (s *Store) NewID(typ string) string { return s.newID(typ) }

// customerColumns are the columns of a customer with its folded texts.
var customerColumns = func() (names []string) {
	for _, f := range schema.Fields(reflect.TypeFor[Customer]()) {
		names = append(names, f.Name)
	}
	return append(names, "folded")
}()

// CreateCustomers stores the new customers that next returns, until it returns nil. Each
// has its id, from Store.NewID, and is valid. CreateCustomers sets tenant, version and
// times. It returns ErrConflict if an external id is taken in its account, and ErrInvalid
// for an unknown account. next must not use the transaction. CreateCustomers is for many rows:
// it writes neither audit entries nor reads anything for each of them.
func (tx *Tx) CreateCustomers(ctx context.Context, next func() (*Customer, error)) error {
	err := tx.bulk(ctx, "customers", customerColumns, func() ([]any, error) {
		c, err := next()
		if err != nil || c == nil {
			return nil, err
		}
		c.TenantID, c.Version, c.CreatedAt, c.UpdatedAt = tx.tenant, 1, tx.now, tx.now
		tx.creates("customer", c.ID)
		return []any{c.ID, c.TenantID, c.AccountID, c.Name, orNull(c.Email), c.Status, orNull(c.Currency), orNull(c.ExternalID), orNull(c.Notes),
			c.Version, int64(c.CreatedAt), int64(c.UpdatedAt), orNull(schema.Folded(*c))}, nil
	})
	if err != nil {
		return fmt.Errorf("customers: %w", err)
	}
	return nil
}

// namingLimit is how long a writer waits for an import that has inserted a customer of the same
// external id. It is shorter than the time after which PostgreSQL looks for a deadlock: the writer
// holds the lock of the tenant, which the import needs at its end.
const namingLimit = 500 * time.Millisecond

// naming gives a customer an external id, "" for none. It returns a WaitError if an import that has
// not ended has inserted a customer of that id in the same account.
func (tx *Tx) naming(ctx context.Context, external string, fn func() error) error {
	d := tx.store.dialect
	if external == "" || !d.Locks || tx.work.before != nil {
		return fn()
	}
	if err := d.LimitLocks(ctx, tx.tx, namingLimit); err != nil {
		return tx.refused(ctx, err)
	}
	if err := fn(); err != nil {
		if d.WaitedTooLong(err) {
			err = &fault.WaitError{Waited: namingLimit, For: dialect.Importing.String()}
		}
		return err // a caller that goes on undoes the limit with the rest of its Part
	}
	return tx.refused(ctx, d.LimitLocks(ctx, tx.tx, tx.work.kind.LockLimit(ctx)))
}

// TakenCustomers returns which of these external ids customers of an account have.
func (tx *Tx) TakenCustomers(ctx context.Context, account string, external []string) (map[string]bool, error) {
	taken := map[string]bool{}
	for some := range slices.Chunk(external, lookedUp) {
		args := []any{account}
		for _, name := range some {
			args = append(args, name)
		}
		found, err := tx.names(ctx, "SELECT external_id AS name FROM customers WHERE account_id = ? AND external_id IN (?"+strings.Repeat(", ?", len(some)-1)+")", args...)
		if err != nil {
			return nil, fmt.Errorf("customers: %w", err)
		}
		for _, name := range found {
			taken[name] = true
		}
	}
	return taken, nil
}

var auditColumns = []string{"id", "tenant_id", "at", "actor_id", "actor_account_id", "preview_of", "panel", "account_id", "resource_type", "resource_id",
	"action", "change"}

// AuditAll writes the entries that next returns, until it returns nil, as Audit does. The
// entries must be valid, and about accounts of the tenant. next must not use the
// transaction.
func (tx *Tx) AuditAll(ctx context.Context, next func() (*AuditEntry, error)) error {
	err := tx.bulk(ctx, "audit_entries", auditColumns, func() ([]any, error) {
		e, err := next()
		if err != nil || e == nil {
			return nil, err
		}
		return []any{tx.store.newID("audit"), tx.tenant, int64(tx.now), orNull(e.ActorID), orNull(e.ActorAccountID), orNull(e.PreviewOf), orNull(e.Panel),
			e.AccountID, e.ResourceType, e.ResourceID, e.Action, orNull(string(e.Change))}, nil
	})
	if err != nil {
		return fmt.Errorf("audit entries: %w", err)
	}
	return nil
}

func (tx *Tx) bulk(ctx context.Context, table string, columns []string, next func() ([]any, error)) error {
	tx.changed = true
	_, err := tx.store.dialect.BulkInsert(ctx, tx.tx, table, columns, next)
	return tx.refused(ctx, err)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
