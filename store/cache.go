package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// rowCache remembers what was read at one data revision, bounded, and forgets
// all of it when the revision moves on.
type rowCache struct {
	mu       sync.Mutex
	revision int64
	kept     *lru.Cache[string, cachedRow]
}

type cachedRow struct {
	value any
	until int64 // microseconds since 1970; 0 for as long as the revision
}

func newRowCache(size int) *rowCache {
	kept, _ := lru.New[string, cachedRow](size) // errs only for a size below 1
	return &rowCache{kept: kept}
}

func (c *rowCache) get(revision, now int64, key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if revision > c.revision {
		c.revision = revision
		c.kept.Purge()
	}
	if revision < c.revision {
		return nil, false
	}
	row, ok := c.kept.Get(key)
	if !ok || row.until != 0 && now >= row.until {
		return nil, false
	}
	return row.value, true
}

// put remembers what was read after the revision had been confirmed, unless
// that revision is over by now.
func (c *rowCache) put(revision int64, key string, row cachedRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if revision == c.revision {
		c.kept.Add(key, row)
	}
}

// cached answers from the cache of the current data revision, or loads. The
// value is shared by all callers and must not be changed. load also says until
// when (microseconds since 1970) the value holds when no write intervenes; 0
// for ever. Errors are not remembered.
func cached[T any](ctx context.Context, s *Store, key string, load func(context.Context) (T, int64, error)) (T, error) {
	var none T
	revision, err := s.tracker.current(ctx)
	if err != nil {
		return none, s.dialect.translateIn(ctx, err)
	}
	if known, ok := s.cache.get(revision, s.micros(), key); ok {
		return known.(T), nil
	}
	value, until, err := load(ctx)
	if err != nil {
		return none, err
	}
	s.cache.put(revision, key, cachedRow{value: value, until: until})
	return value, nil
}

// Below reports whether the account descendant is ancestor itself or lies
// anywhere below it. Unknown accounts are below nothing. The answer holds for
// the current data revision; ErrUnavailable when that cannot be confirmed.
func (s *Store) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := cached(ctx, s, "chain\x00"+descendant, func(ctx context.Context) ([]string, int64, error) {
		chain, err := s.ancestors(ctx, s.pool, descendant)
		return chain, 0, err
	})
	return slices.Contains(chain, ancestor), err
}

// ancestors lists the account and every account above it, nearest first.
func (s *Store) ancestors(ctx context.Context, x execer, account string) ([]string, error) {
	rows, err := x.QueryContext(ctx, "SELECT ancestor_id FROM account_tree WHERE descendant_id = $1 ORDER BY depth", account)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account, s.dialect.translateIn(ctx, err))
	}
	chain, err := scanStrings(rows)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account, s.dialect.translateIn(ctx, err))
	}
	return chain, nil
}

func scanStrings(rows *sql.Rows) (all []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// scanOne reads the first row, or returns sql.ErrNoRows.
func scanOne(rows *sql.Rows, into ...any) error {
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}
