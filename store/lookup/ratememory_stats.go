package lookup

import "context"

// MemoryStats is what look-ups keep in memory, and what became of it so far.
type MemoryStats struct {
	Bytes, Budget           int64
	Revisions               int   // whose rates are kept
	Waiting                 int   // that are to be read
	Loads, Evictions        int64 // Loads counts revisions read, Evictions whatever made room
	Failures                int64 // revisions that did not fit, or could not be read
	FromMemory, FromStorage int64 // revisions that look-ups found here, and did not
}

// stats tells how the memory stands.
func (m *rateMemory) stats() MemoryStats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return MemoryStats{
		Bytes: m.held, Budget: m.budget, Revisions: len(m.latest), Waiting: len(m.waiting), Loads: m.loads.Load(),
		Evictions: m.evictions.Load(), Failures: m.failures.Load(), FromMemory: m.fromMemory.Load(), FromStorage: m.fromDatabase.Load(),
	}
}

// wait returns when nothing is left to be read, or ctx's error. Look-ups never need it; measurements do.
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
