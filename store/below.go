package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"resellerd/store/dialect"
	"resellerd/store/history"
)

// Below reports whether the account descendant is ancestor itself or lies anywhere
// below it. An unknown account is below no account. The answer holds for the
// current data revision. Below returns ErrUnavailable if that revision cannot be
// confirmed.
func (s *Store) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := history.Cached(ctx, s.cache, "chain\x00"+descendant, func(ctx context.Context, at *history.Observation) ([]string, int64, error) {
		chain, err := s.ancestors(ctx, s.pool, descendant, at)
		return chain, 0, err
	})
	return slices.Contains(chain, ancestor), err
}

// ancestors lists the account and every account above it. If at is not nil, it also
// reads the history.
func (s *Store) ancestors(ctx context.Context, x dialect.Execer, account string, at *history.Observation) ([]string, error) {
	text, args := "SELECT ancestor_id FROM account_tree WHERE descendant_id = $1", []any{account}
	var one sql.NullString
	into := []any{&one}
	if at != nil {
		text, args = at.JoinTo(s.dialect, "LEFT JOIN", text, args)
		into = append(at.Into(), into...)
	}
	rows, err := x.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account, s.dialect.TranslateIn(ctx, err))
	}
	defer rows.Close()
	var chain []string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("account %s: %w", account, err)
		}
		if one.Valid {
			chain = append(chain, one.String)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("account %s: %w", account, s.dialect.TranslateIn(ctx, err))
	}
	return chain, nil
}

// NamedAccount is an account with the names that others know it by. ExternalID is ""
// if there is none.
type NamedAccount struct {
	ID         string `db:"id"`
	ExternalID string `db:"external_id"`
}

// namedAccounts tells the cache how large a list is.
type namedAccounts []NamedAccount

// Bytes estimates the size of the list.
func (l namedAccounts) Bytes() (n int64) {
	for _, a := range l {
		n += 48 + int64(len(a.ID)+len(a.ExternalID))
	}
	return n
}

// AccountsBelow lists an account and those below it, sorted by id, at most limit. The
// list is shared and must not be changed. It holds for the current data revision.
// AccountsBelow returns ErrUnavailable if that revision cannot be confirmed.
func (s *Store) AccountsBelow(ctx context.Context, account string, limit int) ([]NamedAccount, error) {
	key := fmt.Sprintf("below\x00%d\x00%s", limit, account)
	return history.Cached(ctx, s.cache, key, func(ctx context.Context, at *history.Observation) (found namedAccounts, until int64, err error) {
		err = s.snapshot(ctx, at, func(x dialect.Execer) error {
			found, err = dialect.SelectAll[NamedAccount](ctx, s.dialect, x, `SELECT a.id, COALESCE(a.external_id, '') AS external_id
				FROM account_tree t JOIN accounts a ON a.id = t.descendant_id
				WHERE t.ancestor_id = ? ORDER BY a.id LIMIT ?`, account, limit)
			return err
		})
		return found, 0, err
	})
}
