package bounded

import "testing"

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
