package webhook

import (
	"sync"
	"time"
)

const (
	// manyHosts is how many receivers fail in a row, without a success, until the fault
	// seems to be in this process. They belong to manyTenants, if as many have webhooks: the
	// receivers of one tenant may all be gone.
	manyHosts   = 3
	manyTenants = 3
	// asideFor is the time for which a process lets others take the lease.
	asideFor = 3 * time.Second
	// asideEvery is the least time between two such times, so that a process that is alone
	// goes on.
	asideEvery = 30 * time.Second
)

// health notices that this process cannot deliver, although another one may. It is safe
// for concurrent use.
type health struct {
	mu     sync.Mutex
	failed map[string]map[string]bool // hosts since the last success, by tenant
	leave  bool                       // the process stands aside when nothing is on its way
	at     time.Time                  // when the process stood aside last
}

// undecidedHost stands for as many hosts as are many: nothing could be decided.
const undecidedHost = ""

// well says that something was delivered, or a receiver has answered.
func (h *health) well() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = nil
}

// unreachable says that a receiver of a tenant could not be reached.
func (h *health) unreachable(tenant, host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed == nil {
		h.failed = map[string]map[string]bool{}
	}
	if h.failed[tenant] == nil {
		h.failed[tenant] = map[string]bool{}
	}
	if len(h.failed[tenant]) < manyHosts {
		h.failed[tenant][host] = true
	}
}

// faulty says that this process could not decide what to deliver to a tenant.
func (h *health) faulty(tenant string) {
	h.unreachable(tenant, undecidedHost)
}

// aside reports whether this process begins nothing now, so that others take the lease as soon
// as nothing is on its way any more (busy). tenants is how many have webhooks.
func (h *health) aside(now time.Time, tenants int, busy bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sick(tenants) && (h.at.IsZero() || now.Sub(h.at) >= asideEvery) {
		h.failed, h.leave = nil, true
	}
	if h.leave && !busy {
		h.leave, h.at = false, now
	}
	return h.leave || !h.at.IsZero() && now.Sub(h.at) < asideFor
}

// isLeaving reports whether the process waits for the end of what is on its way.
func (h *health) isLeaving() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.leave
}

func (h *health) sick(tenants int) bool {
	hosts := 0
	for _, failed := range h.failed {
		if hosts += len(failed); failed[undecidedHost] {
			hosts += manyHosts
		}
	}
	return hosts >= manyHosts && len(h.failed) >= min(manyTenants, tenants)
}
