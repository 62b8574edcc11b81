package store

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// waits tracks since when no write has got its lock or its turn. The zero value has seen
// no write. It is safe for concurrent use.
type waits struct {
	mu     sync.Mutex
	now    int       // the number of writes that wait
	since  time.Time // zero if none waits, and the last one that did got its lock
	tenant string    // of the write that began to wait then
	byWork map[string]LockWaits
}

// LockWaits counts the waits of one kind of work for the lock of writers.
type LockWaits struct {
	Count, Failed int64 // Failed is how many of them did not get the lock
	Time          time.Duration
}

// before runs a wait that one for the lock follows. If it succeeds, only its time counts,
// and no write has got its lock.
func (w *waits) before(tenant string, work dialect.Work, wait func() error) error {
	began := time.Now()
	alone := w.begin(tenant)
	err := wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now--
	switch {
	case err != nil:
		w.count(work.Label(), time.Since(began), err)
	case alone && w.now == 0: // it may never wait for the lock, if it gets no connection
		w.since = time.Time{}
		fallthrough
	default:
		one := w.byWork[work.Label()]
		one.Time += time.Since(began)
		w.set(work.Label(), one)
	}
	return err
}

// begin reports whether no other write has waited since one got its lock.
func (w *waits) begin(tenant string) (alone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now++
	if alone = w.since.IsZero(); alone {
		w.since, w.tenant = time.Now(), tenant
	}
	return alone
}

func (w *waits) set(work string, to LockWaits) {
	if w.byWork == nil {
		w.byWork = map[string]LockWaits{}
	}
	w.byWork[work] = to
}

// during runs a wait for a lock of a tenant, and counts it.
func (w *waits) during(tenant string, work dialect.Work, wait func() error) error {
	began := time.Now()
	w.begin(tenant)
	err := wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now--
	w.count(work.Label(), time.Since(began), err)
	switch {
	case err != nil:
	case w.now == 0:
		w.since = time.Time{}
	default:
		w.since, w.tenant = time.Now(), tenant
	}
	return err
}

func (w *waits) count(work string, took time.Duration, err error) {
	one := w.byWork[work]
	one.Count++
	one.Time += took
	if err != nil {
		one.Failed++
	}
	w.set(work, one)
}

// blocked returns since when no write has got its lock, and for which tenant the first
// one waited; zero if writes are not blocked.
func (w *waits) blocked() (since time.Time, tenant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.since, w.tenant
}

// LockWaits returns the waits for the lock of writers since Open, by kind of work:
// write, import, build, proof, dry_run or sweep.
func (s *Store) LockWaits() map[string]LockWaits {
	s.waits.mu.Lock()
	defer s.waits.mu.Unlock()
	return maps.Clone(s.waits.byWork)
}

// Blocked returns since when no write has got its lock while at least one waited for
// it, or 0.
func (s *Store) Blocked() time.Duration {
	since, _ := s.waits.blocked()
	if since.IsZero() {
		return 0
	}
	return time.Since(since)
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
