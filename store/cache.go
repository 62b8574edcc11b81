package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// rowCache remembers what was read in one epoch of the tracker, bounded, and
// forgets all of it when the next one begins.
type rowCache struct {
	mu    sync.Mutex
	epoch int64
	kept  *lru.Cache[string, cachedRow]
}

type cachedRow struct {
	value any
	until int64 // microseconds since 1970; 0 for as long as the epoch
}

func newRowCache(size int) *rowCache {
	kept, _ := lru.New[string, cachedRow](size) // errs only for a size below 1
	return &rowCache{kept: kept}
}

func (c *rowCache) get(epoch, now int64, key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reach(epoch) {
		return nil, false
	}
	row, ok := c.kept.Get(key)
	if !ok || row.until != 0 && now >= row.until {
		return nil, false
	}
	return row.value, true
}

// put remembers what was read in an epoch, unless that is over by now.
func (c *rowCache) put(epoch int64, key string, row cachedRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reach(epoch) {
		c.kept.Add(key, row)
	}
}

// reach begins the epoch if it is a later one, and reports whether it lasts.
func (c *rowCache) reach(epoch int64) bool {
	if epoch > c.epoch {
		c.epoch = epoch
		c.kept.Purge()
	}
	return epoch == c.epoch
}

// cached answers from the cache of the current epoch, or loads. The value is
// shared by all callers and must not be changed. load also says until when
// (microseconds since 1970) the value holds when no write intervenes; 0 for
// ever. It reads the history in the snapshot that it loads from. Errors are not
// remembered.
func cached[T any](ctx context.Context, s *Store, key string, load func(context.Context, *sighting) (T, int64, error)) (T, error) {
	return trusted(ctx, s, func(known standing) (value T, err error) {
		if known, ok := s.cache.get(known.epoch, s.micros(), key); ok {
			return known.(T), nil
		}
		x := sighting{known: known, at: time.Now()}
		value, until, err := load(ctx, &x)
		if err != nil {
			return value, err
		}
		epoch, err := s.tracker.epochOf(x)
		if epoch != 0 {
			s.cache.put(epoch, key, cachedRow{value: value, until: until})
		}
		return value, err
	})
}

// trusted answers by the history that is known, and once more when load finds
// that it is lost. What load gives with an error is dropped.
func trusted[T any](ctx context.Context, s *Store, load func(standing) (T, error)) (T, error) {
	var none T
	for again := true; ; again = false {
		known, err := s.tracker.current(ctx)
		if err != nil {
			return none, s.dialect.translateIn(ctx, err)
		}
		value, err := load(known)
		if err == nil {
			return value, nil
		}
		if !again || !errors.Is(err, errHistoryLost) {
			return none, err
		}
	}
}

// Below reports whether the account descendant is ancestor itself or lies
// anywhere below it. Unknown accounts are below nothing. The answer holds for
// the current data revision; ErrUnavailable when that cannot be confirmed.
func (s *Store) Below(ctx context.Context, ancestor, descendant string) (bool, error) {
	chain, err := cached(ctx, s, "chain\x00"+descendant, func(ctx context.Context, at *sighting) ([]string, int64, error) {
		chain, err := s.ancestors(ctx, s.pool, descendant, at)
		return chain, 0, err
	})
	return slices.Contains(chain, ancestor), err
}

// ancestors lists the account and every account above it. With at, it reads the
// history, too.
func (s *Store) ancestors(ctx context.Context, x execer, account string, at *sighting) ([]string, error) {
	text, args := "SELECT ancestor_id FROM account_tree WHERE descendant_id = $1", []any{account}
	var one sql.NullString
	into := []any{&one}
	if at != nil {
		text, args = at.beside(s.dialect, "LEFT JOIN", text, args)
		into = append(at.into(), into...)
	}
	rows, err := x.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account, s.dialect.translateIn(ctx, err))
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
		return nil, fmt.Errorf("account %s: %w", account, s.dialect.translateIn(ctx, err))
	}
	return chain, nil
}
