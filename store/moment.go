package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Moment reads the data of one moment within one tenant. The data is that of a
// snapshot, or the data that an open transaction would leave. A Moment writes
// nothing. It belongs to one goroutine and is valid until the function that
// received it returns.
type Moment struct {
	store  *Store
	x      dialect.Execer
	tenant string
}

// Snapshot calls fn with the data of one moment, in a transaction in which the
// database refuses writes. It returns fn's error unchanged.
func (s *Store) Snapshot(ctx context.Context, tenant string, fn func(*Moment) error) error {
	return s.snapshot(ctx, nil, func(x dialect.Execer) error { return fn(&Moment{store: s, x: x, tenant: tenant}) })
}

// Moment reads the data as the transaction sees it, with its own writes.
func (tx *Tx) Moment() *Moment { return &Moment{store: tx.store, x: tx.tx, tenant: tx.tenant} }

// List is Store.List for the data of the moment.
func (m *Moment) List(ctx context.Context, q query.Query) (query.Page, error) {
	return m.store.query.List(ctx, m.x, q)
}

// Stream is Store.Stream for the data of the moment.
func (m *Moment) Stream(ctx context.Context, q query.Query, fn func(query.Row) error) error {
	return m.store.query.Stream(ctx, m.x, q, fn)
}

// Count returns the total number of rows in the list.
func (m *Moment) Count(ctx context.Context, q query.Query) (int, error) {
	return m.store.query.Count(ctx, m.x, q)
}

// PolicyRow is Store.PolicyRow for the data of the moment. It returns ErrNotFound
// for a row of another tenant.
func (m *Moment) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	row, _, err := m.store.query.PolicyRow(ctx, m.x, typ, id, nil)
	if err == nil && row["tenant_id"] != m.tenant {
		return nil, fmt.Errorf("%s %s: %w", typ, id, fault.ErrNotFound)
	}
	return row, err
}

// Below is Store.Below for the data of the moment.
func (m *Moment) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := m.store.ancestors(ctx, m.x, descendant, nil)
	return slices.Contains(chain, ancestor), err
}

// Subject is Tx.Subject for the data of the moment.
func (m *Moment) Subject(ctx context.Context, ref string) (*Subject, error) {
	return loadSubject(ctx, m.store.dialect, m.x, m.now(), m.tenant, ref)
}

func (m *Moment) now() schema.Micros { return schema.Micros(m.store.micros()) }

// GroupsOf reads those of a user's present groups that the user's account owns or borrows,
// ordered by id. Other groups of the user have no effect. LentTo is not filled.
func (m *Moment) GroupsOf(ctx context.Context, user User) ([]Group, error) {
	groups, err := usableGroups(ctx, m.store.dialect, m.x, m.now(), user)
	if err != nil {
		return nil, fmt.Errorf("user %s: groups: %w", user.ID, err)
	}
	return groups, nil
}

// UsersIn lists the ids of at most limit users in a group, in order.
func (m *Moment) UsersIn(ctx context.Context, group string, limit int) ([]string, error) {
	return m.ids(ctx, "SELECT u.id AS id FROM user_groups m "+m.store.dialect.Each("users", "u", "u.id = m.user_id")+`
		WHERE m.group_id = ? AND (m.valid_to IS NULL OR m.valid_to > ?) AND u.tenant_id = ? ORDER BY m.user_id LIMIT ?`, group, m.now(), m.tenant, limit)
}

// UsersAt lists the ids of at most limit users of an account and of all accounts
// below it, in order.
func (m *Moment) UsersAt(ctx context.Context, account string, limit int) ([]string, error) {
	return m.ids(ctx, "SELECT u.id AS id FROM account_tree d "+m.store.dialect.Each("users", "u", "u.account_id = d.descendant_id")+`
		WHERE d.ancestor_id = ? AND u.tenant_id = ? ORDER BY u.id LIMIT ?`, account, m.tenant, limit)
}

// UsersAfter lists the ids of at most limit users of the tenant whose ids follow another
// one, in order.
func (m *Moment) UsersAfter(ctx context.Context, after string, limit int) ([]string, error) {
	return m.ids(ctx, "SELECT id FROM users WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?", m.tenant, after, limit)
}

// AccountsBelow lists the ids of an account and of at most limit-1 accounts below it,
// in order.
func (m *Moment) AccountsBelow(ctx context.Context, account string, limit int) ([]string, error) {
	return m.ids(ctx, `SELECT a.id AS id FROM account_tree d JOIN accounts a ON a.id = d.descendant_id
		WHERE d.ancestor_id = ? AND a.tenant_id = ? ORDER BY d.depth, a.id LIMIT ?`, account, m.tenant, limit)
}

// WebhooksBelow lists the ids of at most limit webhooks that have not ended and whose users
// belong to an account or to one below it.
func (m *Moment) WebhooksBelow(ctx context.Context, account string, limit int) ([]string, error) {
	each := m.store.dialect.Each
	return m.ids(ctx, "SELECT w.id AS id FROM account_tree d "+each("users", "u", "u.account_id = d.descendant_id")+" "+
		each("webhooks", "w", "w.tenant_id = u.tenant_id AND w.user_id = u.id")+`
		WHERE d.ancestor_id = ? AND u.tenant_id = ? AND w.status <> 'ended' ORDER BY w.id LIMIT ?`, account, m.tenant, limit)
}

// OpenRevision is a revision that is in force, or may come into force.
type OpenRevision struct {
	ID     string `db:"id"`
	CardID string `db:"card_id"`
	Status string `db:"status"` // active, scheduled, held or draft
}

// OpenRevisions lists at most limit open revisions of cards of these accounts, in
// order.
func (m *Moment) OpenRevisions(ctx context.Context, accounts []string, limit int) ([]OpenRevision, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	args := []any{m.tenant}
	for _, id := range accounts {
		args = append(args, id)
	}
	args = append(args, RevisionActive, RevisionScheduled, RevisionHeld, RevisionDraft, limit)
	return dialect.SelectAll[OpenRevision](ctx, m.store.dialect, m.x, `SELECT r.id, r.card_id, r.status
		FROM cards c JOIN revisions r ON r.card_id = c.id WHERE c.tenant_id = ? AND c.account_id IN (?`+strings.Repeat(", ?", len(accounts)-1)+`)
		AND r.status IN (?, ?, ?, ?) ORDER BY r.card_id, r.id LIMIT ?`, args...)
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

// Rehearse is a dry run of change. It runs change in a transaction, passes the
// changed data to changed, rolls change back, and passes the unchanged data to
// kept. It never commits. The first error ends it and is returned unchanged. After
// change, Rehearse also checks the constraints that the database would check at the
// commit, if the database can check them early.
//
// Like Write, it waits for the tenant's other writers, and they wait for it.
func (s *Store) Rehearse(ctx context.Context, tenant string, change func(*Tx) error, changed, kept func(*Moment) error) error {
	leave, err := coop.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	began := time.Now()
	done, err := s.turnOf(ctx, tenant, dialect.Rehearsing)
	waited := time.Since(began)
	if err != nil {
		return fmt.Errorf("transaction: %w", err)
	}
	defer done()
	begun, letGo, err := s.beginWrite(ctx, s.db.Write, dialect.Rehearsing)
	defer letGo()
	if err != nil {
		return fmt.Errorf("transaction: %w", s.dialect.TranslateIn(ctx, err))
	}
	defer func() { _ = begun.Rollback() }() // if it fails, closing the connection rolls back
	tx := &Tx{store: s, tx: begun, tenant: tenant, waited: waited, work: newWorks(dialect.Rehearsing, nil)}
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
