package session

import (
	"maps"
	"slices"
	"time"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
)

// AccessByArea asks for every action on every area that could differ from another,
// and records it as one entry, as a list is. It returns the actions by area,
// without redundant areas, and a DeniedError where no decision could be made.
func (r *Session) AccessByArea() (map[string][]string, error) {
	start := time.Now()
	access, asked, failed := r.judgeAreas()
	if asked != nil {
		return nil, &DeniedError{Decision: r.Record(asked, failed, start)}
	}
	err := r.recordAccess(access, start)
	r.dropRedundant(access)
	return access, err
}

// AccessUnrecorded is AccessByArea without a record.
func (r *Session) AccessUnrecorded() (map[string][]string, error) {
	access, asked, failed := r.judgeAreas()
	if asked != nil {
		return nil, &DeniedError{Decision: failed}
	}
	r.dropRedundant(access)
	return access, nil
}

// judgeAreas is AccessByArea without a record, redundant areas included. Where no
// decision could be made it gives the question.
func (r *Session) judgeAreas() (access map[string][]string, asked *input.Input, failed policies.Decision) {
	access = map[string][]string{}
	all := r.Areas()
	for _, area := range all {
		allowed := []string{}
		for _, action := range AccessActions {
			in := r.Input(action, "area", areas.Asked(area, all))
			d := r.Judge(in)
			if d.Outcome == policies.OutcomeError {
				return nil, in, d
			}
			if d.Allow {
				allowed = append(allowed, action)
			}
		}
		access[area] = allowed
	}
	return access, nil, failed
}

// Areas are resellerd's own and the breakpoints of the user's access and of the
// policy's ceiling, what holds everywhere else among them. They are sorted.
func (r *Session) Areas() []string {
	set := maps.Clone(resource.OwnAreas)
	for _, access := range []map[string][]string{r.Facts.Access, r.Engine.Limits().ResellerCeiling} {
		for area := range access {
			set[area] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// dropRedundant leaves the areas that are resellerd's own, that a group names,
// or that differ from what lies above them. A ceiling that changes nothing for
// the user is not shown to it.
func (r *Session) dropRedundant(access map[string][]string) {
	for _, area := range slices.Backward(slices.Sorted(maps.Keys(access))) {
		if resource.OwnAreas[area] || slices.Contains(r.Subject.Named, area) {
			continue
		}
		if area == areas.Any || slices.Equal(access[area], Inherited(access, area)) {
			delete(access, area)
		}
	}
}

// Inherited is the access of the nearest area above that access has.
func Inherited(access map[string][]string, area string) []string {
	for at := areas.Above(area); at != ""; at = areas.Above(at) {
		if above, ok := access[at]; ok {
			return above
		}
	}
	return access[areas.Any]
}

// recordAccess records the answer of /v1/me: the question without an area, the
// answer with all of them.
func (r *Session) recordAccess(access map[string][]string, start time.Time) error {
	in := r.Input("read", "area", "")
	d := policies.Decision{Allow: true, Outcome: policies.OutcomeAllow}
	r.Count.Filter(r.Engine, "other", in, d.Outcome, time.Since(start))
	return r.Log(in, d, &record.Listed{Access: access}, time.Since(start))
}
