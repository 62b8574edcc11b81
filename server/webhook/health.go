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
	// leaveFor is the time for which a process begins nothing, so that what is on its way ends.
	// If that takes longer, the process stays: the others would send the same messages.
	leaveFor = staleAfter
)

// health notices that this process cannot deliver, although another one may. It is safe
// for concurrent use.
type health struct {
	mu     sync.Mutex
	failed map[string]map[string]bool // hosts since the last success, by tenant
	leave  time.Time                  // since then, the process waits for the end of what is on its way; zero: it stays
	at     time.Time                  // when the process stood aside last
}

// undecidedHost stands for as many hosts as are many: nothing could be decided.
const undecidedHost = ""

// well says that something was delivered, or a receiver has answered: the process stays.
func (h *health) well() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed, h.leave = nil, time.Time{}
}

// idle says that there is nothing to do. What was decided before does not hold for later work.
func (h *health) idle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leave = time.Time{}
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

// decided says that this process could decide what to deliver to a tenant.
func (h *health) decided(tenant string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delete(h.failed[tenant], undecidedHost); len(h.failed[tenant]) == 0 {
		delete(h.failed, tenant)
	}
}

// aside reports whether this process begins nothing now, so that others take the lease as soon
// as nothing is on its way any more (busy). tenants is how many have webhooks.
func (h *health) aside(now time.Time, tenants int, busy bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leave.IsZero() && h.sick(tenants) && (h.at.IsZero() || now.Sub(h.at) >= asideEvery) {
		h.failed, h.leave = nil, now
	}
	switch {
	case h.leave.IsZero():
	case !busy:
		h.leave, h.at = time.Time{}, now
	case now.Sub(h.leave) >= leaveFor:
		h.leave, h.at = time.Time{}, now.Add(-asideFor)
	}
	return !h.leave.IsZero() || !h.at.IsZero() && now.Sub(h.at) < asideFor
}

// isLeaving reports whether the process waits for the end of what is on its way.
func (h *health) isLeaving() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.leave.IsZero()
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
