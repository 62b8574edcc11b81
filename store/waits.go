package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"resellerd/store/fault"
)

// waits tracks since when no write has got its lock or its turn. The zero value has seen
// no write. It is safe for concurrent use.
type waits struct {
	mu     sync.Mutex
	now    int       // the number of writes that wait
	since  time.Time // zero if none waits, and the last one that did got its lock
	tenant string    // of the write that began to wait then
}

// during runs a wait for a lock of a tenant.
func (w *waits) during(tenant string, wait func() error) error {
	w.mu.Lock()
	if w.now++; w.since.IsZero() {
		w.since, w.tenant = time.Now(), tenant
	}
	w.mu.Unlock()
	err := wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now--
	switch {
	case err != nil:
	case w.now == 0:
		w.since = time.Time{}
	default:
		w.since, w.tenant = time.Now(), tenant
	}
	return err
}

// blocked returns since when no write has got its lock, and for which tenant the first
// one waited; zero if writes are not blocked.
func (w *waits) blocked() (since time.Time, tenant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.since, w.tenant
}

// Writable returns ErrUnavailable if no write has got its lock for longer than limit,
// while at least one waited for it, and if it does not get it now either.
func (s *Store) Writable(ctx context.Context, limit time.Duration) error {
	since, tenant := s.waits.blocked()
	if since.IsZero() || time.Since(since) < limit {
		return nil
	}
	err := s.Write(ctx, tenant, func(*Tx) error { return nil })
	if err == nil {
		return nil
	}
	return fmt.Errorf("no write has got its lock for more than %v: %w: %w", limit, fault.ErrUnavailable, err)
}
