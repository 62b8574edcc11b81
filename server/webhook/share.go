package webhook

import (
	"cmp"
	"slices"

	"resellerd/store"
)

// Places are how many webhooks are served at a time. A tenant has a share of them, and so
// has a host, so that none delays the others. Those whose last attempt failed get half.
const (
	places   = 256
	ofTenant = places / 4
	ofHost   = places / 8
)

// places that are taken, and who had the last turns.
type shares struct {
	all, failed  int
	tenant, host map[string]int
	turn         int64
	last         map[string]int64 // the last turn of a tenant
}

func newShares() shares {
	return shares{tenant: map[string]int{}, host: map[string]int{}, last: map[string]int64{}}
}

// candidate is a webhook that has work.
type candidate struct {
	due  *store.WebhookDue
	host string
	last int64 // its last turn
}

// inStore reports whether the store itself says that there is work, whatever was served.
func (c candidate) inStore() bool {
	return c.due.Ended || c.due.Letter || c.due.Fresh || c.due.Waiting || c.due.Late
}

// choose takes places for candidates. Tenants take turns, and the webhooks of each do:
// those who waited longest come first.
func (s *shares) choose(all []candidate) (chosen []candidate) {
	lines := map[string][]candidate{}
	var tenants []string
	for _, c := range all {
		if lines[c.due.TenantID] == nil {
			tenants = append(tenants, c.due.TenantID)
		}
		lines[c.due.TenantID] = append(lines[c.due.TenantID], c)
	}
	slices.SortFunc(tenants, func(a, b string) int { return cmp.Or(cmp.Compare(s.last[a], s.last[b]), cmp.Compare(a, b)) })
	for _, line := range lines {
		slices.SortStableFunc(line, func(a, b candidate) int { return cmp.Compare(a.last, b.last) })
	}
	for took := true; took; {
		took = false
		for _, tenant := range tenants {
			line := lines[tenant]
			for len(line) > 0 && !s.admit(line[0]) {
				line = line[1:] // no place becomes free meanwhile
			}
			if len(line) > 0 {
				s.count(line[0], 1)
				s.turn++
				line[0].last, s.last[tenant] = s.turn, s.turn
				chosen, line, took = append(chosen, line[0]), line[1:], true
			}
			lines[tenant] = line
		}
	}
	return chosen
}

func (s *shares) admit(c candidate) bool {
	return s.all < places && s.tenant[c.due.TenantID] < ofTenant && s.host[c.host] < ofHost && (!c.due.Failed || s.failed < places/2)
}

// count takes a place for n 1, and gives it back for n -1.
func (s *shares) count(c candidate, n int) {
	s.all += n
	if c.due.Failed {
		s.failed += n
	}
	for counts, of := range map[*map[string]int]string{&s.tenant: c.due.TenantID, &s.host: c.host} {
		if (*counts)[of] += n; (*counts)[of] == 0 {
			delete(*counts, of)
		}
	}
}
