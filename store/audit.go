package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// AuditEntry says who did what to which row. It is written in the transaction
// that did it, and never changed.
type AuditEntry struct {
	ID             string
	TenantID       string
	At             Micros
	ActorID        string // the user; "" for the command line
	ActorAccountID string // the user's account
	PreviewOf      string // the user whose view the actor was looking through
	AccountID      string // the owner of the row
	ResourceType   string
	ResourceID     string
	Action         string
	// Change is a JSON object of what was changed, by column; nil for none.
	// Ids, no names.
	Change json.RawMessage
}

// Validate returns an ErrInvalid that names the first field at fault.
func (e *AuditEntry) Validate() error {
	var c checks
	c.required("account_id", e.AccountID, maxID)
	c.required("resource_type", e.ResourceType, maxID)
	c.required("resource_id", e.ResourceID, maxID)
	c.required("action", e.Action, maxID)
	c.text("actor", e.ActorID, maxID)
	c.text("actor", e.ActorAccountID, maxID)
	c.text("actor", e.PreviewOf, maxID)
	var object map[string]json.RawMessage
	if e.Change != nil && (!storable(string(e.Change)) || json.Unmarshal(e.Change, &object) != nil || object == nil) {
		c.refuse("change", "is not a JSON object")
	}
	return c.err
}

// Audit writes an entry; id, tenant and time are set here. It returns
// ErrInvalid for a malformed entry or an account outside the tenant.
func (tx *Tx) Audit(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	e.ID, e.TenantID, e.At = tx.store.newID("audit"), tx.tenant, tx.now
	if err := e.Validate(); err != nil {
		return AuditEntry{}, fmt.Errorf("audit entry: %w", err)
	}
	if err := tx.owner(ctx, e.AccountID); err != nil {
		return AuditEntry{}, fmt.Errorf("audit entry: %w", err)
	}
	_, err := tx.exec(ctx, `INSERT INTO audit_entries (id, tenant_id, at, actor_id, actor_account_id, preview_of,
			account_id, resource_type, resource_id, action, change)
		VALUES (?, ?, ?, NULLIF(?, ''), NULLIF(?, ''), NULLIF(?, ''), ?, ?, ?, ?, NULLIF(?, ''))`,
		e.ID, e.TenantID, e.At, e.ActorID, e.ActorAccountID, e.PreviewOf,
		e.AccountID, e.ResourceType, e.ResourceID, e.Action, string(e.Change))
	if err != nil {
		return AuditEntry{}, fmt.Errorf("audit entry: %w", err)
	}
	return e, nil
}
