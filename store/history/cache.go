package history

import (
	"context"
	"errors"
	"sync"
	"time"

	"resellerd/policies/bounded"
	"resellerd/store/dialect"
)

// rowCache caches values of one epoch of the tracker, up to a number of bytes. It
// drops all of them when the next epoch begins.
type rowCache struct {
	mu    sync.Mutex
	epoch int64
	kept  *bounded.Cache[string, cachedRow]
}

type cachedRow struct {
	value any
	until int64 // microseconds since 1970; 0 for the whole epoch
}

func newRowCache(limit int64) *rowCache {
	return &rowCache{kept: bounded.New[string, cachedRow](limit)}
}

// Sized is a value that estimates its own size in bytes.
type Sized interface{ Bytes() int64 }

// The estimated bytes of a cached value beside its texts: of an entry of the cache,
// and of an item of a map or list.
const (
	entryBytes = 256
	itemBytes  = 64
)

// bytesOf estimates the size of a cached value with its key.
func bytesOf(key string, value any) int64 {
	return entryBytes + int64(len(key)) + bytesIn(value)
}

func bytesIn(value any) (n int64) {
	switch value := value.(type) {
	case Sized:
		return value.Bytes()
	case string:
		return int64(len(value))
	case []string:
		for _, text := range value {
			n += itemBytes + int64(len(text))
		}
	case []any:
		for _, item := range value {
			n += itemBytes + bytesIn(item)
		}
	case map[string]any:
		for name, item := range value {
			n += itemBytes + int64(len(name)) + bytesIn(item)
		}
	}
	return n
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

// put caches a value that was read in an epoch, unless that epoch is over.
func (c *rowCache) put(epoch int64, key string, row cachedRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reach(epoch) {
		c.kept.Add(key, row, bytesOf(key, row.value))
	}
}

// reach begins the epoch if it is a later one, and reports whether it is the
// present one.
func (c *rowCache) reach(epoch int64) bool {
	if epoch > c.epoch {
		c.epoch = epoch
		c.kept.Purge()
	}
	return epoch == c.epoch
}

// Cache caches values while the known state of the database stays the same.
type Cache struct {
	tracker *Tracker
	d       dialect.Dialect
	now     func() time.Time
	rows    *rowCache
}

// NewCache returns a cache of at most limit bytes.
func NewCache(t *Tracker, d dialect.Dialect, limit int64, now func() time.Time) *Cache {
	return &Cache{tracker: t, d: d, now: now, rows: newRowCache(limit)}
}

// Use returns the estimated bytes of the cached values, and the evictions.
func (c *Cache) Use() bounded.Use { return c.rows.kept.Use() }

// Cached returns the value of the current epoch from the cache, or loads it. The
// value is shared by all callers and must not be changed. load also returns until
// when (microseconds since 1970) the value holds if no write intervenes, 0 for no
// end. load must read the history into the Observation, in the same snapshot as the
// value. Errors are not cached.
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

// Trusted calls load with the known state, and once more if load returns ErrLost.
// If load returns an error, its value is dropped.
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
