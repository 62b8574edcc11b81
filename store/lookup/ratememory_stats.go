package lookup

import "context"

// MemoryStats describes the cache of look-ups and counts its events so far.
type MemoryStats struct {
	Bytes, Budget           int64
	Revisions               int   // revisions with cached rates
	Waiting                 int   // revisions that wait to be read
	Loads, Evictions        int64 // Loads counts revisions read, Evictions evicted items of any kind
	Failures                int64 // revisions that did not fit or could not be read
	FromMemory, FromStorage int64 // revisions that look-ups found in the cache, or did not
}

// stats returns the state of the cache.
func (m *rateMemory) stats() MemoryStats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return MemoryStats{
		Bytes: m.held, Budget: m.budget, Revisions: len(m.latest), Waiting: len(m.waiting), Loads: m.loads.Load(),
		Evictions: m.evictions.Load(), Failures: m.failures.Load(), FromMemory: m.fromMemory.Load(), FromStorage: m.fromDatabase.Load(),
	}
}

// wait returns when no revision is waiting to be read, or the error of ctx. Look-ups never need it;
// measurements do.
func (m *rateMemory) wait(ctx context.Context) error {
	m.mu.RLock()
	idle := m.idle
	m.mu.RUnlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
