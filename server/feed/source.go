package feed

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"

	"resellerd/policies/bounded"
	"resellerd/store"
	"resellerd/store/history"
)

// Source reads changes for all waiting readers of a process. Readers of one tenant that
// have come as far as each other share one read. It is safe for concurrent use.
type Source struct {
	store *store.Store
	reads singleflight.Group

	mu     sync.Mutex
	newest *bounded.Cache[string, page]              // by tenant
	places *bounded.Cache[string, store.ChangePlace] // by reader and cursor
}

// page holds the changes of a tenant that the source read last.
type page struct {
	after    store.ChangePlace
	revision history.DataRevision
	changes  []store.Change
}

// The bytes of the caches of a source, and the estimated bytes of an entry.
const (
	newestBytes = 8 << 20
	placesBytes = 4 << 20
	placeBytes  = 512
)

// NewSource returns a source over a store.
func NewSource(st *store.Store) *Source {
	return &Source{store: st, newest: bounded.New[string, page](newestBytes), places: bounded.New[string, store.ChangePlace](placesBytes)}
}

// Bytes returns the estimated bytes of the caches.
func (s *Source) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest.Bytes() + s.places.Bytes()
}

// after reads the changes of a tenant after a place.
func (s *Source) after(ctx context.Context, tenant string, place store.ChangePlace) ([]store.Change, error) {
	revision := s.store.DataRevision()
	s.mu.Lock()
	known, ok := s.newest.Get(tenant)
	s.mu.Unlock()
	if ok && known.after == place && known.revision == revision {
		return known.changes, nil
	}
	read := s.reads.DoChan(fmt.Sprint(tenant, place, revision), func() (any, error) {
		some, err := s.store.Changes(context.WithoutCancel(ctx), tenant, place, slice)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.newest.Add(tenant, page{place, revision, some}, bytesOf(some))
		}
		return some, err
	})
	select {
	case got := <-read:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.([]store.Change), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// bytesOf estimates the size of changes.
func bytesOf(changes []store.Change) (n int64) {
	for _, c := range changes {
		n += placeBytes + 64*int64(len(c.Changed)+len(c.Before)+len(c.After))
		for _, row := range []map[string]any{c.Before, c.After} {
			if to, ok := row[assignedTo].([]any); ok {
				n += 64 * int64(len(to))
			}
		}
	}
	return n + placeBytes
}

// keep remembers that a reader with a cursor sees no change until a place.
func (s *Source) keep(key string, place store.ChangePlace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places.Add(key, place, placeBytes+int64(len(key)))
}

// seen returns the place that keep remembers.
func (s *Source) seen(key string) (store.ChangePlace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places.Get(key)
}
