package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// keyLogin stores the key of a user's login. The database clears the key whenever a
// login changes, so that no older program leaves a wrong one.
func (tx *Tx) keyLogin(ctx context.Context, u User) error {
	_, err := tx.exec(ctx, "UPDATE users SET login_key = ? WHERE id = ?", schema.LoginKey(u.Login), u.ID)
	return err
}

// keysLogins is the version of the migration with the keys of logins.
const keysLogins = 12

// keyedAtOnce is the number of logins that one transaction gives a key.
const keyedAtOnce = 500

// keyLogins gives a key to the logins without one: those that an older program has
// written. A login stays without a key if another login of its account has it. Keys
// are not shown to anybody, so the data revision stays.
func (s *Store) keyLogins(ctx context.Context) error {
	type user struct{ ID, Login string }
	for after := ""; ; {
		users, err := dialect.SelectAll[user](ctx, s.dialect, s.db.Write,
			"SELECT id, login FROM users WHERE login_key IS NULL AND id > ? ORDER BY id LIMIT ?", after, keyedAtOnce)
		if err != nil || len(users) == 0 {
			return err
		}
		tx, err := s.db.Write.BeginTxx(ctx, nil)
		if err != nil {
			return s.dialect.TranslateIn(ctx, err)
		}
		for _, u := range users {
			after = u.ID
			_, err := tx.ExecContext(ctx, s.dialect.Rebind(`UPDATE users SET login_key = ? WHERE id = ? AND login = ? AND NOT EXISTS (
				SELECT 1 FROM users AS other WHERE other.account_id = users.account_id AND other.login_key = ?)`),
				schema.LoginKey(u.Login), u.ID, u.Login, schema.LoginKey(u.Login))
			if err != nil {
				_ = tx.Rollback()
				return s.dialect.TranslateIn(ctx, err)
			}
		}
		if err := tx.Commit(); err != nil {
			return s.dialect.TranslateIn(ctx, err)
		}
	}
}

// Collision is a name that several rows have, and that a new row could not get.
type Collision struct {
	TenantID  string `db:"tenant_id"`
	AccountID string `db:"account_id"`
	Type      string `db:"-"` // account or user
	ID        string `db:"id"`
	Column    string `db:"-"` // external_id or login
	Value     string `db:"value"`
}

// Collisions lists the external ids that several accounts of a tenant have, and the
// logins of an account with one key. All of them stay until somebody changes them.
// Rows of one collision stand together. It reads a store of any schema version, even
// one without a schema, and changes nothing.
func (s *Store) Collisions(ctx context.Context) (found []Collision, err error) {
	err = s.snapshot(ctx, nil, func(x dialect.Execer) error {
		type count struct{ N int }
		there, err := dialect.SelectOne[count](ctx, s.dialect, x, s.dialect.HasUsers)
		if err != nil || there.N == 0 {
			return err
		}
		found, err = dialect.SelectAll[Collision](ctx, s.dialect, x, `SELECT tenant_id, id AS account_id, id, external_id AS value FROM accounts
			WHERE (tenant_id, external_id) IN (SELECT tenant_id, external_id FROM accounts
				WHERE external_id IS NOT NULL GROUP BY tenant_id, external_id HAVING count(*) > 1)
			ORDER BY tenant_id, external_id, id`)
		if err != nil {
			return err
		}
		for i := range found {
			found[i].Type, found[i].Column = "account", "external_id"
		}
		logins, err := s.loginCollisions(ctx, x)
		found = append(found, logins...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("collisions: %w", err)
	}
	return found, nil
}

func (s *Store) loginCollisions(ctx context.Context, x dialect.Execer) (found []Collision, err error) {
	rows, err := x.QueryContext(ctx, "SELECT tenant_id, account_id, id, login FROM users ORDER BY tenant_id, account_id, id")
	if err != nil {
		return nil, s.dialect.TranslateIn(ctx, err)
	}
	defer rows.Close()
	var account string
	keyed := map[string][]Collision{} // the users of one account, by the key of their login
	end := func() {
		for _, key := range slices.Sorted(maps.Keys(keyed)) {
			if same := keyed[key]; len(same) > 1 {
				found = append(found, same...)
			}
		}
		clear(keyed)
	}
	for rows.Next() {
		one := Collision{Type: "user", Column: "login"}
		if err := rows.Scan(&one.TenantID, &one.AccountID, &one.ID, &one.Value); err != nil {
			return nil, s.dialect.TranslateIn(ctx, err)
		}
		if one.AccountID != account {
			end()
			account = one.AccountID
		}
		key := schema.LoginKey(one.Value)
		keyed[key] = append(keyed[key], one)
	}
	end()
	return found, s.dialect.TranslateIn(ctx, rows.Err())
}
