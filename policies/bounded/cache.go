// Package bounded caches values up to a number of bytes. It depends on no other
// package of resellerd, so that store, policies and server can all use it.
package bounded

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Cache caches the values that were used last. The sum of their sizes never exceeds
// the limit. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[K, sized[V]]
	use   Use
	limit int64
}

// Use says how full a cache is, and how many values it has evicted for want of room.
type Use struct{ Bytes, Evicted int64 }

// Plus returns the sum of two uses.
func (u Use) Plus(v Use) Use { return Use{u.Bytes + v.Bytes, u.Evicted + v.Evicted} }

type sized[V any] struct {
	value V
	bytes int64
}

// New returns an empty cache for values of limit bytes together.
func New[K comparable, V any](limit int64) *Cache[K, V] {
	c := &Cache[K, V]{limit: limit}
	c.kept, _ = simplelru.NewLRU(math.MaxInt, func(_ K, gone sized[V]) { c.use.Bytes -= gone.bytes }) // fails only for a size below 1
	return c
}

// Get returns a cached value.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.kept.Get(key)
	return found.value, ok
}

// Add caches a value of a size in place of the key's former value. It evicts the
// values that were not used for the longest time until all values fit. It does not
// cache a value that is larger than the limit.
func (c *Cache[K, V]) Add(key K, value V, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Remove(key)
	if bytes > c.limit {
		return
	}
	for c.use.Bytes+bytes > c.limit {
		c.kept.RemoveOldest()
		c.use.Evicted++
	}
	c.use.Bytes += bytes
	c.kept.Add(key, sized[V]{value, bytes})
}

// Purge drops all values.
func (c *Cache[K, V]) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Purge()
}

// Use returns the sum of the sizes of all values, and the number of evictions so far.
func (c *Cache[K, V]) Use() Use {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use
}
