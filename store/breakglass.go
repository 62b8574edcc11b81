package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/valid"
)

// Emergency says for whom and why a user is created by BreakGlass.
type Emergency struct {
	Login      string
	ExternalID string        // "" for none
	Group      string        // of the master; "" for one with full access
	For        time.Duration // how long the user is in the group
	Reason     string        // for the audit trail
}

// BreakGlass creates a user of the tenant's master for an emergency. The user is in one
// group, for a time. Without a group of full access, it creates one. It writes an audit
// entry with the reason. It returns ErrInvalid and ErrConflict as CreateUser does, and
// ErrInvalid without a reason.
func (tx *Tx) BreakGlass(ctx context.Context, e Emergency) (User, error) {
	var c valid.Checks
	c.Required("reason", e.Reason, valid.MaxNotes)
	if c.Err != nil {
		return User{}, c.Err
	}
	if e.Group == "" {
		var err error
		if e.Group, err = tx.fullAccess(ctx); err != nil {
			return User{}, err
		}
	}
	until := tx.now + schema.Micros(e.For.Microseconds())
	u, err := tx.CreateUser(ctx, User{AccountID: tx.tenant, ExternalID: e.ExternalID, Login: e.Login,
		Groups: []string{e.Group}, GroupEnds: schema.Ends{e.Group: until}})
	if err != nil {
		return User{}, err
	}
	if _, err := tx.exec(ctx, "INSERT INTO break_glass (user_id, tenant_id, made_at, valid_to) VALUES (?, ?, ?, ?)",
		u.ID, tx.tenant, tx.now, until); err != nil {
		return User{}, fmt.Errorf("user %s: %w", u.ID, err)
	}
	return u, tx.auditBreakGlass(ctx, u, until, e.Reason)
}

func (tx *Tx) auditBreakGlass(ctx context.Context, u User, until schema.Micros, reason string) error {
	set := func(value any) map[string]any { return map[string]any{"before": nil, "after": value} }
	change, err := json.Marshal(map[string]any{
		"columns": map[string]any{
			"reason": set(reason), "groups": set(u.Groups),
			"group_ends": set(map[string]string{u.Groups[0]: until.Time().Format(time.RFC3339Nano)}),
		},
		"row": map[string]any{"id": u.ID, "tenant_id": u.TenantID, "account_id": u.AccountID, "status": u.Status, "groups": u.Groups},
	})
	if err == nil {
		_, err = tx.Audit(ctx, AuditEntry{AccountID: u.AccountID, ResourceType: "user", ResourceID: u.ID, Action: "break_glass", Change: change})
	}
	return err
}

// fullAccess returns a group of the master with full access to everything.
func (tx *Tx) fullAccess(ctx context.Context) (string, error) {
	found, err := tx.names(ctx, `SELECT g.id AS name FROM groups g WHERE g.account_id = ? AND g.default_access = ?
		AND NOT EXISTS (SELECT 1 FROM group_rows r WHERE r.group_id = g.id AND r.access <> g.default_access) ORDER BY g.created_at, g.id LIMIT 1`,
		tx.tenant, FullAccess)
	if err != nil {
		return "", fmt.Errorf("group: %w", err)
	}
	if len(found) > 0 {
		return found[0], nil
	}
	g, err := tx.CreateGroup(ctx, Group{AccountID: tx.tenant, Name: "Full access", DefaultAccess: FullAccess})
	if err == nil {
		_, err = tx.Audit(ctx, AuditEntry{AccountID: tx.tenant, ResourceType: "group", ResourceID: g.ID, Action: "create"})
	}
	return g.ID, err
}

// Master returns the tenant to work on: the named one, or else the only one of the store.
// It returns ErrNotFound for an account that is no master, and ErrAmbiguous if there are
// several masters and none is named.
func (s *Store) Master(ctx context.Context, named string) (string, error) {
	if named == "" {
		return s.SoleTenant(ctx)
	}
	tenants, err := s.Tenants(ctx)
	for _, tenant := range tenants {
		if tenant == named {
			return tenant, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("master %s: %w", named, fault.ErrNotFound)
	}
	return "", err
}

func isBreakGlass(ctx context.Context, d dialect.Dialect, x dialect.Execer, now schema.Micros, user string) (bool, error) {
	type row struct {
		ID string `db:"user_id"`
	}
	found, err := dialect.SelectAll[row](ctx, d, x, "SELECT user_id FROM break_glass WHERE user_id = ? AND valid_to > ?", user, now)
	return len(found) > 0, err
}
