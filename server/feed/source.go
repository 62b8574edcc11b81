package feed

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"

	"resellerd/policies/bounded"
	"resellerd/store"
	"resellerd/store/history"
	"resellerd/store/schema"
)

// Source reads changes for all waiting readers of a process. Readers of one tenant that
// have come as far as each other share one read. It is safe for concurrent use.
type Source struct {
	store *store.Store
	reads singleflight.Group

	mu     sync.Mutex
	newest *bounded.Cache[string, page] // by tenant
	untold untoldAt
	losses int64         // of the database's history, that lost is about
	lost   schema.Micros // when the last one was noticed

	begun *bounded.Cache[string, store.ChangePlace] // how far readers have come, by reader and cursor
}

// untoldAt is store.ChangesUntold at a data revision.
type untoldAt struct {
	revision history.DataRevision
	until    int64
}

// page holds the changes of a tenant that the source read last.
type page struct {
	after    store.ChangePlace
	revision history.DataRevision
	changes  []store.Change
}

// The bytes of the caches of a source, and the estimated bytes of an entry. One account has
// begunOfEach of begunBytes, which are about 300 readers.
const (
	newestBytes = 8 << 20
	begunBytes  = 16 << 20
	begunOfEach = 128 << 10
	placeBytes  = 300
)

// NewSource returns a source over a store.
func NewSource(st *store.Store) *Source {
	return &Source{store: st, losses: st.HistoryLost(), newest: bounded.New[string, page](newestBytes), begun: newBegun()}
}

func newBegun() *bounded.Cache[string, store.ChangePlace] {
	return bounded.NewShared[string, store.ChangePlace](begunBytes, begunOfEach)
}

// CacheUse returns the estimated bytes and the evictions of the caches.
func (s *Source) CacheUse() bounded.Use { return s.newest.Use().Plus(s.begun.Use()) }

// after reads the changes of a tenant after a place, until a data revision.
func (s *Source) after(ctx context.Context, tenant string, place store.ChangePlace, revision history.DataRevision) ([]store.Change, error) {
	s.mu.Lock()
	known, ok := s.newest.Get(tenant)
	s.mu.Unlock()
	if ok && known.after == place && known.revision == revision {
		return known.changes, nil
	}
	got, err := s.shared(ctx, fmt.Sprint(tenant, place, revision), func(ctx context.Context) (any, error) {
		some, err := s.store.Changes(ctx, tenant, place, revision.N, slice)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.newest.Add(tenant, page{place, revision, some}, bytesOf(some))
		}
		return some, err
	})
	if err != nil {
		return nil, err
	}
	return got.([]store.Change), nil
}

// untoldAt returns store.ChangesUntold, read when the store had the revision.
func (s *Source) untoldAt(ctx context.Context, revision history.DataRevision) (int64, error) {
	s.mu.Lock()
	known := s.untold
	s.mu.Unlock()
	if known.revision == revision && revision.N != 0 {
		return known.until, nil
	}
	got, err := s.shared(ctx, fmt.Sprint("untold ", revision), func(ctx context.Context) (any, error) {
		until, err := s.store.ChangesUntold(ctx)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.untold = untoldAt{revision, until}
		}
		return until, err
	})
	if err != nil {
		return 0, err
	}
	return got.(int64), nil
}

// shared reads once for all that ask at the same time. The read goes on if one of them
// leaves.
func (s *Source) shared(ctx context.Context, key string, read func(context.Context) (any, error)) (any, error) {
	done := s.reads.DoChan(key, func() (any, error) { return read(context.WithoutCancel(ctx)) })
	select {
	case got := <-done:
		return got.Val, got.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// lostAt returns when the last loss of the database's history was noticed, 0 for none. It
// notices one now.
func (s *Source) lostAt(now schema.Micros) schema.Micros {
	s.mu.Lock()
	defer s.mu.Unlock()
	if losses := s.store.HistoryLost(); losses != s.losses {
		s.losses, s.lost = losses, now
	}
	return s.lost
}

// bytesOf estimates the size of changes.
func bytesOf(changes []store.Change) (n int64) {
	for _, c := range changes {
		n += placeBytes + 64*int64(len(c.Changed)) + rowBytes(c.Before) + rowBytes(c.After)
	}
	return n + placeBytes
}

func rowBytes(row map[string]any) int64 {
	n := 64 * int64(len(row))
	for _, value := range row {
		switch value := value.(type) {
		case []any:
			n += 64 * int64(len(value))
		case store.SetPart:
			n += 64 * int64(len(value.With)+len(value.Without))
		}
	}
	return n
}

// keep remembers that a reader sees no change between its cursor and a place. Readers of
// other accounts take no room for that.
func (s *Source) keep(account, key string, place store.ChangePlace) {
	s.begun.AddFor(account, key, place, placeBytes+int64(len(key)))
}

// seen returns what keep remembers.
func (s *Source) seen(key string) (store.ChangePlace, bool) { return s.begun.Get(key) }
