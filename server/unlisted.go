package server

import (
	"regexp"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/server/resource"
)

// unlistedAreas counts questions of resellers about areas of the panel that policy data
// does not name. An operator finds there which areas to list.
type unlistedAreas struct {
	counter *prometheus.CounterVec
	mu      sync.Mutex
	named   map[string]bool
}

// mostUnlisted limits the areas that have a label of their own.
const mostUnlisted = 100

// idPattern is the form of the ids of rows: those of store.NewID.
const idPattern = `[a-z]{3}_[a-z2-7]{26}`

// rowID finds the id of a row in the name of an area. Such names have no label.
var rowID = regexp.MustCompile(idPattern)

func (u *unlistedAreas) count(e *policies.Engine, area string) {
	if !areas.Valid(area) || e.Lists(area) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.named[area] && len(u.named) >= mostUnlisted || rowID.MatchString(area) {
		area = resource.OtherArea
	} else if !u.named[area] {
		if u.named == nil {
			u.named = map[string]bool{}
		}
		u.named[area] = true
	}
	u.counter.WithLabelValues(area).Inc()
}
