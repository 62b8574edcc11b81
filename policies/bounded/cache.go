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
	bytes int64
	limit int64
}

type sized[V any] struct {
	value V
	bytes int64
}

// New returns an empty cache for values of limit bytes together.
func New[K comparable, V any](limit int64) *Cache[K, V] {
	c := &Cache[K, V]{limit: limit}
	c.kept, _ = simplelru.NewLRU(math.MaxInt, func(_ K, gone sized[V]) { c.bytes -= gone.bytes }) // fails only for a size below 1
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
	for c.bytes+bytes > c.limit {
		c.kept.RemoveOldest()
	}
	c.bytes += bytes
	c.kept.Add(key, sized[V]{value, bytes})
}

// Purge drops all values.
func (c *Cache[K, V]) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Purge()
}

// Bytes returns the sum of the sizes of all values.
func (c *Cache[K, V]) Bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
