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
