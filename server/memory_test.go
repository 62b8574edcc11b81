package server

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/bounded"
	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/storetest"
)

// The limits of the caches in this test, which fill them soon.
const (
	fewBytes     = 1 << 20
	fewDecisions = 64
)

// Writes leave nothing behind in memory, even if they change big groups, so that each
// makes new profiles, plans and answers. The live heap, less what the caches hold by
// their own accounts, is measured after a quarter of the writes and at the end. Long
// tests make 100,000 writes. The test runs alone, because it measures the heap of the
// process.
func TestMemoryIsFlatOverManyWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector needs memory of its own: run without -short")
	}
	writes := depth.Writes()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			w := smallCaches(t, url(t))
			early := int64(0)
			for i, written := 0, 0; written < writes; i++ {
				if early == 0 && written >= writes/4 {
					early = w.liveHeap(t)
				}
				written += w.writeAndRead(i)
			}
			grown := w.liveHeap(t) - early
			t.Logf("%d writes: %d kB live after a quarter, %d kB more at the end", writes, early>>10, grown>>10)
			if grown > 2*fewBytes {
				t.Errorf("the heap has grown by %d kB", grown>>10)
			}
		})
	}
}

// smallCaches is a world whose caches are small.
func smallCaches(t *testing.T, url string) *world {
	t.Helper()
	tree, err := treeWithDepth(1)
	must(t, err)
	engine, err := policies.Load(tctx, tree, policies.Options{Schema: Schema(), Timeout: time.Minute, CacheBytes: fewBytes})
	must(t, err)
	w := &world{t: t, now: worldStart, measured: true}
	w.store = storetest.Open(t, url, store.Options{Now: w.clock, NewID: w.names.NewID, CacheBytes: fewBytes, RateMemory: fewBytes})
	seedWorld(w)
	held := &EngineHolder{}
	held.Swap(engine)
	w.server, err = New(Config{PanelTokens: worldToken, DecisionLogMode: "async", Limits: patient, DecisionMemory: fewDecisions}, w.store, held,
		WithClock(w.clock), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), WithDecisionWriter(io.Discard))
	must(t, err)
	t.Cleanup(func() { must(t, w.server.Close()) })
	big := w.do("m", "POST", "/v1/groups", `{"name":"big","rows":{"own/area0":["read"]}}`).want(201).object()
	w.call("big", fmt.Sprint(big["id"]))
	w.do("m", "PATCH", "/v1/users/{m}", `{"groups":["{M.full}","{big}"]}`).want(200)
	return w
}

// writeAndRead makes the i-th write, and reads what it has evicted.
func (w *world) writeAndRead(i int) (writes int) {
	w.t.Helper()
	writes = 1
	switch {
	case i%20 == 0: // the profile of the acting user, with other areas each time
		w.do("m", "PATCH", "/v1/groups/{big}", rowsFrom(i, 200)).want(200)
		w.get("m", "/v1/me").want(200)
	case i%20 == 10:
		w.do("m", "PATCH", "/v1/groups/{M.clerks}", rowsFrom(i, 100)).want(200)
		w.get("clerk", "/v1/me").want(200)
	case i%2 == 0:
		w.do("a", "PATCH", "/v1/customers/{acme}", fmt.Sprintf(`{"name":"customer %d"}`, i)).want(200)
	default:
		made := w.do("a", "POST", "/v1/customers", fmt.Sprintf(`{"name":"customer %d"}`, i)).want(201).object()
		w.do("a", "DELETE", fmt.Sprint("/v1/customers/", made["id"]), "").want(204)
		writes = 2
	}
	w.get([]string{"m", "a", "b"}[i%3], []string{"/v1/customers", "/v1/cards", "/v1/customers/{acme}", "/v1/lookup?number=4930"}[i%4])
	w.pass(time.Millisecond)
	return writes
}

// liveHeap returns the bytes that are reachable, without those of the caches. It checks
// that each cache keeps to its limit.
func (w *world) liveHeap(t *testing.T) int64 {
	t.Helper()
	limits := map[string]int64{"rows": fewBytes, "plans": fewBytes, "decisions": 8 * fewDecisions << 10, "statements": 16 << 20}
	cached := int64(0)
	uses := w.server.cacheUse()
	uses["decisions"] = bounded.Use{Bytes: w.server.memory.Bytes()}
	for name, use := range uses {
		if cached += use.Bytes; use.Bytes > limits[name] {
			t.Errorf("the cache of %s holds %d bytes", name, use.Bytes)
		}
	}
	var sizes []int64
	for range 3 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		sizes = append(sizes, int64(m.HeapAlloc))
	}
	return slices.Min(sizes) - cached
}
