package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// Keep says how long old data is kept. 0 keeps all.
type Keep struct {
	Revisions time.Duration // archived revisions, since they were in force
	Audit     time.Duration // audit entries, and who had which access
	Changes   time.Duration // changes, which /v1/changes tells
}

// keepMargin is the difference of clocks that a reader of old rates may have: a process that
// prunes waits for that much longer than one that answers.
const keepMargin = time.Hour

// since returns the time before which data of this age is not kept.
func (s *Store) since(age time.Duration) schema.Micros {
	return schema.Micros(s.now().Add(-age).UnixMicro())
}

// Expired is what Prune would delete of one tenant.
type Expired struct {
	TenantID     string            `json:"tenant_id"`
	Revisions    []ExpiredRevision `json:"revisions"`
	AuditEntries int64             `json:"audit_entries"`
	FormerAccess int64             `json:"former_access"` // versions of users, groups and accounts
}

// ExpiredRevision is an archived revision that is older than Keep.Revisions.
type ExpiredRevision struct {
	ID            string        `db:"id" json:"id"`
	CardID        string        `db:"card_id" json:"card_id"`
	AccountID     string        `db:"account_id" json:"account_id"`
	Number        int           `db:"number" json:"number"`
	Rows          int64         `db:"row_count" json:"rows"`
	DeactivatedAt schema.Micros `db:"deactivated_at" json:"-"`
}

// pruneSlice is how many revisions Prune takes from their cards in one transaction.
const pruneSlice = 100

// selectExpired finds archived revisions. An amendment that waits may be based on any of its
// card, so that such a card keeps all. Whether another card was built from a revision
// decides only when Sweep deletes its rates: nobody may learn that from a list.
const selectExpired = `SELECT r.id AS id, r.card_id AS card_id, c.account_id AS account_id, r.number AS number,
		r.row_count AS row_count, r.deactivated_at AS deactivated_at
	FROM cards c JOIN revisions r ON r.card_id = c.id
	WHERE c.tenant_id = ? AND r.status = ? AND r.deactivated_at < ? AND NOT EXISTS (
		SELECT 1 FROM revisions w WHERE w.card_id = c.id AND w.base_id IS NOT NULL AND w.status IN (?, ?, ?))
	ORDER BY c.id, r.deactivated_at, r.id`

func (s *Store) expiredRevisions(ctx context.Context, x dialect.Execer, tenant string, age time.Duration, limit string) ([]ExpiredRevision, error) {
	if age <= 0 {
		return nil, nil
	}
	return dialect.SelectAll[ExpiredRevision](ctx, s.dialect, x, selectExpired+limit,
		tenant, RevisionArchived, s.since(age+keepMargin), RevisionDraft, RevisionScheduled, RevisionHeld)
}

func (s *Store) expiredEntries(ctx context.Context, x dialect.Execer, tenant string, age time.Duration) (int64, error) {
	type number struct{ N int64 }
	if age <= 0 {
		return 0, nil
	}
	n, err := dialect.SelectOne[number](ctx, s.dialect, x, `SELECT count(*) AS n FROM audit_entries WHERE tenant_id = ? AND at < ?
		AND at >= COALESCE((SELECT k.at FROM audit_kept_from k WHERE k.tenant_id = ?), at)`, tenant, s.since(age), tenant)
	return n.N, err
}

