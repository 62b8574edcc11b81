// Package bounded caches values up to a number of bytes. It depends on no other
// package of resellerd, so that store, policies and server can all use it.
package bounded

import (
	"container/heap"
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Cache caches the values that were used last. The sum of their sizes never exceeds
// the limit. Values may belong to owners: then the owner with the most bytes makes
// room, so that one owner cannot evict what others use. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	mu     sync.Mutex
	owned  map[string]*values[K, V]
	sizes  largest[K, V]
	within map[K]*values[K, V] // the owner's values that hold a key
	use    Use
	limit  int64
	each   int64 // of one owner
}

// values are those of one owner, in the order of their use.
type values[K comparable, V any] struct {
	owner string
	kept  *simplelru.LRU[K, sized[V]]
	bytes int64
	place int // in the heap of all owners
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
	return NewShared[K, V](limit, limit)
}

// NewShared is New for values of which those of one owner have each bytes together.
func NewShared[K comparable, V any](limit, each int64) *Cache[K, V] {
	return &Cache[K, V]{owned: map[string]*values[K, V]{}, within: map[K]*values[K, V]{}, limit: limit, each: each}
}

// Get returns a cached value.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.within[key]
	if in == nil {
		return value, false
	}
	found, ok := in.kept.Get(key)
	return found.value, ok
}

// Add caches a value of a size in place of the key's former value. It evicts the
// values that were not used for the longest time until all values fit. It does not
// cache a value that is larger than a limit.
func (c *Cache[K, V]) Add(key K, value V, bytes int64) { c.AddFor("", key, value, bytes) }

// AddFor is Add for a value of an owner. Each value that it evicts is one of the owner, if it
// has its share, or else of the owner that then has the most bytes.
func (c *Cache[K, V]) AddFor(owner string, key K, value V, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
	if bytes > min(c.limit, c.each) {
		return
	}
	for own := c.owned[owner]; own != nil && own.bytes+bytes > c.each; {
		c.evict(own)
	}
	for c.use.Bytes+bytes > c.limit {
		c.evict(c.sizes[0])
	}
	to := c.owned[owner]
	if to == nil {
		to = &values[K, V]{owner: owner}
		to.kept, _ = simplelru.NewLRU[K, sized[V]](math.MaxInt, nil) // fails only for a size below 1
		c.owned[owner] = to
		heap.Push(&c.sizes, to)
	}
	to.kept.Add(key, sized[V]{value, bytes})
	to.bytes += bytes
	heap.Fix(&c.sizes, to.place)
	c.use.Bytes += bytes
	c.within[key] = to
}

func (c *Cache[K, V]) evict(from *values[K, V]) {
	oldest, _, _ := from.kept.GetOldest()
	c.remove(oldest)
	c.use.Evicted++
}

func (c *Cache[K, V]) remove(key K) {
	from := c.within[key]
	if from == nil {
		return
	}
	gone, _ := from.kept.Peek(key)
	from.kept.Remove(key)
	from.bytes -= gone.bytes
	c.use.Bytes -= gone.bytes
	delete(c.within, key)
	if from.kept.Len() == 0 {
		delete(c.owned, from.owner)
		heap.Remove(&c.sizes, from.place)
		return
	}
	heap.Fix(&c.sizes, from.place)
}

// Purge drops all values.
func (c *Cache[K, V]) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.owned)
	clear(c.within)
	c.sizes = nil
	c.use.Bytes = 0
}

// Use returns the sum of the sizes of all values, and the number of evictions so far.
func (c *Cache[K, V]) Use() Use {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use
}

// largest is a heap of owners by their bytes, the most first.
type largest[K comparable, V any] []*values[K, V]

func (l largest[K, V]) Len() int           { return len(l) }
func (l largest[K, V]) Less(i, j int) bool { return l[i].bytes > l[j].bytes }

func (l largest[K, V]) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].place, l[j].place = i, j
}

// Push is part of heap.Interface.
func (l *largest[K, V]) Push(x any) {
	one := x.(*values[K, V])
	one.place = len(*l)
	*l = append(*l, one)
}

// Pop is part of heap.Interface.
func (l *largest[K, V]) Pop() any {
	last := len(*l) - 1
	one := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return one
}
