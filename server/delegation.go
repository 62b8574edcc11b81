package server

import (
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/store"
)

// given is what groups add up to as they are written. No ceiling is looked at:
// what one hides today counts, because it may be lifted tomorrow.
func (w *writing) given(groups ...string) (map[string][]string, error) {
	all, err := w.tx.Grants(w.r.Ctx, groups...)
	if err != nil {
		return nil, err
	}
	return session.AccessNames(all), nil
}

// change begins the policy's input about a write of these fields. The access of
// the acting user is also taken as the groups write it, without ceilings, and as
// it was before the write. A ceiling above the giver also lies above the
// receiver. Lifting it therefore never makes the receiver stronger than the giver.
func (w *writing) change(n rowWriter, fields []string) *input.Change {
	change := &input.Change{Fields: fields}
	if n.held != nil {
		change.Held = session.AccessNames(w.r.Subject.Granted)
	}
	return change
}

// opened is the access that a change of an account newly allows: all that the new
// ceiling allows and the old one did not. For an account that is put in force
// again, the access of its users and of those below it counts as well. An actor
// who may not read that access is refused before it is added up, because the
// answer would reveal it.
func (w *writing) opened(before, after store.Account) (map[string][]string, error) {
	anew := []store.Access{after.Ceiling.Beyond(before.Ceiling)}
	if before.Status != store.Active && after.Status == store.Active {
		for _, typ := range []string{"user", "group"} {
			if _, err := w.r.ReadPlan(typ); err != nil {
				return nil, err
			}
		}
		held, err := w.tx.GrantsBelow(w.r.Ctx, after.ID)
		if err != nil {
			return nil, err
		}
		anew = append(anew, held)
	}
	return session.AccessNames(store.Resolve(anew, nil)), nil
}
