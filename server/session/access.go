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

// AccessByArea decides every action on every area whose answer may differ from
// another area's. It records all answers as one entry, like a list. It returns the
// allowed actions by area, without redundant areas, and those in any other area. It
// returns a DeniedError if a decision fails, and ErrNotRecorded if the log does not take
// the entry.
func (r *Session) AccessByArea() (access map[string][]string, byDefault []string, err error) {
	start := time.Now()
	access, asked, failed := r.judgeAreas()
	if asked != nil {
		return nil, nil, &DeniedError{Decision: r.Record(asked, failed, start)}
	}
	err = r.recordAccess(access, start)
	byDefault = access[areas.Any]
	r.dropRedundant(access)
	return access, byDefault, err
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

// judgeAreas is AccessByArea without a record and with redundant areas. It asks the
// policy once about all areas. If the evaluation fails, it returns its input as asked.
func (r *Session) judgeAreas() (access map[string][]string, asked *input.Input, failed policies.Decision) {
	if known := r.knownMenu(); known != nil {
		return maps.Clone(known.access), nil, failed
	}
	all := r.Areas()
	names := make([]string, len(all))
	for i, area := range all {
		names[i] = areas.Asked(area, all)
	}
	in := r.Input("read", "area", "")
	answers, err := r.Engine.Access(r.Ctx, in, names, AccessActions)
	if err != nil {
		return nil, in, policies.Decision{Outcome: policies.OutcomeError, Err: err}
	}
	access = make(map[string][]string, len(all))
	for i, area := range all {
		access[area] = answers[names[i]]
	}
	if r.keepsMenu() {
		r.Actor.menu.Store(&menu{r.Caller.ClientIP, r.Caller.TokenID, maps.Clone(access)})
	}
	return access, nil, failed
}

// keepsMenu reports whether the answer about all areas holds for later requests of the
// same user, address and panel.
func (r *Session) keepsMenu() bool {
	return r.Actor != nil && r.Actor.Facts == r.Facts && !r.ForceEvaluate && !r.Engine.AccessReadsTime()
}

// knownMenu returns the kept answer about all areas, or nil.
func (r *Session) knownMenu() *menu {
	if !r.keepsMenu() {
		return nil
	}
	if known := r.Actor.menu.Load(); known != nil && known.ip == r.Caller.ClientIP && known.panel == r.Caller.TokenID {
		return known
	}
	return nil
}

// Areas returns, sorted, resellerd's own areas and each area that the user's access or
// the policy's data names. This includes the entry that applies to every area.
func (r *Session) Areas() []string {
	set := maps.Clone(resource.OwnAreas)
	maps.Copy(set, r.Engine.Areas())
	for area := range r.Facts.Access {
		set[area] = true
	}
	set[areas.Any] = true
	return slices.Sorted(maps.Keys(set))
}

// dropRedundant keeps the areas that are resellerd's own, that a group names, or that
// differ from the area above them. So policy data that changes nothing for the user is
// not shown to the user.
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

// Inherited returns the access of the nearest area above this one that access
// contains.
func Inherited(access map[string][]string, area string) []string {
	for at := areas.Above(area); at != ""; at = areas.Above(at) {
		if above, ok := access[at]; ok {
			return above
		}
	}
	return access[areas.Any]
}

// recordAccess records the answer of /v1/me. The input names no area, and the answer
// names all of them.
func (r *Session) recordAccess(access map[string][]string, start time.Time) error {
	in := r.Input("read", "area", "")
	d := policies.Decision{Allow: true, Outcome: policies.OutcomeAllow}
	r.Count.Filter(r.Engine, "other", in, d.Outcome, time.Since(start))
	return r.Log(in, d, &record.Listed{Access: access}, time.Since(start))
}
