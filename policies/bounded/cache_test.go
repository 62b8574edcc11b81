package bounded

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestACacheIsBoundedByBytes(t *testing.T) {
	t.Parallel()
	c := New[string, int](100)
	c.Add("a", 1, 40)
	c.Add("b", 2, 40)
	if v, ok := c.Get("a"); !ok || v != 1 {
		t.Error("a value that fits is not cached")
	}
	c.Add("c", 3, 40)
	if _, ok := c.Get("b"); ok {
		t.Error("the value that was not used for the longest time is not evicted")
	}
	if _, ok := c.Get("a"); !ok {
		t.Error("a value that was used later is evicted")
	}
	c.Add("a", 4, 60)
	if v, _ := c.Get("a"); v != 4 || c.Use().Bytes != 100 {
		t.Errorf("a value of another size: %d, %d bytes", v, c.Use().Bytes)
	}
	c.Add("a", 5, 101)
	if _, ok := c.Get("a"); ok || c.Use().Bytes != 40 {
		t.Errorf("a value above the limit: cached %v, %d bytes", ok, c.Use().Bytes)
	}
	if c.Purge(); c.Use().Bytes != 0 {
		t.Errorf("%d bytes after a purge", c.Use().Bytes)
	}
}

// An owner has its share, however much room there is.
func TestAnOwnerHasItsShare(t *testing.T) {
	t.Parallel()
	c := NewShared[int, string](100, 30)
	for key := range 10 {
		c.AddFor("one", key, "o", 10)
	}
	c.AddFor("other", 10, "x", 30)
	c.AddFor("third", 11, "x", 31)
	for key, want := range map[int]bool{6: false, 7: true, 9: true, 10: true, 11: false} {
		if _, ok := c.Get(key); ok != want {
			t.Errorf("value %d is cached: %t", key, ok)
		}
	}
	if c.Use().Bytes != 60 {
		t.Errorf("%d bytes", c.Use().Bytes)
	}
}

// An owner that adds without end evicts its own values, and those of others that have more.
func TestAnOwnerDoesNotEvictTheValuesOfOthers(t *testing.T) {
	t.Parallel()
	c := New[int, string](100)
	for key := range 3 {
		c.AddFor("small", key, "s", 10)
	}
	for key := 10; key < 1000; key++ {
		c.AddFor("busy", key, "b", 10)
	}
	for key := range 3 {
		if _, ok := c.Get(key); !ok {
			t.Errorf("value %d of another owner is evicted", key)
		}
	}
	for key := 1000; key < 2000; key++ {
		c.AddFor("new", key, "n", 10)
	}
	for key := range 3 {
		if _, ok := c.Get(key); !ok {
			t.Errorf("value %d is evicted for one of three owners", key)
		}
	}
	if _, ok := c.Get(999); !ok || c.Use().Bytes != 100 {
		t.Errorf("a large owner lost everything: %v, %d bytes", ok, c.Use().Bytes)
	}
	c.AddFor("other", 1, "s", 10) // a key belongs to the owner that added it last
	c.Purge()
	if _, ok := c.Get(1); ok || c.Use().Bytes != 0 {
		t.Errorf("%d bytes after a purge", c.Use().Bytes)
	}
}

// After any additions, each owner stands in the heap at its place, and none has more bytes
// than the first.
func TestTheLargestOwnerIsFirst(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	c := NewShared[int, int](1000, 300)
	for n := range 10_000 {
		c.AddFor(strconv.Itoa(random.IntN(20)), random.IntN(200), n, random.Int64N(50))
		var sum int64
		for i, v := range c.sizes {
			if v.place != i || c.owned[v.owner] != v || v.bytes > c.sizes[0].bytes {
				t.Fatalf("owner %s is at %d, its place is %d", v.owner, i, v.place)
			}
			sum += v.bytes
		}
		if len(c.sizes) != len(c.owned) || sum != c.use.Bytes {
			t.Fatalf("%d of %d owners have %d bytes of %d", len(c.sizes), len(c.owned), sum, c.use.Bytes)
		}
	}
}

// An addition to a full cache takes no longer when it has many owners.
func BenchmarkOwners(b *testing.B) {
	for _, owners := range []int{10, 1000, 100_000} {
		b.Run(strconv.Itoa(owners), func(b *testing.B) {
			c := New[int, int](int64(owners) * 10)
			for n := 0; b.Loop(); n++ {
				c.AddFor(strconv.Itoa(n%owners), n, n, 7)
			}
		})
	}
}
