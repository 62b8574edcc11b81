package server

import (
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/store"
)

// given returns the access that groups add up to, without ceilings. Access that
// a ceiling hides today counts, because the ceiling may be lifted tomorrow.
func (w *writing) given(groups ...string) (map[string][]string, error) {
	all, err := w.tx.Grants(w.r.Ctx, groups...)
	if err != nil {
		return nil, err
	}
	return session.AccessNames(all), nil
}

// change starts the policy's input about a write to these fields. The input also
// holds the acting user's access as the groups grant it, without ceilings, and
// as it was before the write. A ceiling above the giver also lies above the
// receiver. Lifting it therefore never makes the receiver stronger than the
// giver.
func (w *writing) change(n rowWriter, fields []string) *input.Change {
	change := &input.Change{Fields: fields}
	if n.held != nil {
		change.Held = session.AccessNames(w.r.Subject.Granted)
	}
	return change
}

// opened returns the access that a change to an account newly allows: what the
// new ceiling allows and the old one did not. If the account becomes active
// again, the access of its users and of the users below it counts as well. An
// actor who may not read that access is refused before it is added up, because
// the answer would reveal it.
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
