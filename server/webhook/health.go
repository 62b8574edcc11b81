package webhook

import (
	"sync"
	"time"
)

const (
	// manyHosts is how many receivers fail in a row, without a success, until the fault
	// seems to be in this process.
	manyHosts = 3
	// asideFor is the time for which a process lets others take the lease.
	asideFor = 3 * time.Second
	// asideEvery is the least time between two such times, so that a process that is alone
	// goes on.
	asideEvery = 30 * time.Second
)

// health notices that this process cannot deliver, although another one may. It is safe
// for concurrent use.
type health struct {
	mu    sync.Mutex
	hosts map[string]bool // that failed since the last success
	own   bool            // a fault of this process, since the last success
	at    time.Time       // when the process stood aside last
}

// well says that something was delivered, or a receiver has answered.
func (h *health) well() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hosts, h.own = nil, false
}

// unreachable says that a receiver could not be reached.
func (h *health) unreachable(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hosts == nil {
		h.hosts = map[string]bool{}
	}
	if len(h.hosts) < manyHosts {
		h.hosts[host] = true
	}
}

// faulty says that this process could not decide what to deliver.
func (h *health) faulty() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.own = true
}

// aside reports whether this process leaves the lease to others now.
func (h *health) aside(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (h.own || len(h.hosts) >= manyHosts) && (h.at.IsZero() || now.Sub(h.at) >= asideEvery) {
		h.hosts, h.own, h.at = nil, false, now
	}
	return !h.at.IsZero() && now.Sub(h.at) < asideFor
}
