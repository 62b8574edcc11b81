package store

import (
	"context"
	"fmt"
	"slices"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Moment reads the data of one moment within one tenant: the store as a snapshot
// has it, or as a transaction that has not ended would leave it. It writes
// nothing, belongs to one goroutine and ends with the function it was given to.
type Moment struct {
	store  *Store
	x      dialect.Execer
	tenant string
}

// Snapshot has all that fn reads be of one moment, in a transaction that the
// database itself keeps from writing. fn's error is returned as it is.
func (s *Store) Snapshot(ctx context.Context, tenant string, fn func(*Moment) error) error {
	return s.snapshot(ctx, nil, func(x dialect.Execer) error { return fn(&Moment{store: s, x: x, tenant: tenant}) })
}

// Moment reads what the transaction sees, its own writes included.
func (tx *Tx) Moment() *Moment { return &Moment{store: tx.store, x: tx.tx, tenant: tx.tenant} }

// List reads one page; it is otherwise as Store.List.
func (m *Moment) List(ctx context.Context, q query.Query) (query.Page, error) {
	return m.store.query.List(ctx, m.x, q)
}

// Stream gives every row of the list to fn; it is otherwise as Store.Stream.
func (m *Moment) Stream(ctx context.Context, q query.Query, fn func(query.Row) error) error {
	return m.store.query.Stream(ctx, m.x, q, fn)
}

// Count gives how many rows the list has in all.
func (m *Moment) Count(ctx context.Context, q query.Query) (int, error) {
	return m.store.query.Count(ctx, m.x, q)
}

// PolicyRow is Store.PolicyRow; a row of another tenant is absent.
func (m *Moment) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	row, _, err := m.store.query.PolicyRow(ctx, m.x, typ, id, nil)
	if err == nil && row["tenant_id"] != m.tenant {
		return nil, fmt.Errorf("%s %s: %w", typ, id, fault.ErrNotFound)
	}
	return row, err
}

// Below is Store.Below.
func (m *Moment) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := m.store.ancestors(ctx, m.x, descendant, nil)
	return slices.Contains(chain, ancestor), err
}

// Subject is Tx.Subject.
func (m *Moment) Subject(ctx context.Context, ref string) (*Subject, error) {
	return loadSubject(ctx, m.store.dialect, m.x, m.tenant, ref)
}

// GroupsOf reads the groups that count for a user, in order of their ids:
// those of its groups that its account owns or was lent. LentTo is not filled.
func (m *Moment) GroupsOf(ctx context.Context, user User) ([]Group, error) {
	groups, err := usableGroups(ctx, m.store.dialect, m.x, user)
	if err != nil {
		return nil, fmt.Errorf("user %s: groups: %w", user.ID, err)
	}
	return groups, nil
}

// UsersIn lists the users who are in a group, by id, at most limit of them.
func (m *Moment) UsersIn(ctx context.Context, group string, limit int) ([]string, error) {
	return m.ids(ctx, `SELECT u.id AS id FROM user_groups m JOIN users u ON u.id = m.user_id
		WHERE m.group_id = ? AND u.tenant_id = ? ORDER BY u.id LIMIT ?`, group, m.tenant, limit)
}

// UsersAt lists the users of an account and of all below it, by id, at most
// limit of them.
func (m *Moment) UsersAt(ctx context.Context, account string, limit int) ([]string, error) {
	return m.ids(ctx, `SELECT u.id AS id FROM account_tree d JOIN users u ON u.account_id = d.descendant_id
		WHERE d.ancestor_id = ? AND u.tenant_id = ? ORDER BY u.id LIMIT ?`, account, m.tenant, limit)
}

func (m *Moment) ids(ctx context.Context, text string, args ...any) ([]string, error) {
	type row struct{ ID string }
	if !dialect.Storable(args...) {
		return nil, nil
	}
	rows, err := dialect.SelectAll[row](ctx, m.store.dialect, m.x, text, args...)
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, err
}

// Rehearse does in one transaction what is never to be done: it runs change,
// shows changed the data as the change would leave it and kept the data as it
// is, and takes everything back, whatever happens in between. There is no way
// from here to a commit. An error ends it and is returned as it is: change's,
// then that of a constraint which the database leaves to the commit.
//
// Like Write it waits for the tenant's other writers, and they for it.
func (s *Store) Rehearse(ctx context.Context, tenant string, change func(*Tx) error, changed, kept func(*Moment) error) error {
	begun, letGo, err := s.beginWrite(ctx)
	defer letGo()
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	defer func() { _ = begun.Rollback() }() // when it fails, the connection is given up and the server does it
	tx := &Tx{store: s, tx: begun, tenant: tenant, now: schema.Micros(s.micros())}
	if err := tx.serialise(ctx); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return tx.mark(ctx, "SAVEPOINT rehearsal") },
		func() error { return change(tx) },
		func() error { return tx.checkConstraints(ctx) },
		func() error { return changed(tx.Moment()) },
		func() error { return tx.mark(ctx, "ROLLBACK TO SAVEPOINT rehearsal") },
		func() error { return kept(tx.Moment()) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) mark(ctx context.Context, text string) error {
	if _, err := tx.tx.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("transaction: %w", tx.refused(ctx, err))
	}
	return nil
}
