package server

import (
	"maps"
	"slices"
	"strings"

	"resellerd/store"
)

// given is what groups add up to, as far as it counts against the actor. No
// ceiling is looked at: one that is lifted tomorrow must not turn what was
// given today into more than its giver held, and what it cuts off today must
// not show in what may be given. What the actor's own groups give, and a
// ceiling takes from it, is left out: theirs would lose it as well. The actor
// is as it was before the write.
func (w *writing) given(groups ...string) (map[string][]string, error) {
	all, err := w.tx.Grants(w.r.ctx, groups...)
	if err != nil {
		return nil, err
	}
	return accessNames(withoutLost(all, w.r.subject.Granted, w.r.subject.Access)), nil
}

// withoutLost is all without the letters that granted has and left has not.
func withoutLost(all, granted, left store.Access) store.Access {
	rest := store.Access{}
	for _, access := range []store.Access{all, granted, left} {
		for area := range access {
			rest[area] = ""
		}
	}
	for _, area := range slices.Collect(maps.Keys(rest)) {
		for _, letter := range all.At(area) {
			if !strings.ContainsRune(granted.At(area), letter) || strings.ContainsRune(left.At(area), letter) {
				rest[area] += string(letter)
			}
		}
	}
	return rest
}
