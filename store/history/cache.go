package history

import (
	"context"
	"errors"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"resellerd/store/dialect"
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

// Cache keeps what was read while one state of the database is known.
type Cache struct {
	tracker *Tracker
	d       dialect.Dialect
	now     func() time.Time
	rows    *rowCache
}

// NewCache makes a cache of at most size rows.
func NewCache(t *Tracker, d dialect.Dialect, size int, now func() time.Time) *Cache {
	return &Cache{tracker: t, d: d, now: now, rows: newRowCache(size)}
}

// Cached answers from the cache of the current epoch, or loads. The value is
// shared by all callers and must not be changed. load also says until when
// (microseconds since 1970) the value holds when no write intervenes; 0 for
// ever. It reads the history in the snapshot that it loads from. Errors are not
// remembered.
func Cached[T any](ctx context.Context, c *Cache, key string, load func(context.Context, *Observation) (T, int64, error)) (T, error) {
	return Trusted(ctx, c, func(known State) (value T, err error) {
		if known, ok := c.rows.get(known.Epoch, c.now().UnixMicro(), key); ok {
			return known.(T), nil
		}
		x := Observation{Known: known, At: time.Now()}
		value, until, err := load(ctx, &x)
		if err != nil {
			return value, err
		}
		epoch, err := c.tracker.EpochOf(x)
		if epoch != 0 {
			c.rows.put(epoch, key, cachedRow{value: value, until: until})
		}
		return value, err
	})
}

// Trusted answers by the history that is known, and once more when load finds
// that it is lost. What load gives with an error is dropped.
func Trusted[T any](ctx context.Context, c *Cache, load func(State) (T, error)) (T, error) {
	var none T
	for again := true; ; again = false {
		known, err := c.tracker.current(ctx)
		if err != nil {
			return none, c.d.TranslateIn(ctx, err)
		}
		value, err := load(known)
		if err == nil {
			return value, nil
		}
		if !again || !errors.Is(err, ErrLost) {
			return none, err
		}
	}
}
