package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/schema"
	"resellerd/store/valid"
)

// AuditEntry records who did what to which row. It is written in the transaction of
// the change, and never modified.
type AuditEntry struct {
	ID             string
	TenantID       string
	At             schema.Micros
	ActorID        string // the acting user; "" for the command line
	ActorAccountID string // the user's account
	PreviewOf      string // the user whose view the actor previewed
	Panel          string // the name of the panel token, "" for none
	AccountID      string // the owner of the row
	ResourceType   string
	ResourceID     string
	Action         string
	// Change is a JSON object of the changes, by column; nil for none.
	// It holds ids, not names.
	Change json.RawMessage
}

// Validate returns an ErrInvalid that names the first invalid field.
func (e *AuditEntry) Validate() error {
	var c valid.Checks
	c.Required("account_id", e.AccountID, valid.MaxID)
	c.Required("resource_type", e.ResourceType, valid.MaxID)
	c.Required("resource_id", e.ResourceID, valid.MaxID)
	c.Required("action", e.Action, valid.MaxID)
	c.Text("actor", e.ActorID, valid.MaxID)
	c.Text("actor", e.ActorAccountID, valid.MaxID)
	c.Text("actor", e.PreviewOf, valid.MaxID)
	c.Text("panel", e.Panel, valid.MaxID)
	var object map[string]json.RawMessage
	if e.Change != nil && (!dialect.Storable(string(e.Change)) || json.Unmarshal(e.Change, &object) != nil || object == nil) {
		c.Refuse("change", "is not a JSON object")
	}
	return c.Err
}

// AuditEntryLost reports whether the store lacks an entry of the tenant that it has kept
// since: an older copy has replaced the database.
func (s *Store) AuditEntryLost(ctx context.Context, tenant, id string, at schema.Micros) (bool, error) {
	type number struct{ N int64 }
	if !dialect.Storable(id) {
		return true, nil
	}
	found, err := dialect.SelectOne[number](ctx, s.dialect, s.pool, `SELECT count(*) AS n FROM (
		SELECT id FROM audit_entries WHERE tenant_id = ? AND id = ?
		UNION ALL SELECT tenant_id FROM audit_kept_from WHERE tenant_id = ? AND at > ?) e`, tenant, id, tenant, at)
	return found.N == 0, err
}

// Audit writes an entry and sets its id, tenant and time. It returns ErrInvalid for
// a malformed entry or an account outside the tenant.
func (tx *Tx) Audit(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	if err := tx.owner(ctx, e.AccountID); err != nil {
		return AuditEntry{}, fmt.Errorf("audit entry: %w", err)
	}
	entries := []AuditEntry{e}
	if err := tx.audits(ctx, entries); err != nil {
		return AuditEntry{}, err
	}
	return entries[0], nil
}

// auditRows is how many entries one statement writes.
const auditRows = 100

// audits is Audit for entries about rows of accounts of the tenant.
func (tx *Tx) audits(ctx context.Context, entries []AuditEntry) error {
	for some := range slices.Chunk(entries, auditRows) {
		args := []any{tx.tenant, tx.now}
		for i := range some {
			e := &some[i]
			e.ID, e.TenantID, e.At = tx.store.newID("audit"), tx.tenant, tx.now
			if err := e.Validate(); err != nil {
				return fmt.Errorf("audit entry: %w", err)
			}
			args = append(args, e.ID, e.ActorID, e.ActorAccountID, e.PreviewOf, e.Panel, e.AccountID, e.ResourceType, e.ResourceID, e.Action, string(e.Change))
		}
		_, err := tx.exec(ctx, `INSERT INTO audit_entries (id, tenant_id, at, actor_id, actor_account_id, preview_of, panel,
				account_id, resource_type, resource_id, action, change, place)
			SELECT v.column1, CAST(? AS TEXT), CAST(? AS BIGINT), NULLIF(v.column2, ''), NULLIF(v.column3, ''), NULLIF(v.column4, ''), NULLIF(v.column5, ''),
				v.column6, v.column7, v.column8, v.column9, NULLIF(v.column10, ''), r.n + 1
			FROM data_revision r, (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`+strings.Repeat(", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", len(some)-1)+") AS v", args...)
		if err != nil {
			return fmt.Errorf("audit entry: %w", err)
		}
	}
	return nil
}
