package lookup

import (
	"maps"
	"slices"
	"time"
)

// want queues revisions in the order given. It skips revisions that are
// queued already or that recently failed to load.
func (m *rateMemory) want(all []wantedRates) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, w := range all {
		if m.waiting[w.revision] || len(m.wanted) >= maxWanted || m.refused[w.revision].After(now) || m.ctx.Err() != nil {
			continue
		}
		m.waiting[w.revision], w.losses = true, m.losses
		m.wanted = append(m.wanted, w)
	}
	if len(m.wanted) > 0 && !m.running {
		m.running, m.idle = true, make(chan struct{})
		m.done.Add(1)
		go m.work()
	}
}

// work reads the queued revisions until none is left.
func (m *rateMemory) work() {
	defer m.done.Done()
	for {
		w, ok := m.next()
		if !ok {
			return
		}
		m.read(w)
	}
}

func (m *rateMemory) next() (wantedRates, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.wanted) == 0 || m.ctx.Err() != nil {
		m.running, m.wanted = false, nil
		clear(m.waiting)
		close(m.idle)
		return wantedRates{}, false
	}
	w := m.wanted[0]
	m.wanted = m.wanted[1:]
	return w, true
}

// read loads one revision. If that fails, the revision is not requested again
// for a while.
func (m *rateMemory) read(w wantedRates) {
	err := m.load(m.ctx, w)
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.losses != m.losses {
		return
	}
	delete(m.waiting, w.revision)
	if err == nil {
		m.loads.Add(1)
		return
	}
	m.failures.Add(1)
	now := m.now()
	maps.DeleteFunc(m.refused, func(_ string, until time.Time) bool { return !until.After(now) })
	m.refused[w.revision] = now.Add(resting)
}

// before reads a revision that w is built from, ahead of its turn, if it is
// queued.
func (m *rateMemory) before(w wantedRates, revision string) {
	m.mu.Lock()
	at := slices.IndexFunc(m.wanted, func(o wantedRates) bool { return o.revision == revision })
	if at < 0 || w.depth >= maxChain {
		m.mu.Unlock()
		return
	}
	below := m.wanted[at]
	below.depth = w.depth + 1
	m.wanted = slices.Delete(m.wanted, at, at+1)
	m.mu.Unlock()
	m.read(below)
}
