package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

const externalIDCollide = "belongs to several users of the tenant"

// BadExternalID is a stored external id of a user that a new write would refuse.
type BadExternalID struct {
	TenantID   string `db:"tenant_id"`
	AccountID  string `db:"account_id"`
	UserID     string `db:"id"`
	ExternalID string `db:"external_id"`
	Fault      string `db:"-"` // what is wrong with it
	// Cleared is true if the migration clears the id, because several users have it or
	// it can be taken for another id. Other malformed ids stay as they are.
	Cleared bool `db:"-"`
}

// BadExternalIDs lists the external ids of users that are malformed or belong to
// several users. They are ordered by tenant and external id. It reads a store of
// any schema version, even one without a schema, and changes nothing.
func (s *Store) BadExternalIDs(ctx context.Context) ([]BadExternalID, error) {
	var bad []BadExternalID
	err := s.snapshot(ctx, nil, func(x dialect.Execer) error {
		type count struct{ N int }
		there, err := dialect.SelectOne[count](ctx, s.dialect, x, s.dialect.HasUsers)
		if err != nil || there.N == 0 {
			return err
		}
		bad, err = s.badExternalIDs(ctx, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("external ids: %w", err)
	}
	return bad, nil
}

func (s *Store) badExternalIDs(ctx context.Context, x dialect.Execer) (bad []BadExternalID, err error) {
	rows, err := x.QueryContext(ctx, `SELECT tenant_id, account_id, id, external_id FROM users
		WHERE external_id IS NOT NULL ORDER BY tenant_id, external_id, id`)
	if err != nil {
		return nil, s.dialect.TranslateIn(ctx, err)
	}
	defer rows.Close()
	var last BadExternalID
	for rows.Next() {
		var one BadExternalID
		if err := rows.Scan(&one.TenantID, &one.AccountID, &one.UserID, &one.ExternalID); err != nil {
			return nil, s.dialect.TranslateIn(ctx, err)
		}
		one.judge()
		if last.ExternalID == one.ExternalID && last.TenantID == one.TenantID {
			if last.Fault != "" {
				bad = bad[:len(bad)-1] // the last one is listed already; list it once
			}
			bad = append(bad, last.collided())
			one = one.collided()
		}
		if one.Fault != "" {
			bad = append(bad, one)
		}
		last = one
	}
	return bad, s.dialect.TranslateIn(ctx, rows.Err())
}

func (b *BadExternalID) judge() {
	b.Fault = schema.ExternalIDFault(b.ExternalID)
	b.Cleared = schema.LikeID(b.ExternalID) || strings.Trim(b.ExternalID, " \t") != b.ExternalID
}

func (b BadExternalID) collided() BadExternalID {
	b.Fault, b.Cleared = externalIDCollide, true
	return b
}

// clearedExternalIDs lists the external ids that the migration cleared. It reads
// them from the migration's audit entries.
func (s *Store) clearedExternalIDs(ctx context.Context) ([]BadExternalID, error) {
	type entry struct {
		BadExternalID
		Change string
	}
	entries, err := dialect.SelectAll[entry](ctx, s.dialect, s.db.Read, `SELECT tenant_id, account_id, resource_id AS id, change
		FROM audit_entries WHERE action = 'migrate' AND resource_type = 'user' ORDER BY tenant_id, resource_id`)
	if err != nil {
		return nil, err
	}
	all := make([]BadExternalID, 0, len(entries))
	for _, entry := range entries {
		var change struct {
			Columns struct {
				ExternalID struct{ Before string } `json:"external_id"`
			}
		}
		if err := json.Unmarshal([]byte(entry.Change), &change); err != nil {
			return nil, fmt.Errorf("audit entry of user %s: %w", entry.UserID, err)
		}
		one := entry.BadExternalID
		one.ExternalID = change.Columns.ExternalID.Before
		if one.judge(); !one.Cleared {
			one = one.collided()
		}
		all = append(all, one)
	}
	return all, nil
}
