package server

import (
	"resellerd/policies"
	"resellerd/store"
)

// given is what groups add up to as they are written. No ceiling is looked at:
// what one hides today counts, because it may be lifted tomorrow.
func (w *writing) given(groups ...string) (map[string][]string, error) {
	all, err := w.tx.Grants(w.r.ctx, groups...)
	if err != nil {
		return nil, err
	}
	return accessNames(all), nil
}

// change begins what the policy is told of a write of these fields. What the
// acting user holds is as written, too, and as it was before the write: who is
// given something lies below every ceiling that lies over the giver.
func (w *writing) change(n noun, fields []string) *policies.Change {
	change := &policies.Change{Fields: fields}
	if n.held != nil {
		change.Held = accessNames(w.r.subject.Granted)
	}
	return change
}

// opened is what a change of an account lets its users have anew: what its
// ceiling let nobody have before and, where the account is active again, what
// its users and those below it hold. That is not added up for an actor who may
// not read it: the answer would tell of it.
func (w *writing) opened(before, after store.Account) (map[string][]string, error) {
	anew := []store.Access{after.Ceiling.Beyond(before.Ceiling)}
	if before.Status != store.Active && after.Status == store.Active {
		for _, typ := range []string{"user", "group"} {
			if _, err := w.r.reading(typ); err != nil {
				return nil, err
			}
		}
		held, err := w.tx.GrantsBelow(w.r.ctx, after.ID)
		if err != nil {
			return nil, err
		}
		anew = append(anew, held)
	}
	return accessNames(store.Resolve(anew, nil)), nil
}