// Expired returns what Prune would delete now, for each tenant.
func (s *Store) Expired(ctx context.Context, keep Keep) ([]Expired, error) {
	var all []Expired
	tenants, err := s.Tenants(ctx)
	for _, tenant := range tenants {
		e := Expired{TenantID: tenant}
		if err == nil {
			e.Revisions, err = s.expiredRevisions(ctx, s.pool, tenant, keep.Revisions, "")
		}
		if err == nil {
			e.AuditEntries, err = s.expiredEntries(ctx, s.pool, tenant, keep.Audit)
		}
		if err == nil {
			e.FormerAccess, err = s.expiredFormer(ctx, tenant, keep.Audit)
		}
		if err == nil && (len(e.Revisions) > 0 || e.AuditEntries > 0 || e.FormerAccess > 0) {
			all = append(all, e)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("prune: %w", err)
	}
	return all, nil
}

// Tenants lists the ids of the masters, in order.
func (s *Store) Tenants(ctx context.Context) ([]string, error) {
	found, err := dialect.SelectAll[kept](ctx, s.dialect, s.pool, "SELECT id FROM accounts WHERE parent_id IS NULL ORDER BY id")
	ids := make([]string, len(found))
	for i, one := range found {
		ids[i] = one.ID
	}
	return ids, err
}

// Prune deletes data that is older than keep. Revisions that are active, scheduled, held,
// drafts, or inactive stay at any age. In short transactions of the tenant, it takes
// revisions from their cards and says from when on audit entries are kept, with an audit
// entry for each. From then on nobody sees the data. Sweep deletes revisions later, and
// Prune itself deletes audit entries and changes, without holding up a writer. Any number of
// processes may prune at the same time. It returns what it deleted.
func (s *Store) Prune(ctx context.Context, keep Keep) ([]Expired, error) {
	var all []Expired
	tenants, err := s.Tenants(ctx)
	for _, tenant := range tenants {
		e := Expired{TenantID: tenant}
		if err == nil {
			e.Revisions, err = s.pruneRevisions(ctx, tenant, keep.Revisions)
		}
		if err == nil {
			e.AuditEntries, err = s.pruneEntries(ctx, tenant, keep.Audit)
		}
		if err == nil {
			e.FormerAccess, err = s.sweepFormer(ctx, tenant, keep.Audit)
		}
		if err == nil && keep.Changes > 0 {
			err = s.sweepChanges(ctx, tenant, keep.Changes)
		}
		if err == nil && keep.Changes > 0 {
			err = s.sweepDeadLetters(ctx, tenant, keep.Changes)
		}
		if len(e.Revisions) > 0 || e.AuditEntries > 0 || e.FormerAccess > 0 {
			all = append(all, e)
		}
	}
	if err == nil {
		err = s.sweepSecrets(ctx)
	}
	if err != nil {
		return all, fmt.Errorf("prune: %w", err)
	}
	return all, nil
}

func (s *Store) pruneRevisions(ctx context.Context, tenant string, age time.Duration) (all []ExpiredRevision, err error) {
	for more := age > 0; more; {
		var some []ExpiredRevision
		err := s.Write(ctx, tenant, func(tx *Tx) (err error) {
			some, err = s.expiredRevisions(ctx, tx.tx, tenant, age, fmt.Sprintf(" LIMIT %d", pruneSlice))
			for i := 0; err == nil && i < len(some); i++ {
				err = tx.prune(ctx, some[i])
			}
			return err
		})
		if err != nil {
			return all, err
		}
		all, more = append(all, some...), len(some) == pruneSlice
	}
	return all, nil
}

// prune takes an archived revision from its card.
func (tx *Tx) prune(ctx context.Context, r ExpiredRevision) error {
	_, err := tx.exec(ctx, "DELETE FROM revision_periods WHERE card_id = ? AND revision_id = ?", r.CardID, r.ID)
	if err == nil {
		err = tx.detach(ctx, "card_id = ? AND id = ? AND status = ?", r.CardID, r.ID, RevisionArchived)
	}
	if err == nil {
		err = tx.auditPruned(ctx, r.AccountID, "card", r.CardID, "revision", map[string]any{"id": r.ID, "number": r.Number, "rows": r.Rows})
	}
	return err
}

// auditPruned writes an audit entry that a column of a row was deleted.
func (tx *Tx) auditPruned(ctx context.Context, account, typ, id, column string, was any) error {
	row := map[string]any{"id": id, "tenant_id": tx.tenant, "account_id": account}
	change, err := json.Marshal(map[string]any{"columns": map[string]any{column: map[string]any{"before": was, "after": nil}}, "row": row})
	if err == nil {
		_, err = tx.Audit(ctx, AuditEntry{AccountID: account, ResourceType: typ, ResourceID: id, Action: "prune", Change: change})
	}
	return err
}

func (s *Store) pruneEntries(ctx context.Context, tenant string, age time.Duration) (n int64, err error) {
	if age <= 0 {
		return 0, nil
	}
	before := s.since(age)
	if n, err = s.expiredEntries(ctx, s.pool, tenant, age); err == nil && n > 0 {
		err = s.Write(ctx, tenant, func(tx *Tx) error {
			_, err := tx.exec(ctx, `INSERT INTO audit_kept_from (tenant_id, at) VALUES (?, ?)
				ON CONFLICT (tenant_id) DO UPDATE SET at = excluded.at WHERE audit_kept_from.at < excluded.at`, tenant, before)
			if err == nil {
				err = tx.auditPruned(ctx, tenant, "account", tenant, "audit_entries", n)
			}
			return err
		})
	}
	if err != nil {
		return 0, err
	}
	return n, s.sweepEntries(ctx, tenant)
}

// sweepEntries deletes the audit entries that nobody sees any more. It does not change the
// data revision.
func (s *Store) sweepEntries(ctx context.Context, tenant string) error {
	return s.inSlices(ctx, func(tx *Tx) (int64, error) {
		return tx.exec(ctx, `DELETE FROM audit_entries WHERE id IN (SELECT id FROM audit_entries WHERE tenant_id = ?
			AND at < (SELECT k.at FROM audit_kept_from k WHERE k.tenant_id = ?) ORDER BY at, id LIMIT ?)`, tenant, tenant, sweepRows)
	})
}

// inSlices deletes old rows in short transactions that do not change the data revision, until
// one deletes fewer than sweepRows.
func (s *Store) inSlices(ctx context.Context, sweep func(tx *Tx) (int64, error)) error {
	g := newStage(s, dialect.Sweeping)
	for left := int64(sweepRows); left >= sweepRows; {
		err := g.write(ctx, func(tx *Tx) (err error) {
			left, err = sweep(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
